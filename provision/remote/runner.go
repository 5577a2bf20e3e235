package remote

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
)

// Runner runs scripts on one machine. It is the project's one seam for tests:
// package remotetest has the fake.
type Runner interface {
	// Machine is the name that messages call the machine.
	Machine() string
	// Run runs one script and waits for it. A script that ran and failed, was
	// killed, or said more than its limit is a *CommandError; a machine that
	// could not be asked at all is a *ConnectError.
	Run(ctx context.Context, s Script) (Result, error)
}

// Dialer opens connections as seen from a machine, through its SSH connection.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// Script is a POSIX sh script and what goes with it.
type Script struct {
	// Step is what a person calls it ("observe", "apply"); errors carry it.
	Step string
	// Text is the script. It must be complete: nothing is added to it.
	Text string
	// Root runs it as root: directly where the user is root, else with sudo.
	Root bool
	// Stdin is what the script reads on its standard input; nil is empty.
	Stdin io.Reader
	// Limit bounds standard output in bytes; 0 means DefaultLimit. More than
	// that is an error, never a silent cut: what a machine sends is distrusted.
	Limit int64
	// Line, when set, is given each line of standard output as it arrives,
	// without its newline, and Result.Stdout stays empty.
	Line func(line string)
}

// DefaultLimit is how much standard output a script may send: an observation
// of a few hundred files with contents fits many times over.
const DefaultLimit = 16 << 20

// Result is what a script that exited 0 said.
type Result struct {
	Stdout []byte
	// Stderr is cut to its last 64 KiB.
	Stderr []byte
}

// ConnectError says that a machine could not be reached or did not let us in.
type ConnectError struct {
	Machine string
	Address string // host:port
	// Hint is what to do next, for a person; it may be empty.
	Hint string
	Err  error
}

func (e *ConnectError) Error() string {
	s := fmt.Sprintf("machine %s (%s): %v", e.Machine, e.Address, e.Err)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

func (e *ConnectError) Unwrap() error { return e.Err }

// CommandError says that a script ran and did not succeed.
type CommandError struct {
	Machine string
	Step    string
	// Command is the remote command line, without secrets.
	Command string
	// ExitCode is -1 where the script did not exit by itself.
	ExitCode int
	// Stderr is all that was kept of standard error.
	Stderr string
	// Err is what else went wrong (a signal, a limit, a lost connection); may be nil.
	Err error
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("machine %s: %s failed: %s", e.Machine, e.Step, e.Why())
}

// Why is how the command ended, without where: "exit code 1: no space left".
func (e *CommandError) Why() string {
	var parts []string
	if e.ExitCode >= 0 {
		parts = append(parts, fmt.Sprintf("exit code %d", e.ExitCode))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	if said := Matters(e.Stderr); said != "" {
		parts = append(parts, said)
	}
	return strings.Join(parts, ": ")
}

func (e *CommandError) Unwrap() error { return e.Err }
