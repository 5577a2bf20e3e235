package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/jobs/behavior"
)

// Commit collects one atomic change of the state.
type Commit struct {
	batch *pebble.Batch
	key   []byte // reused for every page
	value []byte
}

// NewCommit begins a change. Apply or Discard ends it.
func (s *Store) NewCommit() *Commit { return &Commit{batch: s.db.NewBatch()} }

// Empty says that there is nothing to apply.
func (c *Commit) Empty() bool { return c.batch.Empty() }

// Position stores how far a partition is counted.
func (c *Commit) Position(partition int32, p Position) error {
	return c.batch.Set(partitionKey(positionTag, partition), encode(p), nil)
}

// Page stores all sums of a page of a partition, not what was added to them, and
// the next offset of the commit that changed them.
func (c *Commit) Page(partition int32, page []byte, sums behavior.Sums, changed int64) error {
	c.key = pageKey(c.key[:0], partition, page)
	c.value = binary.BigEndian.AppendUint64(sums.AppendBinary(c.value[:0]), uint64(changed))
	return c.batch.Set(c.key, c.value, nil)
}

// Letter puts a dead letter into the outbox.
func (c *Commit) Letter(d DeadLetter) error {
	return c.batch.Set(letterKey(d.Partition, d.Offset), encode(d), nil)
}

// Apply makes the change durable. After an error the change may be there or
// not, so the state must be opened again before counting on.
func (c *Commit) Apply() error {
	defer c.Discard()
	if err := c.batch.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("commit the state: %w", err)
	}
	return nil
}

// Discard drops the change.
func (c *Commit) Discard() {
	if c.batch != nil {
		_ = c.batch.Close() // it only returns memory
		c.batch = nil
	}
}

// Outbox returns up to limit dead letters, by partition and offset.
func (s *Store) Outbox(limit int) (letters []DeadLetter, err error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{letterTag}, UpperBound: []byte{letterTag + 1},
	})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.First(); it.Valid() && len(letters) < limit; it.Next() {
		var d DeadLetter
		if err := json.Unmarshal(it.Value(), &d); err != nil {
			return nil, fmt.Errorf("dead letter %x in the state: %w", it.Key(), err)
		}
		letters = append(letters, d)
	}
	return letters, it.Error()
}

// Delivered takes dead letters out of the outbox. It is not synced: after a
// crash of the machine a letter may be delivered again, under the same key.
func (s *Store) Delivered(letters []DeadLetter) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return ErrClosed
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	for _, d := range letters {
		if err := batch.Delete(letterKey(d.Partition, d.Offset), nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.NoSync)
}
