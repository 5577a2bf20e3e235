package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// refusals are what a calculator must not count on from, once all of the topic is
// counted in a state; before is an earlier copy of it. What the last of them deletes
// nobody counts any more.
func (x *trial) refusals(state, before string) {
	x.t.Run("a state that is missing is refused, and made anew with --rebuild", func(t *testing.T) {
		x := x.in(t)
		dir := filepath.Join(t.TempDir(), "state")
		x.refused(dir, "the state is missing", "--rebuild")
		x.where, x.starts = []string{"--state-dir", dir, "--rebuild"}, 2
		x.group += ".rebuilt" // the other says already that all is counted
		x.count(0)
		x.countedAll()
		x.stop(0, syscall.SIGTERM, 0)
		if err := x.verdict(onDisk(dir)); err != nil {
			t.Fatal(err)
		}
	})
	x.t.Run("a state that another process uses is refused", func(t *testing.T) {
		x := x.in(t)
		x.where = []string{"--state-dir", state}
		x.count(0)
		x.says(0, "partition taken", 3)
		x.refusedAs(1, state, "another process uses this state directory")
		x.stop(0, syscall.SIGTERM, 0)
	})
	x.t.Run("an offset above the log's end is refused", func(t *testing.T) {
		dir := copied(t, before)
		if err := shiftOffset(t, dir, 100_000_000); err != nil {
			t.Fatal(err)
		}
		x.in(t).refused(dir, "partition 0", "is above the end of its log", "--rebuild")
	})
	x.t.Run("an offset below the log's start is refused", func(t *testing.T) {
		ends := x.ends()
		if err := x.admin.DeleteRecords(x.topic, map[int32]int64{0: ends[0]}); err != nil {
			t.Fatal(err)
		}
		x.in(t).refused(copied(t, before), "partition 0", "is below the start of its log", "were deleted before they were counted", "--rebuild")
	})
}

// copied is a copy of a state.
func copied(t *testing.T, state string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "state")
	if err := os.CopyFS(dir, os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// refused starts a calculator on a state, and wants it to end and say why.
func (x *trial) refused(dir string, want ...string) {
	x.t.Helper()
	x.refusedAs(0, dir, want...)
}

func (x *trial) refusedAs(instance int, dir string, want ...string) {
	x.t.Helper()
	x.countWith(instance, "--group", x.group, "--state-dir", dir)
	x.await(x.calculators[instance], 1)
	wantAll(x.t, x.calculators[instance].text(), want...)
}
