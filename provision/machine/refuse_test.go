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
