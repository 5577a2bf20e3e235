package producer

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"weir/jobs/behavior"
	"weir/jobs/producer/send"
)

// Latencies are kept in microseconds with three digits, up to an hour; what
// took longer counts as that.
const (
	latencyUnit   = time.Microsecond
	mostLatency   = int64(time.Hour / latencyUnit)
	latencyDigits = 3
)

func newLatencies() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, mostLatency, latencyDigits)
}

// score is what is known of the messages that were acknowledged.
type score struct {
	partitions []*tally
	meters     *meters
}

// tally is a partition's part of it.
type tally struct {
	id int32

	mu        sync.Mutex
	start     time.Time // what due times count from
	sums      sums
	latencies *hdrhistogram.Histogram
	recent    interval
	bytes     int64
	// first and last are the offsets between which the messages are; -1 for none.
	first, last int64
	err         error // a sum that no longer fits; it sticks
}

// interval is what came since it was last asked for.
type interval struct {
	messages, bytes    int64
	latency, mostDelay time.Duration // the sum, and the largest
}

// newScore returns a score for partitions; it keeps pages' sums where asked to.
func newScore(partitions []int32, pages bool, m *meters) *score {
	s := &score{meters: m}
	for _, id := range partitions {
		s.partitions = append(s.partitions, &tally{id: id, latencies: newLatencies(), sums: newSums(pages), first: -1, last: -1})
	}
	return s
}

// begin says what messages' due times count from.
func (s *score) begin(start time.Time) {
	for _, t := range s.partitions {
		t.mu.Lock()
		t.start = start
		t.mu.Unlock()
	}
}

// found counts a message that an earlier process of the run has sent.
func (s *score) found(partition int, value []byte) {
	t := s.partitions[partition]
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(value)
}

// acknowledged counts a batch of the i-th partition.
func (s *score) acknowledged(i int, b *send.Batch, now time.Time) {
	s.partitions[i].acknowledged(b, now)
	s.meters.acknowledge(b.Len(), b.Size(), now)
}

func (t *tally) acknowledged(b *send.Batch, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.time(b, now.Sub(t.start))
	t.bytes += int64(b.Size())
	t.recent.messages += int64(b.Len())
	t.recent.bytes += int64(b.Size())
	if offset := b.Offset(); offset >= 0 {
		if t.first < 0 {
			t.first = offset
		}
		t.last = offset + int64(b.Len()) - 1
	}
	for i := range b.Len() {
		t.add(b.Value(i))
	}
}

// add counts a message by its text, as a calculator will read it.
func (t *tally) add(value []byte) {
	if err := t.sums.add(value); err != nil && t.err == nil {
		t.err = err
	}
}

// time notes how late the messages arrived; many are due at the same moment.
func (t *tally) time(b *send.Batch, arrived time.Duration) {
	for i := 0; i < b.Len(); {
		due, n := b.Due(i), 1
		for i+n < b.Len() && b.Due(i+n) == due {
			n++
		}
		took := max(0, arrived-due)
		_ = t.latencies.RecordValues(min(int64(took/latencyUnit), mostLatency), int64(n)) // it is in range
		t.recent.latency += took * time.Duration(n)
		t.recent.mostDelay = max(t.recent.mostDelay, took)
		i += n
	}
}

// interval returns what came since the last call.
func (s *score) interval() interval {
	var all interval
	for _, t := range s.partitions {
		t.mu.Lock()
		all.messages += t.recent.messages
		all.bytes += t.recent.bytes
		all.latency += t.recent.latency
		all.mostDelay = max(all.mostDelay, t.recent.mostDelay)
		t.recent = interval{}
		t.mu.Unlock()
	}
	return all
}

// latencies are those of all partitions.
func (s *score) latencies() *hdrhistogram.Histogram {
	all := newLatencies()
	for _, t := range s.partitions {
		t.mu.Lock()
		all.Merge(t.latencies)
		t.mu.Unlock()
	}
	return all
}

// sums are what messages add up to: how many there are and, where that is
// wanted, the exact sums of each page.
type sums struct {
	messages, bad int64
	pages         map[string]*behavior.Sums // nil where they are not wanted
}

func newSums(pages bool) sums {
	if !pages {
		return sums{}
	}
	return sums{pages: map[string]*behavior.Sums{}}
}

func (s *sums) add(value []byte) error {
	s.messages++
	if s.pages == nil {
		return nil
	}
	m, err := behavior.Parse(value)
	if err != nil {
		s.bad++
		return nil
	}
	page := s.pages[string(m.Page)]
	if page == nil {
		page = &behavior.Sums{}
		s.pages[string(m.Page)] = page
	}
	return page.Add(behavior.SumsOf(m))
}
