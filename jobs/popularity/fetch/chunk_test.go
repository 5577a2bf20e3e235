package fetch

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// batch is a record batch whose records sit at the given offsets; it ends at
// last. The value of a record is "v".
func batch(first, last int64, offsets ...int64) *sarama.RecordBatch {
	b := &sarama.RecordBatch{
		FirstOffset: first, LastOffsetDelta: int32(last - first), Version: 2,
		FirstTimestamp: time.UnixMilli(1000), MaxTimestamp: time.UnixMilli(9000),
	}
	for _, offset := range offsets {
		b.Records = append(b.Records, &sarama.Record{
			OffsetDelta: offset - first, TimestampDelta: time.Duration(offset) * time.Millisecond, Value: []byte("v"),
		})
	}
	return b
}

func transactional(b *sarama.RecordBatch, producer int64) *sarama.RecordBatch {
	b.IsTransactional, b.ProducerID = true, producer
	return b
}

// marker ends a producer's transaction; kind 0 aborts it, 1 commits it.
func marker(offset, producer int64, kind byte) *sarama.RecordBatch {
	b := transactional(batch(offset, offset, offset), producer)
	b.Control = true
	b.Records[0].Key = []byte{0, 0, 0, kind}
	return b
}

func block(aborted []*sarama.AbortedTransaction, batches ...*sarama.RecordBatch) *sarama.FetchResponseBlock {
	b := &sarama.FetchResponseBlock{AbortedTransactions: aborted}
	for _, batch := range batches {
		b.RecordsSet = append(b.RecordsSet, &sarama.Records{RecordBatch: batch})
	}
	return b
}

func abort(producer, first int64) *sarama.AbortedTransaction {
	return &sarama.AbortedTransaction{ProducerID: producer, FirstOffset: first}
}

func TestChunkShowsExactlyTheCommittedRecords(t *testing.T) {
	partial := batch(3, 3)
	partial.PartialTrailingRecord = true
	type aborted = []*sarama.AbortedTransaction
	for _, c := range []struct {
		name    string
		from    int64
		block   *sarama.FetchResponseBlock
		offsets []int64
		next    int64
	}{
		{"plain batches", 0, block(nil, batch(0, 2, 0, 1, 2), batch(3, 4, 3, 4)), []int64{0, 1, 2, 3, 4}, 5},
		{"a batch is sent from its beginning", 2, block(nil, batch(0, 3, 0, 1, 2, 3)), []int64{2, 3}, 4},
		{"compaction left gaps and a last offset", 0, block(nil, batch(0, 9, 1, 4)), []int64{1, 4}, 10},
		{"nothing", 7, block(nil), nil, 7},
		{"a batch before the offset", 7, block(nil, batch(0, 6, 6)), nil, 7},
		{"the last batch is cut off", 0, block(nil, batch(0, 2, 0, 1, 2), partial), []int64{0, 1, 2}, 3},
		{"a committed transaction and its marker", 0,
			block(nil, transactional(batch(0, 1, 0, 1), 5), marker(2, 5, 1)), []int64{0, 1}, 3},
		{"an aborted transaction", 0,
			block(aborted{abort(5, 0)}, transactional(batch(0, 1, 0, 1), 5), marker(2, 5, 0), batch(3, 3, 3)), []int64{3}, 4},
		{"an aborted transaction, then a committed one of the same producer", 0,
			block(aborted{abort(5, 0)}, transactional(batch(0, 0, 0), 5), marker(1, 5, 0),
				transactional(batch(2, 2, 2), 5), marker(3, 5, 1)), []int64{2}, 4},
		{"an aborted transaction between those of others", 0,
			block(aborted{abort(5, 1)}, transactional(batch(0, 0, 0), 6), transactional(batch(1, 1, 1), 5),
				batch(2, 2, 2), marker(3, 5, 0), marker(4, 6, 1)), []int64{0, 2}, 5},
		{"aborted transactions out of order", 0,
			block(aborted{abort(6, 2), abort(5, 0)}, transactional(batch(0, 0, 0), 5), marker(1, 5, 0),
				transactional(batch(2, 2, 2), 6), marker(3, 6, 0)), nil, 4},
		{"a record outside of transactions by an aborting producer id", 0,
			block(aborted{abort(5, 0)}, func() *sarama.RecordBatch { b := batch(0, 0, 0); b.ProducerID = 5; return b }()), []int64{0}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			chunk, err := NewChunk(c.block, c.from)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for r := range chunk.Records() {
				got = append(got, r.Offset)
			}
			if !slices.Equal(got, c.offsets) || chunk.Next != c.next || chunk.From != c.from {
				t.Errorf("offsets %v, from %d to %d; want %v, from %d to %d", got, chunk.From, chunk.Next, c.offsets, c.from, c.next)
			}
		})
	}
}

func TestRecordsHaveTheTimeTheTopicSays(t *testing.T) {
	appended := batch(0, 0, 0)
	appended.LogAppendTime = true
	timeless := batch(0, 0, 0)
	timeless.FirstTimestamp, timeless.MaxTimestamp = time.Time{}, time.Time{}
	for _, c := range []struct {
		name  string
		batch *sarama.RecordBatch
		want  int64
	}{{"the producer's", batch(5, 5, 5), 1005}, {"the broker's", appended, 9000}, {"no", timeless, NoTime}} {
		chunk, err := NewChunk(block(nil, c.batch), 0)
		if err != nil {
			t.Fatal(err)
		}
		for r := range chunk.Records() {
			if got := r.Time; got != c.want {
				t.Errorf("%s time: %d, want %d", c.name, got, c.want)
			}
		}
	}
}

func TestWhatCannotBeReadRightIsAnError(t *testing.T) {
	old := &sarama.FetchResponseBlock{RecordsSet: []*sarama.Records{{MsgSet: &sarama.MessageSet{}}}}
	if _, err := NewChunk(old, 0); !errors.Is(err, ErrOldFormat) {
		t.Errorf("an old format gave %v", err)
	}
	broken := marker(0, 5, 0)
	broken.Records[0].Key = []byte{0}
	if _, err := NewChunk(block(nil, broken), 0); err == nil {
		t.Error("a marker without a type was read")
	}
}
