package popularity

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"weir/jobs/popularity/fetch"
	"weir/jobs/popularity/fetch/fetchtest"
)

// BenchmarkAMillionPages counts messages of a million pages in three partitions
// and commits, with the top ten, after so many as come in two seconds. What counts
// is processors' time: that of the state's own work in the background is in it.
//
// It takes 2 GB of memory, and 1 GB of disk; -benchtime=10x is long enough.
func BenchmarkAMillionPages(b *testing.B) {
	const (
		partitions = 3
		batches    = 100 // a partition and commit
		size       = 10_000
	)
	draw := rand.New(rand.NewPCG(1, 2))
	var sent [partitions][][]byte
	values := make([]string, size)
	for p := range sent {
		for range batches {
			for i := range values {
				values[i] = fmt.Sprintf("page%d|%d|%.7f|%d", draw.IntN(million), draw.IntN(10), 5*draw.Float32(), draw.IntN(3)-1)
			}
			sent[p] = append(sent[p], fetchtest.Values(0, 1000, values...).Bytes())
		}
	}
	l, err := openKeeping(b.TempDir(), Keep{}, testNow, 0, 1, 2)
	if err != nil {
		b.Fatal(err)
	}
	defer l.store.Close(b.Context())
	round := func() {
		for i := range batches {
			for p := range int32(partitions) {
				next := l.Shard(p).Next()
				data := sent[p][i]
				binary.BigEndian.PutUint64(data, uint64(next)) // no part of its checksum
				chunk, err := fetch.Parse(data, next)
				if err != nil {
					b.Fatal(err)
				}
				apply(b, l, p, chunk)
			}
		}
		commit(b, l)
		top(b, l, 10, 0)
	}
	for range 3 { // until nearly all pages are there
		round()
	}
	before := processorTime(b)
	for b.Loop() {
		round()
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(b.N*partitions*batches*size), "cpu-ns/message")
}

// processorTime is what this process has used.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkRestore opens a state with a million pages.
func BenchmarkRestore(b *testing.B) {
	dir := b.TempDir()
	l, err := openKeeping(dir, Keep{}, testNow, 0)
	if err != nil {
		b.Fatal(err)
	}
	const size = 10_000
	values := make([]string, size)
	for from := int64(0); from < million; from += size {
		for i := range values {
			values[i] = manyText(from + int64(i))
		}
		apply(b, l, 0, chunkOf(b, from, values...))
	}
	commit(b, l)
	before, restored := time.Duration(0), time.Duration(0)
	for b.Loop() {
		if err := l.store.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		before = processorTime(b)
		if l, err = openKeeping(dir, Keep{}, testNow); err != nil {
			b.Fatal(err)
		}
		restored += processorTime(b) - before
	}
	_ = l.store.Close(b.Context())
	b.ReportMetric(float64(restored)/float64(b.N*million), "cpu-ns/page")
}
