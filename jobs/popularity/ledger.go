package popularity

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
	"weir/jobs/popularity/store"
)

// maxOutbox is how many dead letters may wait on disk. Beyond it partitions
// with bad records are not counted on: the alternatives are to lose the records
// or to fill the disk.
const maxOutbox = 10_000

// Ledger is the sums of all partitions, in memory and in the store. Its methods
// belong to one goroutine.
type Ledger struct {
	store    *store.Store
	identity store.Identity
	shards   map[int32]*Shard
	totals   table // over all partitions, as of the last commit
	// waiting counts the dead letters in the outbox.
	waiting atomic.Int64
}

// OpenLedger loads what the store holds. The identity is the one the store was
// begun with.
func OpenLedger(s *store.Store, identity store.Identity) (*Ledger, error) {
	l := &Ledger{store: s, identity: identity, shards: map[int32]*Shard{}, totals: newTable()}
	positions, err := s.Positions()
	if err != nil {
		return nil, err
	}
	for partition, position := range positions {
		if err := l.load(partition, position); err != nil {
			return nil, err
		}
	}
	letters, err := s.Outbox(maxOutbox)
	l.waiting.Store(int64(len(letters)))
	return l, err
}

func (l *Ledger) load(partition int32, position store.Position) error {
	shard := newShard(partition, position)
	l.shards[partition] = shard
	return l.store.Pages(partition, func(page []byte, sums behavior.Sums) error {
		shard.base.sums[shard.base.slot(page)] = sums
		if err := l.totals.sums[l.totals.slot(page)].Add(sums); err != nil {
			return fmt.Errorf("page %q: %w", page, err)
		}
		return nil
	})
}

// Shard returns the partition's shard; one that the store does not know begins
// at offset 0.
func (l *Ledger) Shard(partition int32) *Shard {
	if l.shards[partition] == nil {
		l.shards[partition] = newShard(partition, store.Position{})
	}
	return l.shards[partition]
}

// Partitions are those of the ledger, ascending.
func (l *Ledger) Partitions() []int32 { return slices.Sorted(maps.Keys(l.shards)) }

// Position is what of a partition is committed.
func (l *Ledger) Position(partition int32) store.Position { return l.shards[partition].position }

// Pages is how many pages there are.
func (l *Ledger) Pages() int { return len(l.totals.pages) }

// Committed is what a commit made durable.
type Committed struct {
	Records int64 // bad ones included
	Bad     map[behavior.Reason]int64
}

// Commit makes everything counted so far durable in one atomic write. After an
// error the ledger must not be used any more.
func (l *Ledger) Commit() (Committed, error) {
	done := Committed{Bad: map[behavior.Reason]int64{}}
	change := l.store.NewCommit()
	defer change.Discard()
	for _, partition := range l.Partitions() {
		shard := l.shards[partition]
		d := shard.take(l.waiting.Load() < maxOutbox)
		if d == nil {
			continue
		}
		if err := l.merge(change, shard, d); err != nil {
			return Committed{}, err
		}
		done.Records += d.records
		for _, letter := range d.letters {
			done.Bad[letter.Reason]++
		}
	}
	if change.Empty() {
		return done, nil
	}
	return done, change.Apply()
}

// merge adds a delta to the sums in memory and to the change.
func (l *Ledger) merge(change *store.Commit, shard *Shard, d *delta) error {
	for _, i := range d.touched {
		page := d.pages[i]
		sums, err := shard.base.add(page, d.sums[i])
		if err == nil {
			_, err = l.totals.add(page, d.sums[i])
		}
		if err != nil {
			return fmt.Errorf("partition %d page %q: %w", shard.partition, page, err)
		}
		if err := change.Page(shard.partition, page, sums); err != nil {
			return err
		}
	}
	for _, letter := range d.letters {
		if err := change.Letter(letter); err != nil {
			return err
		}
	}
	l.waiting.Add(int64(len(d.letters)))
	shard.position.Next = d.next
	shard.position.Epoch = l.identity.Epoch
	return change.Position(shard.partition, shard.position)
}

// Delivered takes dead letters out of the outbox. Unlike the other methods it
// may be called from another goroutine.
func (l *Ledger) Delivered(letters []store.DeadLetter) error {
	if err := l.store.Delivered(letters); err != nil {
		return err
	}
	l.waiting.Add(-int64(len(letters)))
	return nil
}

// Snapshot copies a partition's committed sums.
func (l *Ledger) Snapshot(partition int32) snapshot.Snapshot {
	shard := l.shards[partition]
	s := snapshot.Snapshot{
		Position: snapshot.Position{
			ClusterID: l.identity.ClusterID, Topic: l.identity.Topic, TopicID: l.identity.TopicID,
			State: l.identity.State, Epoch: l.identity.Epoch, Partition: partition,
			FirstOffset: shard.position.First, NextOffset: shard.position.Next,
		},
		Pages: make(map[string]behavior.Sums, len(shard.base.pages)),
	}
	for i, page := range shard.base.pages {
		s.Pages[page] = shard.base.sums[i]
	}
	return s
}

// Ranked is a page and its popularity.
type Ranked struct {
	Page       string
	Popularity behavior.Popularity
}

// Top returns the k most popular pages by the last commit, highest first; of
// equally popular pages the one with the smaller id comes first.
func (l *Ledger) Top(k int, weights behavior.Weights) []Ranked {
	top := make([]Ranked, 0, k+1)
	for i, page := range l.totals.pages {
		r := Ranked{page, weights.Popularity(l.totals.sums[i])}
		if len(top) == k && before(top[k-1], r) < 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(top, r, before)
		top = slices.Insert(top, at, r)[:min(k, len(top)+1)]
	}
	return top
}

// before orders by popularity, falling, then by page id.
func before(a, b Ranked) int {
	return cmp.Or(b.Popularity.Compare(a.Popularity), cmp.Compare(a.Page, b.Page))
}
