//go:build soak

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	provision "weir/provision/machine"
	"weir/provision/remote"
)

// TestSoakALockEndsWithARunThatVanished cuts one run's connection as a pulled cable
// does: neither side is told. The run is in the middle of a script that waits
// for more input, and of another that has ended its step's work.
func TestSoakALockEndsWithARunThatVanished(t *testing.T) {
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

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

// is says whether an error is, or wraps, one of a type.
func is[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}
