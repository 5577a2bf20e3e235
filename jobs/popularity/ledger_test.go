package popularity

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"weir/jobs/behavior"
	"weir/jobs/popularity/fetch"
	"weir/jobs/popularity/fetch/fetchtest"
	"weir/jobs/popularity/store"
)

func TestSumsEqualARecountAcrossCommitsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	const end = 500
	for next := int64(0); next < end; {
		l := newLedger(t, dir, 0, 1)
		for range 3 { // three commits a run
			for _, p := range []int32{0, 1} {
				from := l.Shard(p).Next()
				if from != next {
					t.Fatalf("partition %d goes on at %d, want %d", p, from, next)
				}
				apply(t, l, p, records(t, p, from, from+20))
				apply(t, l, p, records(t, p, from+20, from+50))
			}
			commit(t, l)
			next += 50
		}
		apply(t, l, 0, records(t, 0, next, next+10)) // counted, never committed
		if err := l.store.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	l := newLedger(t, dir)
	for _, p := range []int32{0, 1} {
		at, got := l.Position(p), pagesOf(l, p)
		want, _ := recount(t, p, 0, at.Next)
		if at.Next < end || at.First != 0 || !maps.Equal(got, want) {
			t.Errorf("partition %d to offset %d: got %v, want %v", p, at.Next, got, want)
		}
	}
}

func TestBadRecordsAreCountedAndKept(t *testing.T) {
	l := newLedger(t, t.TempDir(), 2)
	long := strings.Repeat("x", store.MaxLetterBytes+5)
	apply(t, l, 2, chunkOf(t, 0, "p|1|1|1", "nonsense", "", "p|-1|1|1", long))
	done := commit(t, l)
	want := map[behavior.Reason]int64{behavior.ReasonFields: 2, behavior.ReasonEmpty: 1, behavior.ReasonClicksRange: 1}
	if done.Records != 5 || !maps.Equal(done.Bad, want) {
		t.Errorf("committed %+v, want 5 records and %v", done, want)
	}
	letters, err := l.store.Outbox(t.Context(), 10)
	if err != nil || len(letters) != 4 {
		t.Fatalf("outbox has %d letters, %v; want 4", len(letters), err)
	}
	if d := letters[0]; d.Partition != 2 || d.Offset != 1 || string(d.Value) != "nonsense" || d.Reason != behavior.ReasonFields || d.Time != 1000 {
		t.Errorf("first letter %+v", d)
	}
	if d := letters[3]; len(d.Value) != store.MaxLetterBytes || d.Size != len(long) {
		t.Errorf("a long record is kept with %d of %d bytes", len(d.Value), d.Size)
	}
	if got := pagesOf(l, 2)["p"].N; got != 1 {
		t.Errorf("page p has %d messages, want 1", got)
	}
}

func TestBadRecordsWaitWhereTheOutboxIsFull(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0, 1)
	l.waiting.Store(maxOutbox)
	apply(t, l, 0, chunkOf(t, 0, "bad"))
	apply(t, l, 1, chunkOf(t, 0, "p|1|1|1"))
	if done := commit(t, l); done.Records != 1 || l.Position(0).Next != 0 || l.Position(1).Next != 1 {
		t.Fatalf("committed %+v at %v and %v; want only partition 1", done, l.Position(0), l.Position(1))
	}
	l.waiting.Store(0)
	if done := commit(t, l); done.Records != 1 || l.Position(0).Next != 1 {
		t.Errorf("committed %+v at %v, want the bad record once there is room", done, l.Position(0))
	}
}

func TestOffsetsMoveEvenWhereNoRecordIsSeen(t *testing.T) {
	dir := t.TempDir()
	l := newLedger(t, dir, 0)
	chunk := chunkOf(t, 0, "p|1|1|1")
	chunk.Next = 10 // a marker, or what compaction left
	apply(t, l, 0, chunk)
	commit(t, l)
	if err := l.store.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := newLedger(t, dir).Shard(0).Next(); got != 10 {
		t.Errorf("goes on at %d, want 10", got)
	}
}

func TestGapsAndOverlapsAreRefused(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0)
	apply(t, l, 0, records(t, 0, 0, 5))
	for name, from := range map[string]int64{"overlap": 4, "gap": 6} {
		if err := l.Shard(0).Apply(records(t, 0, from, from+5)); err == nil {
			t.Errorf("an %s was counted", name)
		}
	}
}

func TestAChunkThatFailsHalfwayIsNeverCommitted(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0)
	apply(t, l, 0, chunkOf(t, 0, "p|1|1|1"))
	shard := l.Shard(0)
	shard.index.limit = 1 // no page fits any more
	if err := shard.Apply(chunkOf(t, 1, "p|1|1|1", "q|1|1|1")); err == nil {
		t.Fatal("a page was added to an index that is full")
	}
	if done := commit(t, l); done.Records != 0 || l.Position(0).Next != 0 {
		t.Errorf("committed %+v up to %d after a failure", done, l.Position(0).Next)
	}
}

func TestASumThatDoesNotFitStopsTheCommit(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0)
	apply(t, l, 0, chunkOf(t, 0, "p|1|1|1"))
	commit(t, l)
	l.Shard(0).sums[0].Clicks = math.MaxInt64
	apply(t, l, 0, chunkOf(t, 1, "p|1|1|1"))
	if _, err := l.Commit(t.Context()); !errors.Is(err, behavior.ErrOverflow) || !strings.Contains(err.Error(), `page "p"`) {
		t.Errorf("got %v, want ErrOverflow of page p", err)
	}
}

func TestTopOrdersByPopularityThenPage(t *testing.T) {
	l := newLedger(t, t.TempDir(), 0, 1)
	apply(t, l, 0, chunkOf(t, 0, "b|1|0|0", "a|1|0|0", "worst|0|0|-1", "best|1|0.5|1"))
	apply(t, l, 1, chunkOf(t, 0, "c|0|1|0", "best|0|1e-9|0"))
	commit(t, l)
	for _, c := range []struct {
		k    int
		want string
	}{
		{1, "best=2.2000000008"},
		{3, "best=2.2000000008 a=0.8 b=0.8"},
		{9, "best=2.2000000008 a=0.8 b=0.8 c=0.8 worst=-1.0"},
	} {
		var got []string
		for _, r := range top(t, l, c.k, 0) {
			got = append(got, r.Page+"="+r.Popularity.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("top %d: %v, want %s", c.k, got, c.want)
		}
	}
}

func TestEpochsRiseAndAreWrittenWithEachCommit(t *testing.T) {
	dir := t.TempDir()
	for run := int64(1); run <= 3; run++ {
		l := newLedger(t, dir, 0)
		next := l.Shard(0).Next()
		apply(t, l, 0, records(t, 0, next, next+1))
		commit(t, l)
		if p := l.Position(0); p.Epoch != run || l.publish(0).marker.Epoch != run {
			t.Errorf("run %d: epoch %d", run, p.Epoch)
		}
		if err := l.store.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// eachKeep runs a test with a ledger that keeps all-time sums alone, and with one that
// keeps buckets too.
func eachKeep(t *testing.T, test func(t *testing.T, l *Ledger)) {
	for name, keep := range map[string]Keep{"of all time": {}, "by minute and hour": testKeep} {
		t.Run(name, func(t *testing.T) {
			l, err := openKeeping(t.TempDir(), keep, testNow, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer l.store.Close(context.Background())
			test(t, l)
		})
	}
}

func TestCountingKnownPagesAllocatesNothing(t *testing.T) {
	eachKeep(t, func(t *testing.T, l *Ledger) {
		shard, chunk := l.Shard(0), chunkOf(t, 0, "page1|1|1.5E-3|1", "page2|1|1|0")
		if n := testing.AllocsPerRun(1000, func() {
			if err := shard.countAll(chunk); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("counting messages allocates %v times, want 0", n)
		}
	})
}

// What a chunk and a commit allocate does not grow with their messages.
func TestReadingCountingAndCommittingAllocateNothingPerMessage(t *testing.T) {
	const messages = 20_000
	eachKeep(t, func(t *testing.T, l *Ledger) {
		values := make([]string, messages)
		for i := range values {
			values[i] = fmt.Sprintf("page%d|%d|1.5119122|-1", i%100, i%5)
		}
		data := fetchtest.Values(0, 1000, values...).Bytes()
		n := testing.AllocsPerRun(20, func() {
			next := l.Shard(0).Next()
			binary.BigEndian.PutUint64(data, uint64(next)) // no part of its checksum
			chunk, err := fetch.Parse(data, next)
			if err != nil {
				t.Fatal(err)
			}
			apply(t, l, 0, chunk)
			commit(t, l)
		})
		t.Logf("%d messages of a hundred pages allocate %v times", messages, n)
		if n > messages/100 {
			t.Errorf("%d messages allocate %v times: that grows with them", messages, n)
		}
	})
}

func TestAStateWhosePagesAreNotThoseThatItSaysIsRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		pages []string
		says  int64
		want  string
	}{
		{"one twice", []string{"a", "b", "a"}, 3, `has page "a" twice`},
		{"too few", []string{"a", "b"}, 3, "has 2 pages, and says that it has 3"},
		{"too many", []string{"a", "b", "c"}, 2, "has more pages than the 2 that it says"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			l := newLedger(t, dir, 0)
			var pages []store.Page
			for _, id := range c.pages {
				pages = append(pages, store.Page{ID: id, Sums: behavior.Sums{N: 1}, Changed: 3})
			}
			change := l.store.NewCommit()
			err := change.Position(0, store.Position{Next: 3, Pages: c.says})
			for _, b := range store.Blocks(pages...) {
				err = errors.Join(err, change.Block(0, b))
			}
			if err := errors.Join(err, change.Apply(t.Context()), l.store.Close(t.Context())); err != nil {
				t.Fatal(err)
			}
			if l, err := openLedger(dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want %q", l, err, c.want)
			}
		})
	}
}

func BenchmarkApply(b *testing.B) {
	const size = 10_000
	l := newLedger(b, b.TempDir(), 0)
	values := make([]string, size)
	for i := range values {
		values[i] = text(0, int64(i)*7) // good ones only
	}
	chunk := chunkOf(b, 0, values...)
	b.ReportAllocs()
	for b.Loop() {
		l.Shard(0).delta.next = chunk.From
		apply(b, l, 0, chunk)
	}
	b.ReportMetric(float64(b.N)*size/b.Elapsed().Seconds(), "messages/s")
}
