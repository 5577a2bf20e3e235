package popularity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"weir/jobs/behavior"
	"weir/jobs/popularity/fetch"
	"weir/jobs/popularity/store"
)

// maxLetters is how many bad records a shard collects before it waits for a
// commit; more than a chunk's worth are never waiting in memory.
const maxLetters = 1000

// Shard counts one input partition. Apply and AwaitRoom belong to the goroutine
// that reads the partition, everything else to the one that commits; what they
// share is the index and the delta, which a commit takes away whole.
type Shard struct {
	partition int32
	// What follows is as of the last commit.
	position store.Position
	names    names           // of the pages that have sums
	sums     []behavior.Sums // by slot
	ids      []uint32        // by slot: the page's slot in the ledger's own index
	total    behavior.Sums   // of all pages
	changes  changes
	noted    int64 // what of position.Published is stored

	mu    sync.Mutex
	index *index
	delta *delta // being filled
	spare *delta // taken, merged, and ready to be filled again
	// broken says that a chunk was counted in part: the delta is worthless.
	broken bool
}

// delta is what a partition's records since the last commit add up to.
type delta struct {
	tally
	letters []store.DeadLetter
	// next is the first offset not in the delta.
	next    int64
	records int64 // good and bad ones
	// taken is closed when a commit takes the delta.
	taken chan struct{}
}

func newDelta(next int64) *delta { return &delta{next: next, taken: make(chan struct{})} }

func (d *delta) reset(next int64) {
	d.tally.reset()
	clear(d.letters) // lets go of the values
	d.letters = d.letters[:0]
	d.next, d.records = next, 0
	d.taken = make(chan struct{})
}

func newShard(partition int32, position store.Position) *Shard {
	return &Shard{
		partition: partition, position: position, noted: position.Published, index: newIndex(), changes: changes{from: max(position.First, position.Published)},
		delta: newDelta(position.Next), spare: newDelta(0),
	}
}

// Next is the first offset that is not counted yet, committed or not.
func (s *Shard) Next() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delta.next
}

// Apply counts a chunk. The chunk must begin where the one before ended; a gap
// or an overlap is an error, because sums over it would be wrong.
func (s *Shard) Apply(chunk fetch.Chunk) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if chunk.From != s.delta.next {
		return fmt.Errorf("partition %d: records from offset %d follow, want those from %d",
			s.partition, chunk.From, s.delta.next)
	}
	for record := range chunk.Records() {
		if err := s.count(record); err != nil {
			s.broken = true
			return fmt.Errorf("partition %d offset %d: %w", s.partition, record.Offset, err)
		}
	}
	s.delta.next = chunk.Next
	return nil
}

func (s *Shard) count(record fetch.Record) error {
	s.delta.records++
	message, err := behavior.Parse(record.Value)
	if err != nil {
		return s.keep(record, err)
	}
	slot, err := s.index.slot(message.Page)
	if err != nil {
		return err
	}
	s.delta.cell(slot).sums.Count(message)
	return nil
}

// keep makes a dead letter of a record that is no message.
func (s *Shard) keep(record fetch.Record, err error) error {
	var bad *behavior.ParseError
	if !errors.As(err, &bad) {
		return err
	}
	s.delta.letters = append(s.delta.letters, store.DeadLetter{
		Partition: s.partition,
		Offset:    record.Offset,
		Time:      record.Time.UnixMilli(),
		Reason:    bad.Reason,
		Value:     bytes.Clone(record.Value[:min(len(record.Value), store.MaxLetterBytes)]),
		Size:      len(record.Value),
	})
	return nil
}

// AwaitRoom waits while too many bad records are waiting for a commit.
func (s *Shard) AwaitRoom(ctx context.Context) error {
	for {
		s.mu.Lock()
		full, taken := len(s.delta.letters) >= maxLetters, s.delta.taken
		s.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-taken:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take takes the delta away, with the names of the pages that are in it. It
// returns nil where there is nothing to commit, where bad records are among it
// and no more may be kept, and after a failure.
func (s *Shard) take(lettersAllowed bool) (*delta, names) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.delta
	if s.broken || d.next == s.position.Next || len(d.letters) > 0 && !lettersAllowed {
		return nil, names{}
	}
	s.spare.reset(d.next)
	s.delta, s.spare = s.spare, d
	close(d.taken)
	return d, s.index.names
}
