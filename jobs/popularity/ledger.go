package popularity

import (
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"weir/jobs/behavior"
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
	keep     Keep
	now      func() time.Time
	shards   map[int32]*Shard
	// pages are those of all partitions, totals their sums, as of the last commit.
	pages  *index
	totals []behavior.Sums
	// hurry says that a shard needs a commit before the next interval.
	hurry chan struct{}
	// waiting counts the dead letters in the outbox.
	waiting atomic.Int64
}

// OpenLedger loads what the store holds. The identity is the one the store was
// begun with.
func OpenLedger(s *store.Store, identity store.Identity, keep Keep, now func() time.Time) (*Ledger, error) {
	l := &Ledger{store: s, identity: identity, keep: keep, now: now, shards: map[int32]*Shard{}, pages: newIndex(),
		hurry: make(chan struct{}, 1)}
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
	shard := newShard(partition, position, l.keep, l.now, l.hurry)
	l.shards[partition] = shard
	err := l.store.Pages(partition, func(page []byte, sums behavior.Sums, changed int64) error {
		slot, err := shard.index.slot(page)
		if err != nil {
			return err
		}
		shard.names = shard.index.names
		if _, err := l.add(shard, slot, sums); err != nil {
			return fmt.Errorf("page %q: %w", page, err)
		}
		shard.changes.load(slot, sums, changed, position)
		return nil
	})
	for _, series := range []*series{shard.minutes, shard.hours} {
		if err == nil {
			err = l.loadSeries(shard, series)
		}
	}
	return err
}

func (l *Ledger) loadSeries(shard *Shard, s *series) error {
	if s.keep == 0 {
		return nil
	}
	return l.store.Buckets(s.width, shard.partition, func(bucket int32, page []byte, sums behavior.Sums) error {
		slot, err := shard.index.slot(page)
		if err == nil {
			_, _, err = s.add(bucket, slot, sums)
		}
		return err
	})
}

// Shard returns the partition's shard; one that the store does not know begins
// at offset 0.
func (l *Ledger) Shard(partition int32) *Shard {
	if l.shards[partition] == nil {
		l.shards[partition] = newShard(partition, store.Position{}, l.keep, l.now, l.hurry)
	}
	return l.shards[partition]
}

// Partitions are those of the ledger, ascending.
func (l *Ledger) Partitions() []int32 { return slices.Sorted(maps.Keys(l.shards)) }

// Position is what of a partition is committed.
func (l *Ledger) Position(partition int32) store.Position { return l.shards[partition].position }

// Pages is how many pages there are.
func (l *Ledger) Pages() int { return len(l.totals) }

// Buckets is how many sums there are of a page in a bucket, by width.
func (l *Ledger) Buckets() map[store.Width]int {
	n := map[store.Width]int{}
	for _, shard := range l.shards {
		for _, s := range []*series{shard.minutes, shard.hours} {
			n[s.width] += s.entries()
		}
	}
	return n
}

// Committed is what a commit made durable.
type Committed struct {
	Records int64 // bad ones included
	// Future is how many had timestamps too far ahead of the clock.
	Future int64
	Bad    map[behavior.Reason]int64
}

// Commit makes everything counted so far durable in one atomic write. After an
// error the ledger must not be used any more.
func (l *Ledger) Commit() (Committed, error) {
	done := Committed{Bad: map[behavior.Reason]int64{}}
	change := l.store.NewCommit()
	defer change.Discard()
	for _, partition := range l.Partitions() {
		shard := l.shards[partition]
		d, names := shard.take(l.waiting.Load() < maxOutbox)
		if d == nil {
			if err := shard.note(change); err != nil {
				return Committed{}, err
			}
			continue
		}
		shard.names = names
		if err := l.merge(change, shard, d); err != nil {
			return Committed{}, err
		}
		done.Records += d.records
		done.Future += d.future
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
	for i := range d.cells {
		c := &d.cells[i]
		_, err := l.add(shard, c.slot, c.sums)
		if err == nil {
			err = shard.changes.cell(c.slot, timeless).sums.Add(c.sums)
		}
		if err != nil {
			return fmt.Errorf("partition %d page %q: %w", shard.partition, shard.names.of(c.slot), err)
		}
	}
	for i := range d.cells {
		if c := &d.cells[i]; c.before == 0 { // the first of its page
			if err := change.Page(shard.partition, shard.names.of(c.slot), shard.sums[c.slot], d.next); err != nil {
				return err
			}
		}
	}
	for _, letter := range d.letters {
		if err := change.Letter(letter); err != nil {
			return err
		}
	}
	for _, series := range []*series{shard.minutes, shard.hours} {
		if err := shard.mergeSeries(change, series, d); err != nil {
			return err
		}
	}
	l.waiting.Add(int64(len(d.letters)))
	p := &shard.position
	p.Next, p.Epoch, p.Latest = d.next, l.identity.Epoch, d.latest
	p.MinutesFrom, p.HoursFrom = shard.minutes.from, shard.hours.from
	shard.noted = p.Published
	return change.Position(shard.partition, *p)
}

// mergeSeries adds a delta to the buckets of one width.
func (s *Shard) mergeSeries(change *store.Commit, series *series, d *delta) error {
	if series.advance(d.latest) {
		if err := change.DropBuckets(series.width, s.partition, series.from); err != nil {
			return err
		}
	}
	if series.keep == 0 {
		return nil
	}
	cells := int32(series.width.Duration().Milliseconds() / s.width) // one bucket has so many of the cells'
	for i := range d.cells {
		c := &d.cells[i]
		if c.bucket == timeless {
			continue
		}
		page := s.names.of(c.slot)
		sums, kept, err := series.add(c.bucket/cells, c.slot, c.sums)
		if err != nil {
			return fmt.Errorf("partition %d page %q: %w", s.partition, page, err)
		}
		if kept {
			if err := change.Bucket(series.width, s.partition, c.bucket/cells, page, sums); err != nil {
				return err
			}
		}
	}
	return nil
}

// note stores how far the partition is published, where nothing else is new.
func (s *Shard) note(change *store.Commit) error {
	if s.noted == s.position.Published {
		return nil
	}
	s.noted = s.position.Published
	return change.Position(s.partition, s.position)
}

// add adds to a page's sums, in its partition and in total, and returns those of
// the partition.
func (l *Ledger) add(shard *Shard, slot uint32, sums behavior.Sums) (behavior.Sums, error) {
	for len(shard.sums) <= int(slot) { // pages come in the order of their slots, nearly
		id, err := l.pages.slot(shard.names.of(uint32(len(shard.sums))))
		if err != nil {
			return behavior.Sums{}, err
		}
		if int(id) == len(l.totals) {
			l.totals = append(l.totals, behavior.Sums{})
		}
		shard.ids = append(shard.ids, id)
		shard.sums = append(shard.sums, behavior.Sums{})
	}
	for _, sum := range []*behavior.Sums{&shard.sums[slot], &l.totals[shard.ids[slot]], &shard.total} {
		if err := sum.Add(sums); err != nil {
			return behavior.Sums{}, err
		}
	}
	return shard.sums[slot], nil
}

// Published says that a partition's news up to an offset has reached its topic.
// The next commit makes that durable, so that a later run does not publish it
// once more.
func (l *Ledger) Published(partition int32, next int64) {
	position := &l.shards[partition].position
	position.Published = max(position.Published, next)
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
