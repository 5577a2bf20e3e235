package verify

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// tally compares what was sent with what came back, by sequence numbers from 0.
// A reader that was told to stop may still add to it: it is safe for that.
type tally struct {
	mu        sync.Mutex
	sent      int
	seen      map[int]int
	last      int
	reordered int
}

func newTally(sent int) *tally { return &tally{sent: sent, seen: map[int]int{}, last: -1} }

// add counts one number, in the order of arrival. One that comes again is a
// duplicate and never also out of order.
func (t *tally) add(seq int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen[seq]++; t.seen[seq] > 1 {
		return
	}
	if seq < t.last {
		t.reordered++
	}
	t.last = max(t.last, seq)
}

// received counts the different numbers that came.
func (t *tally) received() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.seen)
}

// lost counts the numbers that never came.
func (t *tally) lost() (n int) {
	for seq := range t.sent {
		if t.seen[seq] == 0 {
			n++
		}
	}
	return n
}

// duplicates counts arrivals beyond the first of each number; strangers counts
// numbers that were not sent.
func (t *tally) duplicates() (n int) {
	for _, times := range t.seen {
		n += times - 1
	}
	return n
}

func (t *tally) strangers() (n int) {
	for seq := range t.seen {
		if seq < 0 || seq >= t.sent {
			n++
		}
	}
	return n
}

// wrong says in words what differs, or "" where everything came back once and
// in order.
func (t *tally) wrong() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lost, duplicates, strangers := t.lost(), t.duplicates(), t.strangers()
	if lost == 0 && duplicates == 0 && strangers == 0 && t.reordered == 0 {
		return ""
	}
	return fmt.Sprintf("of %d messages %d lost, %d duplicated, %d out of order, %d never sent",
		t.sent, lost, duplicates, t.reordered, strangers)
}

// latencies are durations of one kind.
type latencies []time.Duration

// percentile is the nearest-rank percentile, p from 0 to 100: the smallest
// value that at least p percent of all are not above. 0 where there are none.
func (l latencies) percentile(p int) time.Duration {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	rank := (p*len(sorted) + 99) / 100
	return sorted[max(rank, 1)-1]
}

// String gives p50, p95, p99 and max in milliseconds.
func (l latencies) String() string {
	ms := func(p int) float64 { return float64(l.percentile(p).Microseconds()) / 1000 }
	return fmt.Sprintf("p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, max %.1f ms", ms(50), ms(95), ms(99), ms(100))
}
