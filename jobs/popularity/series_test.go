package popularity

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"weir/jobs/popularity/store"
)

const (
	minute = int64(time.Minute / time.Millisecond)
	hour   = int64(time.Hour / time.Millisecond)
)

// keeping opens a ledger that keeps something, at a time; close it before the next.
func keeping(t *testing.T, dir string, keep Keep, now int64) *Ledger {
	t.Helper()
	l, err := openKeeping(dir, keep, func() time.Time { return time.UnixMilli(now) }, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.store.Close(context.Background()) })
	return l
}

// counts are how many messages each page has in each bucket of a width.
func counts(l *Ledger, width store.Width) map[string]int64 {
	shard := l.Shard(0)
	s := shard.minutes
	if width == store.Hour {
		s = shard.hours
	}
	found := map[string]int64{}
	for b, pages := range s.of {
		for slot, sums := range pages {
			found[fmt.Sprintf("%s@%d", shard.names.of(slot), b)] = sums.N
		}
	}
	return found
}

// recountBuckets counts visits with the rule alone: what is kept is the last so
// many buckets up to the latest visit's.
func recountBuckets(all []visit, width int64, keep int64) map[string]int64 {
	latest := int64(0)
	for _, v := range all {
		latest = max(latest, v.time/width)
	}
	found := map[string]int64{}
	for _, v := range all {
		if b := v.time / width; b > latest-keep {
			found[fmt.Sprintf("%s@%d", v.page, b)]++
		}
	}
	return found
}

func TestBucketsEqualARecountWhateverTheOrderOfTimestamps(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name string
		// late is how far behind the clock a visit may be, step how far the clock
		// goes on with each.
		late, step int64
	}{
		{"in order", 1, 7_000},
		{"a little out of order", 90_000, 5_000},
		{"far out of order", 5 * hour, 60_000},
		{"catching up", 3 * hour, 10 * minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			keep := Keep{Minutes: 7 * time.Minute, Hours: 3 * time.Hour}
			var all []visit
			clock := 10 * hour
			for range 4 { // runs
				l := keeping(t, dir, keep, clock+1000*hour)
				for range 5 { // commits
					var some []visit
					for range 40 {
						clock += draw.Int64N(c.step)
						some = append(some, visit{clock - draw.Int64N(c.late), fmt.Sprintf("p%d", draw.IntN(4))})
					}
					apply(t, l, 0, visits(t, int64(len(all)), some...))
					all = append(all, some...)
					commit(t, l)
					for width, keep := range map[store.Width]int64{store.Minute: 7, store.Hour: 3} {
						want := recountBuckets(all, width.Duration().Milliseconds(), keep)
						if got := counts(l, width); !maps.Equal(got, want) {
							t.Fatalf("%ss after %d visits: got %v, want %v", width, len(all), got, want)
						}
					}
				}
				if err := l.store.Close(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			stored := keeping(t, dir, keep, clock+1000*hour)
			if got, want := counts(stored, store.Minute), recountBuckets(all, minute, 7); !maps.Equal(got, want) {
				t.Errorf("after the last start: got %v, want %v", got, want)
			}
		})
	}
}

func TestWhatIsKeptCanBeChanged(t *testing.T) {
	dir := t.TempDir()
	next := int64(0)
	for _, c := range []struct {
		name           string
		keep           Keep
		time           int64 // of the one visit
		minutes, hours string
	}{
		{"hours alone", Keep{Hours: 2 * time.Hour}, 5 * hour, "map[]", "map[p@5:1]"},
		{"minutes too, from the next one on", Keep{Minutes: 3 * time.Minute, Hours: 2 * time.Hour}, 5*hour + minute, "map[p@301:1]", "map[p@5:2]"},
		{"fewer minutes", Keep{Minutes: time.Minute, Hours: 2 * time.Hour}, 5*hour + 2*minute, "map[p@302:1]", "map[p@5:3]"},
		{"nothing", Keep{}, 6 * hour, "map[]", "map[]"},
		{"hours again, but not the one that nobody looked at", Keep{Hours: 2 * time.Hour}, 6*hour + 1, "map[]", "map[]"},
		{"the next one", Keep{Hours: 2 * time.Hour}, 7 * hour, "map[]", "map[p@7:1]"},
	} {
		l := keeping(t, dir, c.keep, c.time)
		apply(t, l, 0, visits(t, next, visit{c.time, "p"}))
		next++
		commit(t, l)
		if minutes, hours := fmt.Sprint(counts(l, store.Minute)), fmt.Sprint(counts(l, store.Hour)); minutes != c.minutes || hours != c.hours {
			t.Errorf("%s: minutes %s, hours %s; want %s, %s", c.name, minutes, hours, c.minutes, c.hours)
		}
		if all := pagesOf(l, 0)["p"].N; all != next {
			t.Errorf("%s: %d messages of all time, want %d", c.name, all, next)
		}
		if err := l.store.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWrongClockDoesNotEmptyTheBuckets(t *testing.T) {
	l := keeping(t, t.TempDir(), testKeep, 10*hour)
	apply(t, l, 0, visits(t, 0, visit{10 * hour, "p"}, visit{11*hour + 1, "future"}, visit{11 * hour, "ahead"}))
	done := commit(t, l)
	if got := fmt.Sprint(counts(l, store.Hour)); done.Future != 1 || got != "map[ahead@11:1 p@10:1]" {
		t.Errorf("%d records from the future, hours %s", done.Future, got)
	}
	if pagesOf(l, 0)["future"].N != 1 {
		t.Error("a record from the future does not count in the sums of all time")
	}
}

func TestARecordWithoutATimestampCountsWhenItCame(t *testing.T) {
	l := keeping(t, t.TempDir(), testKeep, 10*hour)
	chunk := visits(t, 0, visit{-1, "p"})
	apply(t, l, 0, chunk)
	commit(t, l)
	if got := fmt.Sprint(counts(l, store.Minute)); got != "map[p@600:1]" {
		t.Errorf("minutes %s", got)
	}
}

func TestTheTopOfAWindow(t *testing.T) {
	l := keeping(t, t.TempDir(), Keep{Minutes: 30 * time.Minute, Hours: 5 * time.Hour}, 10*hour)
	apply(t, l, 0, visits(t, 0, visit{9 * hour, "old"}, visit{9 * hour, "old"}, visit{10*hour - 2*minute, "p"}, visit{10 * hour, "q"}))
	apply(t, l, 1, visits(t, 0, visit{9*hour + 50*minute, "q"}))
	commit(t, l)
	for _, c := range []struct {
		window time.Duration
		want   string
	}{
		{0, "old=1.6 q=1.6 p=0.8"},
		{time.Minute, "q=0.8"},
		{3 * time.Minute, "p=0.8 q=0.8"},
		{11 * time.Minute, "q=1.6 p=0.8"},
		{2 * time.Hour, "old=1.6 q=1.6 p=0.8"},
	} {
		var got []string
		for _, r := range top(t, l, 9, c.window) {
			got = append(got, r.Page+"="+r.Popularity.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("window %s: %v, want %s", c.window, got, c.want)
		}
	}
}
