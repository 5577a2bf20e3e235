package machine

import (
	"net"
	"slices"
	"testing"
)

// port is one of this computer's, on which somebody listens, or nobody does.
func port(t *testing.T, network, host string, open bool) string {
	t.Helper()
	l, err := net.Listen(network, net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("this computer has no %s: %v", network, err)
	}
	if open {
		t.Cleanup(func() { _ = l.Close() })
	} else if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

func TestARefusedConnectionIsAnAnswer(t *testing.T) {
	const unknown, odd = "no-such-machine.invalid:9092", "it's; touch /tmp/pwned:1"
	addresses := []string{
		port(t, "tcp4", "127.0.0.1", true), port(t, "tcp4", "127.0.0.1", false), port(t, "tcp6", "::1", true), unknown, odd,
	}
	silent, err := Unreachable(t.Context(), here{}, addresses)
	if err != nil || !slices.Equal(silent, []string{odd, unknown}) {
		t.Errorf("got %q, error %v; want the names that lead nowhere", silent, err)
	}
	if silent, err := Unreachable(t.Context(), here{}, nil); err != nil || silent != nil {
		t.Errorf("without addresses: got %q, error %v", silent, err)
	}
}

func TestRoomForAReleaseIsAskedForWhileItIsNotThere(t *testing.T) {
	want := broker()
	want.Requires.Space = []Space{{Path: ReleaseDir, Bytes: 256 << 20}}
	is := settled(want)
	is.Free[ReleaseDir] = 255 << 20
	if err := Refuse("weir-1", want, is); err != nil {
		t.Errorf("with its release there: %v", err)
	}
	is.Releases = nil
	const says = "machine weir-1: nothing was changed: /opt/weir/releases has 255 MiB free, expected at least 256 MiB: free some, or mount a larger disk there"
	if err := Refuse("weir-1", want, is); err == nil || err.Error() != says {
		t.Errorf("without its release:\n got %v\nwant %s", err, says)
	}
	is.Free[ReleaseDir] += 1 << 20
	if err := Refuse("weir-1", want, is); err != nil {
		t.Errorf("with room: %v", err)
	}
}
