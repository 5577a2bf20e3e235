// Package fetch reads one partition with Kafka's fetch request, without the
// channel hop a record that the client library's consumer makes.
//
// Guarantees: every record of a committed transaction, and every record outside
// of transactions, is seen once, in order, from the offset where reading began;
// leader changes, broker restarts, gaps left by compaction, transaction markers
// and aborted transactions are passed over. An offset that the log no longer
// has, or does not have yet, ends reading with an error: nothing is ever
// skipped to get on. Limit: record batches of format 2 (Kafka 0.11 and newer).
package fetch

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// ErrOldFormat says that the log holds records of a format before Kafka 0.11's.
var ErrOldFormat = errors.New("the log holds records in a format older than Kafka 0.11's, which is not supported")

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
	headers    []*sarama.RecordHeader
}

// NoTime is the time of a record without a timestamp.
const NoTime = -1

// Header returns the value of the first header with a key; nil where none has it.
func (r Record) Header(key string) []byte {
	for _, h := range r.headers {
		if string(h.Key) == key {
			return h.Value
		}
	}
	return nil
}

// Chunk is what one fetch brought.
type Chunk struct {
	// From and Next are the offsets where it begins and where the next begins.
	// Next is larger than From; there may be no record between them.
	From, Next int64
	batches    []*sarama.RecordBatch
}

// NewChunk makes a chunk of a fetch response's block that was asked for from
// offset `from` with read_committed isolation.
func NewChunk(block *sarama.FetchResponseBlock, from int64) (Chunk, error) {
	c := Chunk{From: from, Next: from}
	aborted := newAborted(block.AbortedTransactions)
	for _, set := range block.RecordsSet {
		batch := set.RecordBatch
		if batch == nil {
			return Chunk{}, ErrOldFormat
		}
		if batch.PartialTrailingRecord {
			break
		}
		visible, err := aborted.visible(batch)
		if err != nil {
			return Chunk{}, err
		}
		if batch.LastOffset() < from {
			continue
		}
		if visible {
			c.batches = append(c.batches, batch)
		}
		// A batch keeps its last offset when compaction takes its last records.
		c.Next = batch.LastOffset() + 1
	}
	return c, nil
}

// Records are the chunk's records in the order of their offsets.
func (c Chunk) Records() iter.Seq[Record] {
	return func(yield func(Record) bool) {
		for _, batch := range c.batches {
			first, appended := millis(batch.FirstTimestamp), millis(batch.MaxTimestamp)
			for _, r := range batch.Records {
				record := Record{Offset: batch.FirstOffset + r.OffsetDelta, Key: r.Key, Value: r.Value, headers: r.Headers, Time: NoTime}
				if record.Offset < c.From {
					continue // a batch is sent whole, from its beginning
				}
				switch {
				case batch.LogAppendTime:
					record.Time = appended
				case first != NoTime:
					record.Time = first + r.TimestampDelta.Milliseconds()
				}
				if !yield(record) {
					return
				}
			}
		}
	}
}

// millis is a batch's timestamp; the library makes a zero time of a missing one.
func millis(t time.Time) int64 { return max(t.UnixMilli(), NoTime) }

// aborted tells which batches belong to transactions that were given up: those
// of a producer from the offset where the broker says its transaction began, up
// to its next marker.
type aborted struct {
	upcoming []*sarama.AbortedTransaction // by first offset
	open     map[int64]bool               // by producer id
}

func newAborted(transactions []*sarama.AbortedTransaction) *aborted {
	upcoming := slices.Clone(transactions)
	slices.SortStableFunc(upcoming, func(a, b *sarama.AbortedTransaction) int {
		return cmp.Compare(a.FirstOffset, b.FirstOffset)
	})
	return &aborted{upcoming: upcoming, open: map[int64]bool{}}
}

// visible says whether a batch's records are to be seen. Batches must be given
// in the order of the log.
func (a *aborted) visible(batch *sarama.RecordBatch) (bool, error) {
	for len(a.upcoming) > 0 && a.upcoming[0].FirstOffset <= batch.LastOffset() {
		a.open[a.upcoming[0].ProducerID] = true
		a.upcoming = a.upcoming[1:]
	}
	if !batch.Control {
		return !(batch.IsTransactional && a.open[batch.ProducerID]), nil
	}
	for _, r := range batch.Records {
		abort, err := isAbort(r.Key)
		if err != nil {
			return false, fmt.Errorf("control batch at offset %d: %w", batch.FirstOffset, err)
		}
		if abort {
			delete(a.open, batch.ProducerID)
		}
	}
	return false, nil
}

// isAbort reads a control record's key: version and type, two bytes each; type
// 0 aborts (Kafka documentation, "Control Batches").
func isAbort(key []byte) (bool, error) {
	const size = 4
	if len(key) < size {
		return false, fmt.Errorf("key has %d bytes, want %d", len(key), size)
	}
	return binary.BigEndian.Uint16(key[2:]) == 0, nil
}
