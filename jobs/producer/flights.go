package producer

import (
	"sync"
	"time"
)

// flight is a message that was handed over and not yet acknowledged.
type flight struct {
	text string
	left time.Time
}

// flights tracks messages between hand-over and acknowledgement, so that the
// oldest is known at any time. Acknowledgements come in any order: partitions
// answer independently.
type flights struct {
	mu     sync.Mutex
	open   map[int64]flight
	next   int64 // the number of the next departure
	oldest int64 // no open flight has a smaller number
}

func newFlights() *flights { return &flights{open: map[int64]flight{}} }

// depart records a message and returns its number.
func (f *flights) depart(text string, now time.Time) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.next
	f.next++
	f.open[n] = flight{text, now}
	return n
}

// arrive ends a flight.
func (f *flights) arrive(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, n)
}

// longest returns the flight that left first, and how many are open; none is
// returned where all have arrived.
func (f *flights) longest() (first flight, open int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for ; f.oldest < f.next; f.oldest++ {
		if first, ok := f.open[f.oldest]; ok {
			return first, len(f.open)
		}
	}
	return flight{}, 0
}
