package popularity

import (
	"context"
	"maps"
	"testing"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
)

// reader reads what a ledger publishes as anybody does.
type reader struct {
	view      snapshot.View
	assembler snapshot.Assembler
	complete  []snapshot.Publication
	messages  int
}

// read takes a publication's messages, all or the first few.
func (r *reader) read(t *testing.T, p publication, atMost int) {
	t.Helper()
	err := p.messages(func(key string, value []byte) error {
		if atMost--; atMost < 0 {
			return nil
		}
		r.messages++
		m, err := snapshot.Decode([]byte(key), value)
		if err != nil {
			return err
		}
		r.view.Add(m)
		if p, ok := r.assembler.Add(m); ok {
			r.complete = append(r.complete, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

const all = 1 << 30

// check compares the reader's view of partition 0, and its last publication, with
// recounts.
func (r *reader) check(t *testing.T, next int64) {
	t.Helper()
	s, complete := r.view.Snapshot(0)
	if want, _ := recount(t, 0, 0, next); !complete || s.NextOffset != next || !maps.Equal(s.Pages, want) {
		t.Fatalf("complete: %v; up to %d: %v; want up to %d: %v", complete, s.NextOffset, s.Pages, next, want)
	}
	if len(r.complete) == 0 {
		return
	}
	last, added := r.complete[len(r.complete)-1], map[string]behavior.Sums{}
	if last.From == unknown {
		return
	}
	for id, page := range last.News {
		added[id] = *page.Added
	}
	if want, _ := recount(t, 0, last.From, last.NextOffset); !maps.Equal(added, want) {
		t.Fatalf("from %d to %d: %v added, want %v", last.From, last.NextOffset, added, want)
	}
}

func TestPublicationsEqualARecountAcrossCommitsRestartsAndCuts(t *testing.T) {
	dir := t.TempDir()
	var r reader
	next := int64(0)
	for run := range 6 {
		l := newLedger(t, dir, 0)
		for round := range 5 {
			apply(t, l, 0, records(t, 0, next, next+5))
			next += 5
			commit(t, l)
			if round%2 == 0 {
				continue // the outlet is busy: two commits become one publication
			}
			p := l.publish(0)
			r.read(t, p, all)
			r.check(t, next)
			if run%2 == 0 {
				l.Published(0, next) // and noted by the next commit, if it comes
			}
		}
		if run%3 == 1 {
			r.read(t, l.publish(0), 2) // killed while publishing
		}
		if err := l.store.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOnlyPagesThatChangedArePublished(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0)
	var r reader
	apply(t, l, 0, chunkOf(t, 0, "a|1|1|1", "b|1|1|1", "c|1|1|1"))
	commit(t, l)
	r.read(t, l.publish(0), all)
	apply(t, l, 0, chunkOf(t, 3, "b|1|1|1"))
	commit(t, l)
	r.read(t, l.publish(0), all)
	if r.messages != 4+2 {
		t.Errorf("%d messages, want three pages and one, with a marker each", r.messages)
	}
	if l.HasNews(0) {
		t.Error("there is news right after it was published")
	}
	if last := r.complete[len(r.complete)-1]; last.Pages != 3 || last.Changes != 1 || last.From != 3 || last.Total.N != 4 {
		t.Errorf("the last marker is %+v", last.Marker)
	}
}

func TestWhatWasPublishedBeforeAStartIsNotPublishedAgain(t *testing.T) {
	dir := t.TempDir()
	reopen := func(l *Ledger) *Ledger {
		t.Helper()
		if err := l.store.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		return newLedger(t, dir, 0)
	}
	l := newLedger(t, dir, 0)
	apply(t, l, 0, chunkOf(t, 0, "a|1|1|1", "b|1|1|1"))
	commit(t, l)
	l = reopen(l)
	if p := l.publish(0); p.marker.From != 0 || len(p.pages) != 2 || p.pages[0].added.N != 1 {
		t.Errorf("nothing was published: got %+v, want all from the beginning", p)
	}
	l.Published(0, 2)
	commit(t, l)
	l = reopen(l)
	if l.HasNews(0) {
		t.Error("there is news although all is published")
	}
	apply(t, l, 0, chunkOf(t, 2, "b|1|1|1"))
	commit(t, l)
	l = reopen(l)
	if p := l.publish(0); p.marker.From != unknown || len(p.pages) != 1 || string(p.names.of(p.pages[0].slot)) != "b" || p.pages[0].sums.N != 2 {
		t.Errorf("one page changed since: got %+v", p)
	}
}
