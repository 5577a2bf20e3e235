package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// noRoute is what a dial to a machine that is off ends with.
func noRoute(address string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.ParseIP(address), Port: 22},
		Err: os.NewSyscallError("connect", syscall.EHOSTUNREACH)}
}

func off(name string) error {
	return &ConnectError{Machine: name, Address: name + ":22", Hint: "is it on?", Err: &UnreachableError{Err: noRoute("10.0.0.1")}}
}

func TestAReasonIsSaidOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"nothing", nil, ""},
		{"three machines that are off", errors.Join(off("a"), off("b"), fmt.Errorf("reach c: %w", off("c"))), "no route to host"},
		{"two reasons", errors.Join(off("a"), syscall.ECONNREFUSED, off("b")), "no route to host, connection refused"},
		{"a time that is over, however it is told", errors.Join(context.DeadlineExceeded, os.ErrDeadlineExceeded, syscall.ETIMEDOUT), "no answer in time"},
		{"the others were only cancelled", errors.Join(context.Canceled, off("a")), "no route to host"},
		{"all were cancelled", context.Canceled, "context canceled"},
		{"a refusal of the machine's in its own words", &ConnectError{Err: &AuthError{User: "anna", Err: errors.New("ssh: no")}},
			"authentication failed for user anna: tried nothing; the machine accepts nothing"},
		{"a handshake that broke", &UnreachableError{Err: fmt.Errorf("ssh: handshake failed: %w", syscall.ECONNRESET)}, "ssh: handshake failed: connection reset by peer"},
	} {
		if got := Reason(c.err); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestAMachineThatIsOffIsOneShortSentence(t *testing.T) {
	if got, want := off("a").Error(), "machine a (a:22): unreachable: no route to host; is it on?"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	down := noWay(noRoute("10.0.0.1"))
	_, err := Via(down, noWay(off("a")), noWay(off("b"))).DialContext(t.Context(), "tcp", "b:9092")
	if got, want := err.Error(), "no way to b:9092: no route to host"; got != want || !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// noWay dials nowhere.
func noWay(err error) Dialer { return failing{err} }

type failing struct{ err error }

func (f failing) DialContext(context.Context, string, string) (net.Conn, error) { return nil, f.err }

func TestOnlyTheLinesThatMatterAreSaid(t *testing.T) {
	for _, c := range []struct{ name, stderr, want string }{
		{"nothing", " \n\n", ""},
		{"the last lines", "1\n2\n3\n4\n5\n6\n", "2; 3; 4; 5; 6"},
		{"no stack trace of Java's", "ERROR Exiting Kafka. (kafka.Kafka$)\njava.lang.IllegalArgumentException: bad port\n\tat kafka.Kafka$.main(Kafka.scala:99)\n\tat java.base/x.Y.z(Native Method)\nCaused by: too large\n\t... 12 more\n",
			"ERROR Exiting Kafka. (kafka.Kafka$); java.lang.IllegalArgumentException: bad port; Caused by: too large"},
		{"no stack trace of Go's", "panic: no\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:5 +0x1d\ncreated by x in goroutine 7\n\t/x/y.go:9\nexit status 2\n", "panic: no; exit status 2"},
		{"not what the service manager makes of it", "no space left\nweir-kafka.service: Main process exited, code=exited, status=1/FAILURE\nweir-kafka.service: Failed with result 'exit-code'.\nStopped weir-kafka.service - Kafka.\n", "no space left"},
		{"which is said where nothing else is", "weir-kafka.service: Failed with result 'timeout'.\n", "weir-kafka.service: Failed with result 'timeout'."},
		{"a line in a call's form that is none", "Exception(port)\n", "Exception(port)"},
	} {
		if got := Matters(c.stderr); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
	if long := Matters(strings.Repeat("x\n", 1000)); long != "x; x; x; x; x" {
		t.Errorf("of a thousand lines: got %q", long)
	}
}
