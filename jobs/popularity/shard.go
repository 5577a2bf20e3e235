package popularity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/popularity/fetch"
	"weir/jobs/popularity/store"
)

// maxLetters is how many bad records a shard collects before it waits for a
// commit; more than a chunk's worth are never waiting in memory.
const maxLetters = 1000

// maxCells is how many sums of a page and bucket a shard adds up before it asks
// for a commit ahead of time and waits for it: 60 MB, of which there are two. It
// matters while a log with many pages is caught up with.
const maxCells = 1 << 20

// futureLimit is how far a timestamp may be ahead of our clock. Beyond it, it is
// the sender's clock that is wrong, and one such record must not make all buckets
// fall out: it counts in the sums of all time only.
const futureLimit = time.Hour

// Shard counts one input partition. Apply and AwaitRoom belong to the goroutine
// that reads the partition, everything else to the one that commits; what they
// share is the index and the delta, which a commit takes away whole.
type Shard struct {
	partition int32
	// What follows is as of the last commit.
	position store.Position
	names    names           // of the pages that have sums
	sums     []behavior.Sums // by slot
	changed  []int64         // by slot: the next offset of the commit that changed it last
	ids      []uint32        // by slot: the page's slot in the ledger's own index
	dirty    []uint64        // what a commit changes: a word for each block, a bit for each page
	total    behavior.Sums   // of all pages
	changes  changes
	noted    int64 // what of position.Published is stored
	minutes  *series
	hours    *series

	// hurry asks for a commit ahead of time.
	hurry chan<- struct{}
	width int64 // of the cells' buckets, in milliseconds
	now   func() time.Time
	// arrived is when the chunk that is counted came, in milliseconds since 1970.
	arrived int64
	read    messages

	mu    sync.Mutex
	index *index
	delta *delta // being filled
	spare *delta // taken, merged, and ready to be filled again
	// broken says that a chunk was counted in part: the delta is worthless.
	broken bool
}

// messages are some that were read and are not counted yet.
type messages struct {
	n       int
	all     [together]behavior.Message
	pages   [together][]byte
	slots   [together]uint32
	buckets [together]int32
}

// delta is what a partition's records since the last commit add up to: in cells
// where buckets are kept, and otherwise by page.
type delta struct {
	tally
	few
	letters []store.DeadLetter
	// next is the first offset not in the delta.
	next    int64
	records int64 // good and bad ones
	// leaderEpoch is that of the record before next.
	leaderEpoch int32
	// latest is the latest event time, this delta's or from before.
	latest int64
	// floor is the first bucket that is of use; what is older is timeless.
	floor  int32
	future int64 // records from the future
	// taken is closed when a commit takes the delta.
	taken chan struct{}
}

func newDelta() *delta { return &delta{taken: make(chan struct{})} }

// reset makes it follow another, which ended at an offset and an event time. Its
// sums were reset when they were merged, as who counts waits for this.
func (d *delta) reset(next, latest int64, floor int32) {
	clear(d.letters) // lets go of the values
	d.letters = d.letters[:0]
	d.next, d.latest, d.floor = next, latest, floor
	d.records, d.future = 0, 0
	d.taken = make(chan struct{})
}

func newShard(partition int32, position store.Position, keep Keep, now func() time.Time, hurry chan<- struct{}) *Shard {
	s := &Shard{
		partition: partition, position: position, noted: position.Published,
		index: newIndex(position.Pages), changes: newChanges(position),
		minutes: newSeries(store.Minute, keep.Minutes, position.MinutesFrom),
		hours:   newSeries(store.Hour, keep.Hours, position.HoursFrom),
		width:   keep.finest(), now: now, hurry: hurry,
		delta: newDelta(), spare: newDelta(),
	}
	s.minutes.advance(position.Latest)
	s.hours.advance(position.Latest)
	s.delta.reset(position.Next, position.Latest, s.floor())
	return s
}

// floor is the first bucket, of the cells' width, that any series keeps.
func (s *Shard) floor() int32 {
	floor := int32(math.MaxInt32)
	for _, series := range []*series{s.minutes, s.hours} {
		if series.keep > 0 {
			floor = min(floor, series.from*int32(series.width.Duration().Milliseconds()/s.width))
		}
	}
	return floor
}

// keeps says whether there are sums by bucket.
func (s *Shard) keeps() bool { return s.minutes.keep > 0 || s.hours.keep > 0 }

// load fills a new shard with what the store holds.
func (s *Shard) load(ctx context.Context, from store.Store, progress *Progress) error {
	pages := int(s.position.Pages)
	s.grow(pages)
	loaded, waiting, text := 0, 0, []byte(nil)
	index := func() error { // gives those that wait their slots
		if err := s.index.slots(s.read.pages[:waiting], s.read.slots[:waiting]); err != nil {
			return err
		}
		for i, slot := range s.read.slots[:waiting] {
			if int(slot) != loaded-waiting+i {
				return fmt.Errorf("partition %d: the state has page %q twice", s.partition, s.read.pages[i])
			}
		}
		waiting, text = 0, text[:0]
		return nil
	}
	err := from.Pages(ctx, s.partition, func(page []byte, sums behavior.Sums, changed int64) error {
		if loaded == pages {
			return fmt.Errorf("partition %d: the state has more pages than the %d that it says", s.partition, pages)
		}
		s.sums[loaded], s.changed[loaded] = sums, changed
		s.changes.load(loaded, sums, changed, s.position)
		progress.page()
		loaded++
		start := len(text)
		text = append(text, page...) // where it moves, those before stay where they were
		s.read.pages[waiting] = text[start:]
		if waiting++; waiting == together {
			if err := index(); err != nil {
				return err
			}
		}
		return s.total.Add(sums)
	})
	if err == nil {
		err = index()
	}
	if err == nil && loaded != pages {
		err = fmt.Errorf("partition %d: the state has %d pages, and says that it has %d", s.partition, loaded, pages)
	}
	s.names = s.index.names
	for _, series := range []*series{s.minutes, s.hours} {
		if err != nil || series.keep == 0 {
			continue
		}
		err = from.Buckets(ctx, series.width, s.partition, func(bucket int32, page []byte, sums behavior.Sums) error {
			progress.bucket()
			slot, err := s.index.slot(page)
			if err == nil {
				_, _, err = series.add(bucket, slot, sums)
			}
			return err
		})
	}
	return err
}

// grow makes room for the sums of so many pages.
func (s *Shard) grow(pages int) {
	if n := pages - len(s.sums); n > 0 {
		s.sums = append(s.sums, make([]behavior.Sums, n)...)
		s.changes.before = append(s.changes.before, make([]behavior.Sums, n)...)
		s.changed = append(s.changed, make([]int64, n)...)
	}
	if n := blocks(pages) - len(s.dirty); n > 0 {
		s.dirty = append(s.dirty, make([]uint64, n)...)
	}
}

// add adds to a page's sums and to the partition's total what the commit that ends
// at an offset brings.
func (s *Shard) add(slot uint32, sums *behavior.Sums, next int64) error {
	if err := s.sums[slot].Add(*sums); err != nil {
		return err
	}
	s.changed[slot] = next
	s.dirty[slot/store.BlockPages] |= 1 << (slot % store.BlockPages)
	return s.total.Add(*sums)
}

// store stores the blocks that have changed since the last time.
func (s *Shard) store(change store.Commit) error {
	for i, dirty := range s.dirty {
		if dirty == 0 {
			continue
		}
		s.dirty[i] = 0
		from := i * store.BlockPages
		until := min(from+store.BlockPages, len(s.sums))
		if err := change.Block(s.partition, store.Block{
			First: uint32(from), Sums: s.sums[from:until], Changed: s.changed[from:until], Name: s.names.of,
			New: int64(until) > s.position.Pages, Dirty: dirty,
		}); err != nil {
			return err
		}
	}
	return nil
}

// place is where to read on.
func (s *Shard) place(topic string) fetch.Place {
	p := fetch.Place{Topic: topic, Partition: s.partition, Next: s.position.Next, LeaderEpoch: s.position.LeaderEpoch}
	if p.Next == s.position.First { // no record was read
		p.LeaderEpoch = -1
	}
	return p
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
	s.arrived = s.now().UnixMilli()
	err := s.countAll(chunk)
	if err != nil {
		s.broken = true
		return fmt.Errorf("partition %d, offsets %d to %d: %w", s.partition, chunk.From, chunk.Next, err)
	}
	s.delta.next, s.delta.leaderEpoch = chunk.Next, chunk.LeaderEpoch
	return nil
}

func (s *Shard) countAll(chunk fetch.Chunk) error {
	s.read.n = 0
	records := chunk.Records()
	for records.Next() {
		if err := s.hear(&records.Record); err != nil {
			return err
		}
		if s.read.n == together {
			if err := s.count(); err != nil {
				return err
			}
		}
	}
	if err := records.Err(); err != nil {
		return err
	}
	return s.count()
}

// hear reads a record; it counts with the next few.
func (s *Shard) hear(record *fetch.Record) error {
	s.delta.records++
	message, err := behavior.Parse(record.Value)
	if err != nil {
		return s.keep(record, err)
	}
	r := &s.read
	r.all[r.n], r.pages[r.n], r.buckets[r.n] = message, message.Page, s.bucket(record.Time)
	r.n++
	return nil
}

// count counts what was read.
func (s *Shard) count() error {
	r := &s.read
	slots := r.slots[:r.n]
	if err := s.index.slots(r.pages[:r.n], slots); err != nil {
		return err
	}
	r.n = 0
	if s.keeps() {
		for i, slot := range slots {
			s.delta.cell(slot, r.buckets[i]).sums.Count(r.all[i])
		}
		return nil
	}
	s.delta.grow(s.index.names.len())
	for i, slot := range slots {
		s.delta.count(slot, &r.all[i])
	}
	return nil
}

// bucket is where a message with a timestamp counts. One without has come now.
func (s *Shard) bucket(t int64) int32 {
	d := s.delta
	if t < 0 {
		t = s.arrived
	}
	if t > d.latest {
		if t > s.arrived+futureLimit.Milliseconds() {
			d.future++
			return timeless
		}
		d.latest = t
	}
	if b := bucket(t, s.width); b >= d.floor {
		return b
	}
	return timeless
}

// keep makes a dead letter of a record that is no message.
func (s *Shard) keep(record *fetch.Record, err error) error {
	var bad *behavior.ParseError
	if !errors.As(err, &bad) {
		return err
	}
	s.delta.letters = append(s.delta.letters, store.DeadLetter{
		Partition: s.partition,
		Offset:    record.Offset,
		Time:      record.Time,
		Kept:      s.arrived,
		Reason:    bad.Reason,
		Value:     bytes.Clone(record.Value[:min(len(record.Value), store.MaxLetterBytes)]),
		Size:      len(record.Value),
	})
	return nil
}

// AwaitRoom waits while too much is waiting for a commit.
func (s *Shard) AwaitRoom(ctx context.Context) error {
	for {
		s.mu.Lock()
		full, taken := len(s.delta.letters) >= maxLetters || len(s.delta.cells) >= maxCells, s.delta.taken
		s.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case s.hurry <- struct{}{}:
		default: // somebody has asked already
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
	s.spare.reset(d.next, d.latest, s.floor())
	s.delta, s.spare = s.spare, d
	close(d.taken)
	return d, s.index.names
}
