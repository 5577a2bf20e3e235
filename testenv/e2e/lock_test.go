package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	provision "weir/provision/machine"
	"weir/provision/remote"
)

const (
	// lockGone bounds how long a lock may outlive its connection: sshd notices
	// the end of one at once, and ends what ran in it, however busy the computer is.
	lockGone = 20 * time.Second
	// lockStale bounds how long a lock may outlive a run that vanished: as long
	// as a person is told, and what a busy computer needs to look.
	lockStale = 60 * time.Second
)

// take takes the machine's lock as soon as nobody has it.
func take(t *testing.T, r remote.Runner, holder string, within time.Duration) *provision.Lock {
	t.Helper()
	for deadline := time.Now().Add(within); ; {
		lock, err := provision.Acquire(t.Context(), r, holder)
		var locked *provision.LockedError
		switch {
		case err == nil:
			t.Cleanup(lock.Release)
			return lock
		case !errors.As(err, &locked) || time.Now().After(deadline):
			t.Fatalf("the lock is not free after %v: %v", within, err)
		}
	}
}

func TestALockNamesItsHolderAndEndsWithItsConnection(t *testing.T) {
	p := connect(t)
	first, second := dial(t, p.at), dial(t, p.at)
	lock := take(t, first, "anna's run\non desk", 0)
	_, err := provision.Acquire(t.Context(), second, "bert's run")
	var locked *provision.LockedError
	if !errors.As(err, &locked) || locked.Machine != p.at.Name || locked.Holder != "anna's run on desk" || locked.Held > lockStale {
		t.Fatalf("got %v, want a LockedError that names anna's run", err)
	}
	if err := lock.Lost(); err != nil {
		t.Errorf("a lock that is held says that it is lost: %v", err)
	}
	_ = first.Close()
	again := take(t, second, "bert's run", lockGone)
	var lost *provision.LockLostError
	if err := lock.Lost(); !errors.As(err, &lost) || lost.Machine != p.at.Name {
		t.Errorf("got %v, want that the first lock is lost", err)
	}
	lock.Release() // does nothing, and does not wait
	again.Release()
	take(t, second, "bert's run", 0)
}

// TestAChangeWaitsForTheStepThatADeadRunLeftBehind: a machine ends the scripts
// of a lost connection only when they next say something.
func TestAChangeWaitsForTheStepThatADeadRunLeftBehind(t *testing.T) {
	p := connect(t)
	want := sleeper("patient")
	p.owned(t, want)
	want.Files[1].Content = "2\n"
	plan := p.diff(t, want)
	on(t, p.at, "systemd-run --quiet --unit left-behind sh -c 'exec 8>>/run/weir/applying; flock 8; : >/run/weir/left-behind; sleep 3; rm /run/weir/left-behind'\n"+
		"for i in $(seq 100); do test -e /run/weir/left-behind && exit; sleep 0.05; done; exit 1")
	if err := p.apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if left := on(t, p.at, "ls /run/weir"); strings.Contains(left, "left-behind") {
		t.Error("the change did not wait for the step that was still at work")
	}
}
