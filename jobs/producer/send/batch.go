package send

import (
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
	size  int // of the records as they are sent, uncompressed
	bytes []byte
	marks []mark
	begun time.Time

	// What the client library encodes.
	pointers []*sarama.Record
	lists    []*sarama.RecordHeader
	wire     sarama.RecordBatch

	generation int // of the producer id that its number belongs to; 0 for none
	state      state
	again      bool // it has been sent before
	offset     int64
}

// mark is what is known of a record, and where its bytes are.
type mark struct {
	start, value, header int // where value and header end
	millis               int64
	due                  time.Duration
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
	return &Batch{limit: limit, bytes: make([]byte, 0, limit)}
}

// reset empties the batch.
func (b *Batch) reset() {
	b.size, b.bytes, b.marks = 0, b.bytes[:0], b.marks[:0]
	b.generation, b.state, b.again, b.offset = 0, waiting, false, 0
}

// Len is the number of records.
func (b *Batch) Len() int { return len(b.marks) }

// Size is how many bytes the records have as they are sent, before compression.
func (b *Batch) Size() int { return b.size }

// Begun is when the first record was added.
func (b *Batch) Begun() time.Time { return b.begun }

// Offset is where the first record is in the partition, once the batch is
// acknowledged; -1 where the cluster did not say.
func (b *Batch) Offset() int64 { return b.offset }

// Value is what record i says. It must not be kept or changed.
func (b *Batch) Value(i int) []byte { return b.bytes[b.marks[i].start:b.marks[i].value] }

// Due is when record i should have been sent.
func (b *Batch) Due(i int) time.Duration { return b.marks[i].due }

// Add adds a record, unless the batch would get larger than its limit: that is
// false then. Into an empty one everything goes. now is only used for the first.
func (b *Batch) Add(r Record, now time.Time) bool {
	size := b.sizeOf(r)
	switch {
	case len(b.marks) == 0:
		b.begun = now
	case b.size+size > b.limit:
		return false
	}
	b.size += size
	m := mark{start: len(b.bytes), millis: r.Millis, due: r.Due}
	b.bytes = append(b.bytes, r.Value...)
	m.value = len(b.bytes)
	b.bytes = append(b.bytes, r.Header...)
	m.header = len(b.bytes)
	b.marks = append(b.marks, m)
	return true
}

// sizeOf is how many bytes the record would have as the batch's next: see
// "Record" in Kafka's documentation of its message format.
func (b *Batch) sizeOf(r Record) int {
	delta := int64(0)
	if len(b.marks) > 0 {
		delta = r.Millis - b.marks[0].millis
	}
	const fixed = 3 // attributes, no key, number of headers
	n := fixed + varint(delta) + varint(int64(len(b.marks))) + varint(int64(len(r.Value))) + len(r.Value)
	if len(r.Header) > 0 {
		n += 1 + len(RunHeader) + varint(int64(len(r.Header))) + len(r.Header)
	}
	return varint(int64(n)) + n
}

// varint is how many bytes n takes, zigzag and in groups of seven bits.
func varint(n int64) int {
	return (bits.Len64(uint64(n<<1)^uint64(n>>63)|1) + 6) / 7
}

// seal makes the records what the client library encodes.
func (b *Batch) seal(codec sarama.CompressionCodec) {
	b.grow()
	first, latest := b.marks[0].millis, b.marks[0].millis
	for i, m := range b.marks {
		r := b.pointers[i]
		latest = max(latest, m.millis)
		r.OffsetDelta, r.TimestampDelta = int64(i), time.Duration(m.millis-first)*time.Millisecond
		r.Value, r.Headers = b.bytes[m.start:m.value], nil
		if m.header > m.value {
			b.lists[i].Value = b.bytes[m.value:m.header]
			r.Headers = b.lists[i : i+1]
		}
	}
	b.wire = sarama.RecordBatch{
		Version: 2, Codec: codec, CompressionLevel: sarama.CompressionLevelDefault,
		PartitionLeaderEpoch: -1, // the leader fills it in
		LastOffsetDelta:      int32(len(b.marks) - 1),
		FirstTimestamp:       time.UnixMilli(first), MaxTimestamp: time.UnixMilli(latest),
		Records: b.pointers[:len(b.marks)],
	}
}

// grow makes room for as many encodable records as there are marks. Either all
// of them have headers or none.
func (b *Batch) grow() {
	n := cap(b.marks)
	if len(b.pointers) < len(b.marks) {
		records := make([]sarama.Record, n)
		b.pointers = make([]*sarama.Record, n)
		for i := range records {
			b.pointers[i] = &records[i]
		}
	}
	if m := b.marks[0]; m.header > m.value && len(b.lists) < len(b.marks) {
		headers, key := make([]sarama.RecordHeader, n), []byte(RunHeader)
		b.lists = make([]*sarama.RecordHeader, n)
		for i := range headers {
			headers[i].Key, b.lists[i] = key, &headers[i]
		}
	}
}

// stamp gives the batch its place in the sequence of a producer id.
func (b *Batch) stamp(id Identity, sequence int32) {
	b.wire.ProducerID, b.wire.ProducerEpoch, b.wire.FirstSequence = id.ID, id.Epoch, sequence
}
