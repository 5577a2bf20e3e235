package popularity

import (
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"os/exec"
	"testing"
	"time"

	"weir/jobs/popularity/store/postgres/postgrestest"
)

// crashDirectory, where set, makes this test binary a calculator to be killed.
const crashDirectory = "WEIR_TEST_CRASH_DIRECTORY"

// server is PostgreSQL for those tests that need it.
var server postgrestest.Server

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirectory); dir != "" {
		if os.Getenv(crashMillion) != "" {
			countMillionForEver(dir)
		}
		countForEver(dir)
	}
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// countForEver counts made-up partitions and commits as often as it can. It
// never returns: it panics or is killed.
func countForEver(dir string) {
	l, err := openLedger(dir, 0, 1, 2)
	for err == nil {
		for partition := range int32(3) {
			err = errors.Join(err, countSome(l.Shard(partition)))
		}
		if err == nil {
			_, err = l.Commit(context.Background())
		}
		if err == nil {
			_, err = os.Stdout.WriteString(".") // a commit returned
		}
	}
	panic(err)
}

// countSome counts a few records, another number of them in each partition.
func countSome(s *Shard) error {
	from := s.Next()
	var values []string
	for offset := from; offset < from+11+7*int64(s.partition); offset++ {
		values = append(values, text(s.partition, offset))
	}
	chunk, err := newChunk(from, values...)
	if err != nil {
		return err
	}
	return s.Apply(chunk)
}

// TestAKilledCalculatorNeitherLosesNorCountsTwice kills a child at many moments
// of its commits and recounts what it left.
func TestAKilledCalculatorNeitherLosesNorCountsTwice(t *testing.T) {
	const kills = 12
	dir := t.TempDir()
	var before [3]int64
	for kill := range kills {
		countAndKill(t, dir, time.Duration(kill*kill)*731*time.Microsecond)
		l := newLedger(t, dir)
		bad := 0
		for partition := range int32(3) {
			next := l.Position(partition).Next
			want, n := recount(t, partition, 0, next)
			bad += n
			if got := pagesOf(l, partition); !maps.Equal(got, want) {
				t.Fatalf("kill %d, partition %d to offset %d: got %v, want %v", kill, partition, next, got, want)
			}
			if next <= before[partition] {
				t.Fatalf("kill %d: partition %d went from offset %d to %d", kill, partition, before[partition], next)
			}
			before[partition] = next
		}
		kept, err := l.store.Outbox(t.Context(), math.MaxInt)
		if err != nil || len(kept) != bad {
			t.Fatalf("kill %d: outbox has %d letters, %v; want %d", kill, len(kept), err, bad)
		}
		if err := l.store.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, offsets %v", kills, before)
}

// countAndKill runs a child until it has committed at least once in this run,
// then so much more, and kills it.
func countAndKill(t *testing.T, dir string, after time.Duration, env ...string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(append(os.Environ(), crashDirectory+"="+dir), env...)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("the child did not commit: %v", err)
	}
	moment := time.NewTimer(after)
	<-moment.C
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
}
