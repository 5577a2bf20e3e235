package send

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"time"

	"github.com/IBM/sarama"
)

// Record is one message on its way. Batch.Add copies its bytes.
type Record struct {
	Value []byte
	// Header is the value of the header RunHeader; nil is none.
	Header []byte
	// Millis is the timestamp, in milliseconds since 1970.
	Millis int64
	// Due is when it should have been sent, counted from a moment of the
	// caller's choice.
	Due time.Duration
}

// RunHeader is the key of the header that tells which run a record belongs to.
const RunHeader = "weir-run"

// Batch is records on their way to one partition. It is filled by one
// goroutine, then belongs to its Writer, and is used again when it has been
// acknowledged: in steady state nothing is allocated for a record.
type Batch struct {
	limit int
	// bytes is the batch as Kafka keeps it ("Record Batch" in its documentation of
	// the message format): a header, whose room is left, and records.
	bytes  []byte
	marks  []mark
	begun  time.Time
	first  int64 // timestamps, of the first record and the latest
	latest int64
	packer packer
	packed []byte // the same, compressed; empty where it is not

	generation int // of the producer id that its number belongs to; 0 for none
	id         Identity
	sequence   int32
	state      state
	again      bool // it has been sent before
	offset     int64
}

// mark is where a record's value is, and when it was due.
type mark struct {
	start, end int32
	due        time.Duration
}

// state says where a batch is.
type state uint8

const (
	waiting state = iota
	flying
	acknowledged
)

// NewBatch returns an empty batch for records of so many bytes in all. Writers
// have their own.
func NewBatch(limit int) *Batch {
	return &Batch{limit: limit, bytes: make([]byte, headerSize, headerSize+limit)}
}

// reset empties the batch.
func (b *Batch) reset() {
	b.bytes, b.marks, b.packed = b.bytes[:headerSize], b.marks[:0], b.packed[:0]
	b.generation, b.state, b.again, b.offset = 0, waiting, false, 0
}

// Len is the number of records.
func (b *Batch) Len() int { return len(b.marks) }

// Size is how many bytes the records have as they are sent, before compression.
func (b *Batch) Size() int { return len(b.bytes) - headerSize }

// Begun is when the first record was added.
func (b *Batch) Begun() time.Time { return b.begun }

// Offset is where the first record is in the partition, once the batch is
// acknowledged; -1 where the cluster did not say.
func (b *Batch) Offset() int64 { return b.offset }

// Value is what record i says. It must not be kept or changed.
func (b *Batch) Value(i int) []byte { return b.bytes[b.marks[i].start:b.marks[i].end] }

// Due is when record i should have been sent.
func (b *Batch) Due(i int) time.Duration { return b.marks[i].due }

// Add adds a record, unless the batch would get larger than its limit: that is
// false then. Into an empty one everything goes. now is only used for the first.
func (b *Batch) Add(r Record, now time.Time) bool {
	empty := len(b.marks) == 0
	if empty {
		b.first, b.latest = r.Millis, r.Millis
	}
	number, delta := int64(len(b.marks)), r.Millis-b.first
	n := b.sizeOf(r, number, delta)
	switch {
	case empty:
		b.begun = now
	case b.Size()+varint(int64(n))+n > b.limit:
		return false
	}
	b.latest = max(b.latest, r.Millis)
	dst := appendVarint(b.bytes, int64(n))
	dst = append(dst, 0) // attributes
	dst = appendVarint(dst, delta)
	dst = appendVarint(dst, number)
	dst = appendVarint(dst, -1) // no key
	dst = appendVarint(dst, int64(len(r.Value)))
	start := len(dst)
	dst = append(dst, r.Value...)
	b.marks = append(b.marks, mark{start: int32(start), end: int32(len(dst)), due: r.Due})
	if len(r.Header) == 0 {
		b.bytes = append(dst, 0)
		return true
	}
	dst = appendVarint(dst, 1)
	dst = appendVarint(dst, int64(len(RunHeader)))
	dst = append(dst, RunHeader...)
	dst = appendVarint(dst, int64(len(r.Header)))
	b.bytes = append(dst, r.Header...)
	return true
}

// sizeOf is how many bytes a record has behind its length.
func (b *Batch) sizeOf(r Record, number, delta int64) int {
	const fixed = 3 // attributes, no key, number of headers
	n := fixed + varint(delta) + varint(number) + varint(int64(len(r.Value))) + len(r.Value)
	if len(r.Header) > 0 {
		n += 1 + len(RunHeader) + varint(int64(len(r.Header))) + len(r.Header)
	}
	return n
}

// varint is how many bytes n takes, zigzag and in groups of seven bits.
func varint(n int64) int {
	return (bits.Len64(uint64(n<<1)^uint64(n>>63)|1) + 6) / 7
}

// appendVarint is binary.AppendVarint, quicker for the small numbers of records.
func appendVarint(dst []byte, n int64) []byte {
	if u := uint64(n<<1) ^ uint64(n>>63); u < 0x80 {
		return append(dst, byte(u))
	}
	return binary.AppendVarint(dst, n)
}

// Where things are in a batch's header; what the checksum covers begins with the
// attributes.
const (
	lengthAt     = 8
	epochAt      = 12
	formatAt     = 16
	checksumAt   = 17
	attributesAt = 21
	lastAt       = 23
	firstTimeAt  = 27
	latestAt     = 35
	identityAt   = 43
	sequenceAt   = 53
	countAt      = 57
	headerSize   = 61
)

// seal completes the batch but for its number.
func (b *Batch) seal(codec sarama.CompressionCodec) error {
	if codec != sarama.CompressionNone {
		var err error
		b.packed = append(b.packed[:0], b.bytes[:headerSize]...)
		if b.packed, err = b.packer.pack(b.packed, codec, b.bytes[headerSize:]); err != nil {
			return fmt.Errorf("compress with %s: %w", codec, err)
		}
	}
	be, batch := binary.BigEndian, b.sealed()
	clear(batch[:headerSize]) // the first offset is the leader's to say
	be.PutUint32(batch[lengthAt:], uint32(len(batch)-epochAt))
	be.PutUint32(batch[epochAt:], math.MaxUint32) // as is its epoch
	batch[formatAt] = 2
	be.PutUint16(batch[attributesAt:], uint16(codec))
	be.PutUint32(batch[lastAt:], uint32(len(b.marks)-1))
	be.PutUint64(batch[firstTimeAt:], uint64(b.first))
	be.PutUint64(batch[latestAt:], uint64(b.latest))
	be.PutUint32(batch[countAt:], uint32(len(b.marks)))
	return nil
}

// sealed is the batch as it is sent.
func (b *Batch) sealed() []byte {
	if len(b.packed) > 0 {
		return b.packed
	}
	return b.bytes
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// stamp gives the batch its place in the sequence of a producer id.
func (b *Batch) stamp(id Identity, sequence int32) {
	b.id, b.sequence = id, sequence
	be, batch := binary.BigEndian, b.sealed()
	be.PutUint64(batch[identityAt:], uint64(id.ID))
	be.PutUint16(batch[identityAt+8:], uint16(id.Epoch))
	be.PutUint32(batch[sequenceAt:], uint32(sequence))
	be.PutUint32(batch[checksumAt:], crc32.Checksum(batch[attributesAt:], castagnoli))
}
