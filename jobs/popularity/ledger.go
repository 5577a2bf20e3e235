package popularity

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

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
	store    store.Store
	identity store.Identity
	keep     Keep
	now      func() time.Time
	shards   map[int32]*Shard
	// pages are those of all partitions, totals their sums, as of the last commit.
	pages  *index
	totals []behavior.Sums
	// touched is worth nothing: what is read for it is in the processor's cache.
	touched int64
	// hurry says that a shard needs a commit before the next interval.
	hurry chan struct{}
	// waiting counts the dead letters in the outbox; outbox is held while some are
	// counted or taken out.
	waiting atomic.Int64
	outbox  sync.Mutex
}

// NewLedger returns a ledger without partitions; see Take.
func NewLedger(s store.Store, identity store.Identity, keep Keep, now func() time.Time) *Ledger {
	return &Ledger{
		store: s, identity: identity, keep: keep, now: now,
		shards: map[int32]*Shard{}, pages: newIndex(0), hurry: make(chan struct{}, 1),
	}
}

// Take loads partitions that the store says are ours. Progress is told of what is
// loaded.
func (l *Ledger) Take(ctx context.Context, taken map[int32]store.Position, progress *Progress) error {
	if len(taken) == 0 {
		return nil
	}
	if l.Pages() == 0 { // room for what is loaded, at once
		most := int64(0)
		for _, position := range taken {
			most = max(most, position.Pages)
		}
		l.pages = newIndex(most)
	}
	loading, ctx := errgroup.WithContext(ctx)
	loading.SetLimit(runtime.GOMAXPROCS(0))
	for partition, position := range taken {
		shard := newShard(partition, position, l.keep, l.now, l.hurry)
		l.shards[partition] = shard
		progress.expect(position.Pages)
	}
	for partition := range taken {
		loading.Go(func() error { return l.shards[partition].load(ctx, l.store, progress) })
	}
	if err := loading.Wait(); err != nil {
		return err
	}
	for _, partition := range slices.Sorted(maps.Keys(taken)) {
		if err := l.adopt(l.shards[partition]); err != nil {
			return err
		}
	}
	return l.countLetters(context.WithoutCancel(ctx))
}

// Drop forgets a partition that is released: what was committed of it is stored,
// the rest is for its next owner to count.
func (l *Ledger) Drop(ctx context.Context, partition int32) error {
	shard := l.shards[partition]
	delete(l.shards, partition)
	for slot, sums := range shard.sums {
		rest, err := l.totals[shard.ids[slot]].Sub(sums)
		if err != nil {
			return err
		}
		l.totals[shard.ids[slot]] = rest
	}
	return l.countLetters(ctx)
}

// countLetters counts the outbox, up to where it is full.
func (l *Ledger) countLetters(ctx context.Context) error {
	l.outbox.Lock()
	defer l.outbox.Unlock()
	letters, err := l.store.Outbox(ctx, maxOutbox)
	l.waiting.Store(int64(len(letters)))
	return err
}

// adopt adds a shard's sums to the totals.
func (l *Ledger) adopt(shard *Shard) error {
	if err := l.identify(shard); err != nil {
		return err
	}
	for slot, sums := range shard.sums {
		if err := l.totals[shard.ids[slot]].Add(sums); err != nil {
			return fmt.Errorf("page %q: %w", shard.names.of(uint32(slot)), err)
		}
	}
	return nil
}

// Shard returns a partition's shard; nil where the ledger does not have it.
func (l *Ledger) Shard(partition int32) *Shard { return l.shards[partition] }

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
func (l *Ledger) Commit(ctx context.Context) (Committed, error) {
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
	return done, change.Apply(ctx)
}

// merge adds a delta to the sums in memory and to the change.
func (l *Ledger) merge(change store.Commit, shard *Shard, d *delta) error {
	shard.grow(shard.names.len())
	if err := l.identify(shard); err != nil {
		return err
	}
	add := func(some *some) error { return l.add(shard, some, d.next) }
	if err := d.few.drain(add); err != nil {
		return err
	}
	if err := d.tally.visit(add); err != nil {
		return err
	}
	if err := shard.store(change); err != nil {
		return err
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
	d.tally.reset()
	l.waiting.Add(int64(len(d.letters)))
	p := &shard.position
	p.Next, p.LeaderEpoch, p.Latest = d.next, d.leaderEpoch, d.latest
	p.Pages = int64(len(shard.sums))
	p.MinutesFrom, p.HoursFrom = shard.minutes.from, shard.hours.from
	shard.noted = p.Published
	return change.Position(shard.partition, *p)
}

// add adds to pages' sums: their partition's, and those of all partitions.
func (l *Ledger) add(shard *Shard, some *some, next int64) error {
	for _, slot := range some.slots[:some.n] { // so that all are waited for at once
		l.touched += shard.sums[slot].N + l.totals[shard.ids[slot]].N
	}
	for i, slot := range some.slots[:some.n] {
		err := shard.add(slot, &some.sums[i], next)
		if err == nil {
			err = l.totals[shard.ids[slot]].Add(some.sums[i])
		}
		if err != nil {
			return fmt.Errorf("partition %d page %q: %w", shard.partition, shard.names.of(slot), err)
		}
	}
	return nil
}

// mergeSeries adds a delta to the buckets of one width.
func (s *Shard) mergeSeries(change store.Commit, series *series, d *delta) error {
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
func (s *Shard) note(change store.Commit) error {
	if s.noted == s.position.Published {
		return nil
	}
	s.noted = s.position.Published
	return change.Position(s.partition, s.position)
}

// identify gives the pages of a shard that have none their ids in the ledger.
func (l *Ledger) identify(shard *Shard) error {
	var pages [together][]byte
	var ids [together]uint32
	for len(shard.ids) < len(shard.sums) {
		from := len(shard.ids)
		n := min(together, len(shard.sums)-from)
		for i := range n {
			pages[i] = shard.names.of(uint32(from + i))
		}
		if err := l.pages.slots(pages[:n], ids[:n]); err != nil {
			return err
		}
		shard.ids = append(shard.ids, ids[:n]...)
	}
	l.totals = append(l.totals, make([]behavior.Sums, l.pages.names.len()-len(l.totals))...)
	return nil
}

// Published says that a partition's news up to an offset has reached its topic.
// The next commit makes that durable, so that a later run does not publish it
// once more.
func (l *Ledger) Published(partition int32, next int64) {
	if shard := l.shards[partition]; shard != nil { // it may have been released since
		shard.position.Published = max(shard.position.Published, next)
	}
}

// Delivered takes dead letters out of the outbox. Unlike the other methods it
// may be called from another goroutine.
func (l *Ledger) Delivered(ctx context.Context, letters []store.DeadLetter) error {
	l.outbox.Lock()
	defer l.outbox.Unlock()
	if err := l.store.Delivered(ctx, letters); err != nil {
		return err
	}
	l.waiting.Add(-int64(len(letters)))
	return nil
}
