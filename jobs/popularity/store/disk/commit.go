package disk

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// Commit collects one atomic change of the state.
type Commit struct {
	batch   *pebble.Batch
	encoder encoder // reused for every block and bucket
}

// NewCommit implements store.Store.
func (s *Store) NewCommit() store.Commit { return &Commit{batch: s.db.NewBatch()} }

// Empty implements store.Commit.
func (c *Commit) Empty() bool { return c.batch.Empty() }

// Position implements store.Commit.
func (c *Commit) Position(partition int32, p store.Position) error {
	return c.batch.Set(partitionKey(positionTag, partition), encode(p), nil)
}

// Block implements store.Commit.
func (c *Commit) Block(partition int32, b store.Block) error {
	e := &c.encoder
	e.key = appendBlockKey(e.key[:0], sumsTag, partition, b.First)
	if err := c.batch.Set(e.key, e.sums(&b), nil); err != nil || !b.New {
		return err
	}
	e.key = appendBlockKey(e.key[:0], namesTag, partition, b.First)
	return c.batch.Set(e.key, e.names(&b), nil)
}

// Letter implements store.Commit.
func (c *Commit) Letter(d store.DeadLetter) error {
	return c.batch.Set(letterKey(d.Partition, d.Offset), encode(d), nil)
}

// Bucket implements store.Commit.
func (c *Commit) Bucket(w store.Width, partition, bucket int32, page []byte, sums behavior.Sums) error {
	e := &c.encoder
	e.key = append(appendBucketKey(e.key[:0], w, partition, bucket), page...)
	e.value = appendSums(e.value[:0], sums)
	return c.batch.Set(e.key, e.value, nil)
}

// DropBuckets implements store.Commit.
func (c *Commit) DropBuckets(w store.Width, partition, until int32) error {
	return c.batch.DeleteRange(appendBucketKey(nil, w, partition, 0), appendBucketKey(nil, w, partition, until), nil)
}

// Apply implements store.Commit.
func (c *Commit) Apply(context.Context) error {
	defer c.Discard()
	if err := c.batch.Commit(pebble.Sync); err != nil {
		return fmt.Errorf("commit the state: %w", err)
	}
	return nil
}

// Discard implements store.Commit.
func (c *Commit) Discard() {
	if c.batch != nil {
		_ = c.batch.Close() // it only returns memory
		c.batch = nil
	}
}

// Outbox implements store.Store.
func (s *Store) Outbox(_ context.Context, limit int) (letters []store.DeadLetter, err error) {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return nil, store.ErrClosed
	}
	it, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: []byte{letterTag}, UpperBound: []byte{letterTag + 1},
	})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for it.First(); it.Valid() && len(letters) < limit; it.Next() {
		var d store.DeadLetter
		if err := json.Unmarshal(it.Value(), &d); err != nil {
			return nil, fmt.Errorf("dead letter %x in the state: %w", it.Key(), err)
		}
		letters = append(letters, d)
	}
	return letters, it.Error()
}

// Delivered implements store.Store. It is not synced: after a crash of the machine
// a letter may be there again.
func (s *Store) Delivered(_ context.Context, letters []store.DeadLetter) error {
	s.closing.RLock()
	defer s.closing.RUnlock()
	if s.closed {
		return store.ErrClosed
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
