package popularity

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
)

// heap is what is in use after two collections: the first one leaves pools alone.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// bytesPerPage counts, commits and publishes a visit on each page of a partition,
// and says what is kept of it.
func bytesPerPage(t testing.TB, pages int) float64 {
	l, err := openKeeping(t.TempDir(), Keep{}, testNow, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.store.Close(context.Background())
	before := heap()
	const batch = 10_000
	for range 2 { // two deltas take turns
		for from := 0; from < pages; from += batch {
			some := make([]visit, 0, batch)
			for page := from; page < min(from+batch, pages); page++ {
				some = append(some, visit{0, fmt.Sprintf("page%06d", page)})
			}
			apply(t, l, 0, visits(t, l.Shard(0).Next(), some...))
		}
		commit(t, l)
		l.publish(0)
	}
	used := heap() - before
	runtime.KeepAlive(l)
	return float64(used) / float64(pages)
}

// bytesPerBucket is what each page with a visit in a bucket takes.
func bytesPerBucket(t testing.TB, pages int) float64 {
	before := heap()
	s := newSeries(store.Minute, time.Hour, 0)
	for slot := range pages {
		if _, _, err := s.add(0, uint32(slot), behavior.Sums{}); err != nil {
			t.Fatal(err)
		}
	}
	used := heap() - before
	runtime.KeepAlive(s)
	return float64(used) / float64(pages)
}

// bytesInDeltas is what each page with a visit takes until it is committed, where
// buckets are kept: two deltas take turns.
func bytesInDeltas(pages int) float64 {
	before := heap()
	var deltas [2]tally
	for i := range deltas {
		for slot := range pages {
			deltas[i].cell(uint32(slot), 0)
		}
	}
	used := heap() - before
	runtime.KeepAlive(&deltas)
	return float64(used) / float64(pages)
}

func TestMemoryIsBoundedByPagesAndBuckets(t *testing.T) {
	// What docs/popularity.md states.
	for _, stated := range []struct {
		pages                int
		page, inBucket, kept float64
	}{
		{1, 5000, 500, 140},
		{10_000, 340, 100, 140},
		{million, 290, 120, 140},
	} {
		t.Run(fmt.Sprintf("%d pages", stated.pages), func(t *testing.T) {
			if stated.pages == million && testing.Short() {
				t.Skip("takes a GB and some seconds")
			}
			page, inBucket, kept := bytesPerPage(t, stated.pages), bytesPerBucket(t, stated.pages), bytesInDeltas(stated.pages)
			t.Logf("%.0f bytes a page, %.0f in each bucket, and %.0f where there are any", page, inBucket, kept)
			// Tables that grow are half empty, and other tests leave something too.
			most := func(bytes float64) float64 { return 1.5*bytes + 64<<10/float64(stated.pages) }
			if page > most(stated.page) || inBucket > most(stated.inBucket) || kept > most(stated.kept) {
				t.Errorf("%.0f bytes a page, %.0f in each bucket and %.0f where there are any are more than is stated: %+v", page, inBucket, kept, stated)
			}
		})
	}
}

func BenchmarkMemory(b *testing.B) {
	for _, pages := range []int{1, 10_000, million} {
		b.Run(fmt.Sprintf("pages=%d", pages), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(bytesPerPage(b, pages), "B/page")
				b.ReportMetric(bytesPerBucket(b, pages), "B/page-bucket")
				b.ReportMetric(bytesInDeltas(pages), "B/page-with-buckets")
			}
		})
	}
}
