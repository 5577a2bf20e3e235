package popularity

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"weir/jobs/behavior"
)

// crashMillion, where set, makes the calculator to be killed one with many pages.
const crashMillion = "WEIR_TEST_CRASH_MILLION"

// million is how many pages it has.
const million = 1_000_000

// restoreMost is what a state of a million pages takes to be loaded at most, on a
// computer that has much else to do; the bench measures it on one that has not.
const restoreMost = 30 * time.Second

// manyText is the record at an offset of a partition with many pages: so many
// offsets in a row have each page once.
func manyText(offset int64) string {
	const step = 7919 // has no factor in common with million
	return fmt.Sprintf("page%d|%d|%d.%09d|%d", offset*step%million, offset%5, offset%4, offset*1_234_567%1e9, offset%3-1)
}

// countMillionForEver counts and commits as often as it can, and never returns.
// Until all pages are there a commit has many, then few.
func countMillionForEver(dir string) {
	l, err := openKeeping(dir, Keep{}, testNow, 0)
	for err == nil {
		shard := l.Shard(0)
		few := int64(10_000)
		if shard.Next() < million {
			few *= 10
		}
		var values []string
		for offset := shard.Next(); offset < shard.position.Next+few; offset++ {
			values = append(values, manyText(offset))
		}
		chunk, parsed := newChunk(shard.Next(), values...)
		if err = parsed; err == nil {
			err = shard.Apply(chunk)
		}
		if err == nil {
			_, err = l.Commit(context.Background())
		}
		if err == nil && shard.position.Next >= million {
			_, err = os.Stdout.WriteString(".") // a commit with all pages returned
		}
	}
	panic(err)
}

// killMillion kills a calculator with a million pages again and again. Each time
// every page's sums must be those of a recount up to the stored offset, and the
// state must be back in memory soon.
func killMillion(t *testing.T, kills int) {
	dir := t.TempDir()
	want, counted := map[string]behavior.Sums{}, int64(0)
	var slowest time.Duration
	for kill := range kills {
		countAndKill(t, dir, rand.N(300*time.Millisecond), crashMillion+"=1")
		started := time.Now()
		l, err := openKeeping(dir, Keep{}, testNow, 0)
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, time.Since(started))
		next := l.Position(0).Next
		if next <= counted {
			t.Fatalf("kill %d: it went from offset %d to %d", kill, counted, next)
		}
		for ; counted < next; counted++ {
			m, err := behavior.Parse([]byte(manyText(counted)))
			if err != nil {
				t.Fatal(err)
			}
			s := want[string(m.Page)]
			s.N, s.Clicks, s.Like = s.N+1, s.Clicks+m.Clicks, s.Like+m.Like
			s.StayNano.Lo += uint64(m.StayNano)
			want[string(m.Page)] = s
		}
		got := pagesOf(l, 0)
		if len(got) != million || !maps.Equal(got, want) {
			for page, sums := range want {
				if got[page] != sums {
					t.Fatalf("kill %d, to offset %d: %d pages; %s has %+v, want %+v", kill, next, len(got), page, got[page], sums)
				}
			}
			t.Fatalf("kill %d, to offset %d: got %d pages, want %d", kill, next, len(got), million)
		}
		if err := l.store.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, counted to offset %d; %d pages were back in memory within %s", kills, counted, million, slowest.Round(time.Millisecond))
	if slowest > restoreMost {
		t.Errorf("a state of %d pages took %s to be loaded, want at most %s", million, slowest, restoreMost)
	}
}

func TestAMillionPagesSurviveKills(t *testing.T) { killMillion(t, 2) }
