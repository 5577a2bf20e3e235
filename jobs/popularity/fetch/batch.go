package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// ErrOldFormat says that the log holds records of a format before Kafka 0.11's.
var ErrOldFormat = errors.New("the log holds records in a format older than Kafka 0.11's, which is not supported")

// batch is a record batch of format 2 (Kafka documentation, "Record Batch").
type batch struct {
	base, last  int64 // offsets
	leaderEpoch int32
	attributes  int16
	// first and latest are timestamps in milliseconds.
	first, latest int64
	producer      int64
	count         int32
	records       []byte // compressed or not
}

// What attributes say.
const (
	codecMask         = 0x07
	logAppendTime     = 0x08
	transactional     = 0x10
	control           = 0x20
	batchHeader       = 61
	lengthEnd         = 12 // of the base offset and the length
	crcStart, crcData = 17, 21
)

// castagnoli is the polynomial of batches' checksums; a table of its own would be
// made for each.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// nextBatch reads the batch that data begins with. It is false where data ends
// before the batch does: brokers cut the last one off.
func nextBatch(data []byte) (b batch, rest []byte, whole bool, err error) {
	if len(data) < crcStart {
		return batch{}, nil, false, nil
	}
	b.base = int64(binary.BigEndian.Uint64(data))
	size := int64(int32(binary.BigEndian.Uint32(data[8:]))) + lengthEnd
	if magic := data[16]; magic < 2 {
		return batch{}, nil, false, ErrOldFormat
	} else if magic > 2 {
		return batch{}, nil, false, fmt.Errorf("batch at offset %d has the unknown format %d", b.base, magic)
	}
	if size < batchHeader {
		return batch{}, nil, false, fmt.Errorf("batch at offset %d has %d bytes, want at least %d", b.base, size, batchHeader)
	}
	if int64(len(data)) < size {
		return batch{}, nil, false, nil
	}
	data, rest = data[:size], data[size:]
	if sum := binary.BigEndian.Uint32(data[crcStart:]); sum != crc32.Checksum(data[crcData:], castagnoli) {
		return batch{}, nil, false, fmt.Errorf("batch at offset %d does not have its checksum", b.base)
	}
	b.leaderEpoch = int32(binary.BigEndian.Uint32(data[12:]))
	b.attributes = int16(binary.BigEndian.Uint16(data[21:]))
	b.last = b.base + int64(int32(binary.BigEndian.Uint32(data[23:])))
	b.first = int64(binary.BigEndian.Uint64(data[27:]))
	b.latest = int64(binary.BigEndian.Uint64(data[35:]))
	b.producer = int64(binary.BigEndian.Uint64(data[43:]))
	b.count = int32(binary.BigEndian.Uint32(data[57:]))
	b.records = data[batchHeader:]
	if b.last < b.base || b.count < 0 {
		return batch{}, nil, false, fmt.Errorf("batch at offset %d ends at %d and has %d records", b.base, b.last, b.count)
	}
	return b, rest, true, nil
}

func (b *batch) is(attribute int16) bool { return b.attributes&attribute != 0 }

// Record is one record of a partition.
type Record struct {
	Offset int64
	// Time is the record's timestamp in milliseconds since 1970, set by the
	// producer or, where the topic says so, by the broker; NoTime where there is
	// none.
	Time int64
	// Key is nil where there is none, Value for a tombstone. They must not be
	// kept or changed.
	Key, Value []byte
	headers    []byte
}

// NoTime is the time of a record without a timestamp.
const NoTime = -1

var errRecord = errors.New("a record that is longer than its batch")

// next reads the record that the batch's records begin with.
func (b *batch) next(r *Record) error {
	length, data, ok := varint(b.records)
	if !ok || length < 1 || length > int64(len(data)) {
		return errRecord
	}
	b.records = data[length:]
	data = data[1:length] // without attributes, of which there are none
	time, data, ok1 := varint(data)
	offset, data, ok2 := varint(data)
	key, data, ok3 := field(data)
	value, data, ok4 := field(data)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return errRecord
	}
	r.Offset, r.Key, r.Value, r.headers = b.base+offset, key, value, data
	switch {
	case b.is(logAppendTime):
		r.Time = max(b.latest, NoTime)
	case b.first < 0:
		r.Time = NoTime
	default:
		r.Time = max(b.first+time, NoTime)
	}
	return nil
}

// Header returns the value of the first header with a key; nil where none has it.
func (r *Record) Header(key string) []byte {
	n, data, _ := varint(r.headers)
	for ; n > 0; n-- {
		var name, value []byte
		var ok1, ok2 bool
		name, data, ok1 = field(data)
		value, data, ok2 = field(data)
		if !ok1 || !ok2 {
			return nil
		}
		if string(name) == key {
			return value
		}
	}
	return nil
}

// varint reads a number in zig-zag encoding. One byte is what nearly all take.
func varint(data []byte) (n int64, rest []byte, ok bool) {
	if len(data) > 0 && data[0] < 0x80 {
		u := data[0]
		return int64(u>>1) ^ -int64(u&1), data[1:], true
	}
	n, size := binary.Varint(data)
	if size <= 0 {
		return 0, nil, false
	}
	return n, data[size:], true
}

// field reads bytes with their length before them, -1 for none.
func field(data []byte) (value, rest []byte, ok bool) {
	n, data, ok := varint(data)
	if !ok || n > int64(len(data)) {
		return nil, nil, false
	}
	if n < 0 {
		return nil, data, true
	}
	return data[:n:n], data[n:], true
}
