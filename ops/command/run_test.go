package command

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/provision/inventory"
	"weir/provision/remote"
	"weir/provision/remote/remotetest"
	"weir/testenv/golden"
)

// onThree is a session of three machines: a real shell behind a real sshd, one
// with another port, and one that is not there.
func onThree(t *testing.T) *connect.Session {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	c := inventory.Cluster{Name: "test"}
	for _, name := range []string{"a", "b"} {
		c.Machines = append(c.Machines, inventory.Machine{Name: name, Host: remotetest.Start(t, remotetest.Config{Name: name}).Host()})
	}
	gone := c.Machines[1].Host
	gone.Name, gone.Port = "gone", closed
	c.Machines = append(c.Machines, inventory.Machine{Name: "gone", Host: gone})
	s, err := connect.Open(t.Context(), c, connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestACommandRunsOnAllMachinesAndTheDeadOneIsNamed(t *testing.T) {
	outcomes := Run(t.Context(), onThree(t), []string{"a", "b", "gone"}, Options{Line: "echo hello; echo wrong >&2; exit 3", Timeout: 10 * time.Second})
	for _, o := range outcomes[:2] {
		if o.Output != "hello\nwrong\n" || o.ExitCode != 3 || o.Error != "" {
			t.Errorf("got %+v, want both lines and exit code 3", o)
		}
	}
	if o := outcomes[2]; o.ExitCode != -1 || !strings.Contains(o.Error, "refused") || o.Machine != "gone" {
		t.Errorf("got %+v, want that the machine refuses", o)
	}
	if n := Failed(outcomes); n != 3 {
		t.Errorf("%d failed, want 3", n)
	}
}

func TestACommandThatDoesNotEndIsEnded(t *testing.T) {
	began := time.Now()
	o := Run(t.Context(), onThree(t), []string{"a"}, Options{Line: "echo begun; sleep 60", Timeout: 300 * time.Millisecond})[0]
	if o.ExitCode != -1 || !strings.Contains(o.Error, "it did not end within 300ms") || time.Since(began) > 10*time.Second {
		t.Errorf("got %+v after %s", o, time.Since(began))
	}
}

func TestMuchOutputIsCut(t *testing.T) {
	o := Run(t.Context(), onThree(t), []string{"a"}, Options{Line: "seq 1000000", Timeout: time.Minute})[0]
	if o.ExitCode != 0 || len(o.Output) > kept || o.Dropped < 1000 {
		t.Errorf("got exit code %d, %d bytes, %d lines dropped", o.ExitCode, len(o.Output), o.Dropped)
	}
}

func TestWhatOutcomesLookLike(t *testing.T) {
	var out strings.Builder
	err := Write(&out, []Outcome{
		{Machine: "a", Output: "one\n\ttwo\x1b[2J\n", Dropped: 2},
		{Machine: "b", ExitCode: 3, Output: "no\n"},
		{Machine: "c", ExitCode: -1, Error: (&remote.ConnectError{Machine: "c", Address: "c:22", Err: errors.New("no route")}).Error()},
	}, table.Style{})
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "outcomes.txt", out.String())
}
