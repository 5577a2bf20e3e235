package popularity

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/popularity/fetch"
	"weir/jobs/popularity/fetch/fetchtest"
	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/disk"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// text is the record at an offset of a made-up partition: every seventh is bad.
// Sums over them are known from the offsets alone.
func text(partition int32, offset int64) string {
	if offset%7 == 3 {
		return fmt.Sprintf("bad record %d", offset)
	}
	return fmt.Sprintf("page%d|%d|%d.%09d|%d", offset%13, offset%5, offset%4, offset*int64(partition+1)%1e9, offset%3-1)
}

// records is a chunk of that partition's records from one offset to another.
func records(t testing.TB, partition int32, from, to int64) fetch.Chunk {
	t.Helper()
	var values []string
	for offset := from; offset < to; offset++ {
		values = append(values, text(partition, offset))
	}
	return chunkOf(t, from, values...)
}

func chunkOf(t testing.TB, from int64, values ...string) fetch.Chunk {
	t.Helper()
	chunk, err := newChunk(from, values...)
	if err != nil {
		t.Fatal(err)
	}
	return chunk
}

func newChunk(from int64, values ...string) (fetch.Chunk, error) {
	return fetch.Parse(fetchtest.Values(from, 1000, values...).Bytes(), from)
}

// visit is a message of one click with a timestamp.
type visit struct {
	time int64
	page string
}

// visits is a chunk of them.
func visits(t testing.TB, from int64, all ...visit) fetch.Chunk {
	t.Helper()
	batch := fetchtest.Batch{First: from, Last: from + int64(len(all)) - 1}
	for i, v := range all {
		batch.Records = append(batch.Records, fetchtest.Record{
			Offset: from + int64(i), Time: v.time, Value: []byte(v.page + "|1|0|0"),
		})
	}
	chunk, err := fetch.Parse(batch.Bytes(), from)
	if err != nil {
		t.Fatal(err)
	}
	return chunk
}

// recount sums a range of offsets independently of shards and ledgers.
func recount(t testing.TB, partition int32, from, to int64) (sums map[string]behavior.Sums, bad int) {
	t.Helper()
	sums = map[string]behavior.Sums{}
	for offset := from; offset < to; offset++ {
		m, err := behavior.Parse([]byte(text(partition, offset)))
		if err != nil {
			bad++
			continue
		}
		s := sums[string(m.Page)]
		s.N, s.Clicks, s.Like = s.N+1, s.Clicks+m.Clicks, s.Like+m.Like
		s.StayNano.Lo += uint64(m.StayNano)
		sums[string(m.Page)] = s
	}
	return sums, bad
}

// testKeep are small windows, and testNow is a clock that stands a little after
// the records.
var testKeep = Keep{Minutes: 5 * time.Minute, Hours: 3 * time.Hour}

var testWeights = behavior.Article()

func testNow() time.Time { return time.UnixMilli(2_000_000) }

// openLedger opens a ledger in dir, with some partitions and those that are there.
func openLedger(dir string, partitions ...int32) (*Ledger, error) {
	return openKeeping(dir, testKeep, testNow, partitions...)
}

func openKeeping(dir string, keep Keep, now func() time.Time, partitions ...int32) (*Ledger, error) {
	ctx := context.Background()
	s, err := disk.Open(dir, false, quiet())
	if err != nil {
		return nil, err
	}
	id := store.Identity{Format: store.Format, State: "s", Topic: "t"}
	if err := s.Begin(ctx, id, nil); err != nil {
		return nil, err
	}
	return take(ctx, s, id, keep, now, partitions...)
}

// take opens a ledger on a store that was begun.
func take(ctx context.Context, s store.Store, id store.Identity, keep Keep, now func() time.Time, partitions ...int32) (*Ledger, error) {
	l := NewLedger(s, id, keep, now)
	positions, err := s.Positions(ctx)
	if err != nil {
		return nil, err
	}
	taken, _, err := s.Share(ctx, slices.Concat(slices.Collect(maps.Keys(positions)), partitions))
	if err != nil {
		return nil, err
	}
	return l, l.Take(ctx, taken, new(Progress))
}

// newLedger is openLedger with partitions at offset 0, closed after the test.
func newLedger(t testing.TB, dir string, partitions ...int32) *Ledger {
	t.Helper()
	l, err := openLedger(dir, partitions...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.store.Close(context.Background()) })
	return l
}

func apply(t testing.TB, l *Ledger, partition int32, chunk fetch.Chunk) {
	t.Helper()
	if err := l.Shard(partition).Apply(chunk); err != nil {
		t.Fatal(err)
	}
}

func commit(t testing.TB, l *Ledger) Committed {
	t.Helper()
	done, err := l.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// pagesOf are a partition's committed sums.
func pagesOf(l *Ledger, partition int32) map[string]behavior.Sums {
	shard, pages := l.shards[partition], map[string]behavior.Sums{}
	for slot, sums := range shard.sums {
		pages[string(shard.names.of(uint32(slot)))] = sums
	}
	return pages
}

func top(t testing.TB, l *Ledger, k int, window time.Duration) []Ranked {
	t.Helper()
	ranked, err := l.Top(k, testWeights, window)
	if err != nil {
		t.Fatal(err)
	}
	return ranked
}
