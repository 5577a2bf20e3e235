package runlog

import (
	"errors"
	"strings"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/rollout"
)

// Failure is why work on a resource stopped, on one machine.
type Failure struct {
	// Machine is empty where it is the whole cluster's.
	Machine string `json:"machine,omitempty"`
	// Step is what could not be done: a step of a plan, a gate, "observe".
	Step string `json:"step,omitempty"`
	// Command ran there and ended with ExitCode; both are missing where none ran
	// to its end.
	Command  string `json:"command,omitempty"`
	ExitCode *int   `json:"exitCode,omitempty"`
	// Stderr is the end of what it said.
	Stderr string `json:"stderr,omitempty"`
	Error  string `json:"error"`
}

// stderrKept is how much, in bytes, of the end of a standard error is logged: a
// service's last words, which its journal has in full.
const stderrKept = 4 << 10

// Failures takes an error apart: one failure for each machine that it speaks of.
func Failures(err error) []Failure {
	if err == nil {
		return nil
	}
	return parts(err, Failure{Error: err.Error()})
}

// parts follows an error down; so far is what was learnt on the way.
func parts(err error, so Failure) []Failure {
	switch e := err.(type) {
	case *rollout.Error:
		so.Machine, so.Step = e.Machine, string(e.Step)
	case *machine.StepError:
		so.Machine, so.Step = e.Machine, e.Step.String()
	case *machine.Refusal:
		so.Machine = e.Machine
	case *machine.LockedError:
		so.Machine, so.Step = e.Machine, "lock"
	case *remote.ConnectError:
		so.Machine = e.Machine
		return []Failure{so}
	case *remote.CommandError:
		return []Failure{so.command(e)}
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []Failure
		for _, part := range joined.Unwrap() {
			next := so
			next.Error = part.Error()
			all = append(all, parts(part, next)...)
		}
		return all
	}
	if inner := errors.Unwrap(err); inner != nil {
		return parts(inner, so)
	}
	return []Failure{so}
}

func (f Failure) command(e *remote.CommandError) Failure {
	f.Machine, f.Command = e.Machine, e.Command
	if f.Step == "" || f.Step == string(rollout.Switch) {
		f.Step = e.Step
	}
	if e.ExitCode >= 0 {
		f.ExitCode = &e.ExitCode
	}
	f.Stderr = strings.TrimSpace(e.Stderr[max(0, len(e.Stderr)-stderrKept):])
	return f
}
