package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	provision "weir/provision/machine"
	"weir/provision/remote"
)

const (
	// lockGone bounds how long a lock may outlive its connection: sshd notices
	// the end of one at once, and ends what ran in it.
	lockGone = 5 * time.Second
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

// TestALockEndsWithARunThatVanished cuts one run's connection as a pulled cable
// does: neither side is told. The run is in the middle of a script that waits
// for more input, and of another that has ended its step's work.
func TestALockEndsWithARunThatVanished(t *testing.T) {
	p := connect(t)
	var cut net.Conn
	vanishing, err := remote.Dial(t.Context(), reached(p.at), remote.WithDialer(dialer(func(ctx context.Context, network, address string) (c net.Conn, err error) {
		cut, err = new(net.Dialer).DialContext(ctx, network, address)
		return cut, err
	})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = vanishing.Close() })
	lock := take(t, vanishing, "the vanished run", 0)
	ran := make(chan error, 1)
	waiting, end := io.Pipe()
	t.Cleanup(func() { _ = end.Close() })
	begun := make(chan struct{})
	go func() {
		_, err := vanishing.Run(t.Context(), remote.Script{
			Step: "apply", Root: true, Stdin: waiting, Text: "echo begun\n: waits-for-its-input; cat >/dev/null; echo done; touch /run/weir/went-on\n",
			Line: func(string) { close(begun) },
		})
		ran <- err
	}()
	<-begun
	_, port, _ := net.SplitHostPort(cut.LocalAddr().String())
	rules := fmt.Sprintf("iptables -w -%%[1]s INPUT -p tcp --sport %s -j DROP; iptables -w -%%[1]s OUTPUT -p tcp --dport %[1]s -j DROP; rm -f /run/weir/went-on", port)
	undo(t, p.at, fmt.Sprintf(rules, "D"))
	on(t, p.at, fmt.Sprintf(rules, "I"))

	second := dial(t, p.at)
	var locked *provision.LockedError
	if _, err := provision.Acquire(t.Context(), second, "bert's run"); !errors.As(err, &locked) || locked.Holder != "the vanished run" {
		t.Fatalf("right after the cut: got %v, want that the vanished run still has the lock", err)
	}
	vanished := time.Now()
	next := take(t, second, "bert's run", lockStale)
	t.Logf("the lock was free %v after its holder vanished", time.Since(vanished).Round(time.Second))
	if err := <-ran; !is[*remote.LostError](err) {
		t.Errorf("the vanished run's script: got %v, want that its connection was lost", err)
	}
	if err := lock.Lost(); !is[*provision.LockLostError](err) {
		t.Errorf("got %v, want that the vanished run knows that it lost its lock", err)
	}
	// Its other script ended with the lock, and did nothing more.
	on(t, p.at, "for i in $(seq 50); do pgrep -f waits-for-its-[i]nput >/dev/null || exit 0; sleep 0.1; done; pgrep -af waits-for-its-[i]nput; exit 1")
	on(t, p.at, "! test -e /run/weir/went-on")

	// One that is heard of keeps its lock for longer than the patience.
	_, err = provision.Acquire(t.Context(), dial(t, p.at), "carl's run")
	if !errors.As(err, &locked) || locked.Silent > 15*time.Second {
		t.Errorf("got %v, want that bert's run has the lock and was heard of", err)
	}
	if err := next.Lost(); err != nil {
		t.Error(err)
	}
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

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

// is says whether an error is, or wraps, one of a type.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
