// Package fetchtest makes record batches for tests, byte by byte as the Kafka
// documentation describes them under "Record Batch".
package fetchtest

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// Attributes of a batch, and its codecs.
const (
	Gzip, Snappy, LZ4, Zstd = 1, 2, 3, 4

	LogAppendTime = 0x08
	Transactional = 0x10
	Control       = 0x20
)

// Batch is a record batch of format 2.
type Batch struct {
	// First and Last are offsets; compaction leaves them when it takes records.
	First, Last int64
	LeaderEpoch int32
	Attributes  int16
	// FirstTime and LatestTime are timestamps in milliseconds.
	FirstTime, LatestTime int64
	Producer              int64
	Records               []Record
	// Xerial frames snappy as the Java library does.
	Xerial bool
}

// Record is a record of a batch.
type Record struct {
	Offset, Time int64
	Key, Value   []byte
	Headers      []Header
}

// Header is a record's header.
type Header struct{ Key, Value string }

// Values is a batch of records with values, from an offset on, all at one time.
func Values(first, time int64, values ...string) Batch {
	b := Batch{First: first, Last: first + int64(len(values)) - 1, FirstTime: time, LatestTime: time, Producer: -1}
	for i, value := range values {
		b.Records = append(b.Records, Record{Offset: first + int64(i), Time: time, Value: []byte(value)})
	}
	return b
}

// Bytes is the batch as brokers store and send it.
func (b Batch) Bytes() []byte {
	var records []byte
	for _, r := range b.Records {
		body := b.record(r)
		records = append(binary.AppendVarint(records, int64(len(body))), body...)
	}
	records = b.pack(records)
	be := binary.BigEndian
	data := be.AppendUint16(nil, uint16(b.Attributes))
	data = be.AppendUint32(data, uint32(b.Last-b.First))
	data = be.AppendUint64(data, uint64(b.FirstTime))
	data = be.AppendUint64(data, uint64(b.LatestTime))
	data = be.AppendUint64(data, uint64(b.Producer))
	data = be.AppendUint16(data, 0) // the producer's epoch
	data = be.AppendUint32(data, 0) // the first sequence
	data = be.AppendUint32(data, uint32(len(b.Records)))
	data = append(data, records...)

	out := be.AppendUint64(nil, uint64(b.First))
	out = be.AppendUint32(out, uint32(4+1+4+len(data)))
	out = be.AppendUint32(out, uint32(b.LeaderEpoch))
	out = append(out, 2) // the format
	out = be.AppendUint32(out, crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
	return append(out, data...)
}

func (b Batch) record(r Record) []byte {
	body := []byte{0} // attributes
	body = binary.AppendVarint(body, r.Time-b.FirstTime)
	body = binary.AppendVarint(body, r.Offset-b.First)
	body = field(field(body, r.Key), r.Value)
	body = binary.AppendVarint(body, int64(len(r.Headers)))
	for _, h := range r.Headers {
		body = field(field(body, []byte(h.Key)), []byte(h.Value))
	}
	return body
}

func field(dst, value []byte) []byte {
	if value == nil {
		return binary.AppendVarint(dst, -1)
	}
	return append(binary.AppendVarint(dst, int64(len(value))), value...)
}

func (b Batch) pack(records []byte) []byte {
	var out bytes.Buffer
	var w io.WriteCloser
	switch b.Attributes & 7 {
	case Gzip:
		w = gzip.NewWriter(&out)
	case LZ4:
		w = lz4.NewWriter(&out)
	case Zstd:
		w, _ = zstd.NewWriter(&out) // its options are right
	case Snappy:
		return b.snap(records)
	default:
		return records
	}
	_, _ = w.Write(records) // memory takes all
	_ = w.Close()
	return out.Bytes()
}

// snap compresses in blocks where they are framed.
func (b Batch) snap(records []byte) []byte {
	if !b.Xerial {
		return snappy.Encode(nil, records)
	}
	out := []byte("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
	for len(records) > 0 {
		part := records[:min(len(records), 100)]
		block := snappy.Encode(nil, part)
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(block))), block...)
		records = records[len(part):]
	}
	return out
}
