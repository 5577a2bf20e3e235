// Package fetch reads partitions with Kafka's fetch request, without the channel
// hop a record that the client library's consumer makes, and without making an
// object of each record.
//
// Guarantees: every record of a committed transaction, and every record outside
// of transactions, is seen once, in order, from the offset where reading began;
// leader changes, broker restarts, gaps left by compaction, transaction markers
// and aborted transactions are passed over. An offset that the log no longer has,
// or does not have yet, and a log that was cut below what was read and written
// anew, end reading with an error: nothing is ever skipped to get on. Limits:
// record batches of format 2, brokers of Kafka 0.11 and newer; that a log was
// written anew is noticed with Kafka 2.7 and newer.
package fetch

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Chunk is what one fetch brought. It must be released once its records are no
// longer used.
type Chunk struct {
	// From and Next are the offsets where it begins and where the next begins.
	// Next is larger than From; there may be no record between them.
	From, Next int64
	// LeaderEpoch is that under which the last record was written.
	LeaderEpoch int32
	memory      *buffer // its batches have records to be seen, decompressed
	free        chan<- *buffer
}

// Release gives the chunk's memory back. Records of it are overwritten then.
func (c *Chunk) Release() {
	select {
	case c.free <- c.memory:
	default: // for the garbage collector, as is a chunk that is not released
	}
	c.memory = nil
}

// Parse makes a chunk of record batches that a broker sent, or would have, to who
// asked for them from an offset.
func Parse(batches []byte, from int64) (Chunk, error) {
	return newChunk(response{records: batches}, from, new(buffer), new(unpacker))
}

// newChunk makes a chunk of a response to what was asked for from an offset.
func newChunk(r response, from int64, memory *buffer, u *unpacker) (Chunk, error) {
	c := Chunk{From: from, Next: from, LeaderEpoch: noEpoch, memory: memory}
	memory.batches = memory.batches[:0]
	transactions := newTransactions(r.aborted)
	for data := r.records; len(data) > 0; {
		b, rest, whole, err := nextBatch(data)
		if err != nil {
			return Chunk{}, err
		}
		if !whole {
			break
		}
		data = rest
		if codec := b.attributes & codecMask; codec != plain {
			start := len(memory.scratch)
			if memory.scratch, err = u.unpack(memory.scratch, codec, b.records); err != nil {
				return Chunk{}, fmt.Errorf("batch at offset %d: %w", b.base, err)
			}
			b.records = memory.scratch[start:]
		}
		visible, err := transactions.visible(b)
		if err != nil {
			return Chunk{}, err
		}
		if b.last < from {
			continue
		}
		if visible && b.count > 0 {
			memory.batches = append(memory.batches, b)
		}
		// A batch keeps its last offset when compaction takes its last records.
		c.Next, c.LeaderEpoch = b.last+1, b.leaderEpoch
	}
	return c, nil
}

// Records returns a cursor before the chunk's first record.
func (c *Chunk) Records() Cursor { return Cursor{batches: c.memory.batches, from: c.From} }

// Cursor goes through a chunk's records in the order of their offsets.
type Cursor struct {
	// Record is the current one; Next overwrites it.
	Record  Record
	batch   batch
	batches []batch
	from    int64
	err     error
}

// Next moves to the next record, if there is one.
func (c *Cursor) Next() bool {
	for {
		for c.batch.count == 0 {
			if len(c.batches) == 0 || c.err != nil {
				return false
			}
			c.batch, c.batches = c.batches[0], c.batches[1:]
		}
		c.batch.count--
		if err := c.batch.next(&c.Record); err != nil {
			c.err, c.batch.count = fmt.Errorf("batch at offset %d: %w", c.batch.base, err), 0
			return false
		}
		if c.Record.Offset >= c.from { // a batch is sent whole, from its beginning
			return true
		}
	}
}

// Err says why there was no next record, other than that there is none.
func (c *Cursor) Err() error { return c.err }

// transactions tells which batches belong to transactions that were given up:
// those of a producer from the offset where the broker says its transaction
// began, up to its next marker.
type transactions struct {
	upcoming []transaction  // aborted ones, by first offset
	open     map[int64]bool // aborted ones, by producer
}

func newTransactions(aborted []transaction) *transactions {
	slices.SortStableFunc(aborted, func(a, b transaction) int { return cmp.Compare(a.first, b.first) })
	return &transactions{upcoming: aborted}
}

// visible says whether a batch's records are to be seen. Batches must be given in
// the order of the log.
func (t *transactions) visible(b batch) (bool, error) {
	for len(t.upcoming) > 0 && t.upcoming[0].first <= b.last {
		if t.open == nil {
			t.open = map[int64]bool{}
		}
		t.open[t.upcoming[0].producer] = true
		t.upcoming = t.upcoming[1:]
	}
	if !b.is(control) {
		return !b.is(transactional) || !t.open[b.producer], nil
	}
	for range b.count {
		var r Record
		if err := b.next(&r); err != nil {
			return false, fmt.Errorf("control batch at offset %d: %w", b.base, err)
		}
		abort, err := isAbort(r.Key)
		if err != nil {
			return false, fmt.Errorf("control batch at offset %d: %w", b.base, err)
		}
		if abort {
			delete(t.open, b.producer)
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
