// Package runlog keeps what runs did: one file a run, one JSON object a line.
//
// Whoever starts a run begins its log; the provider, which is another process,
// appends to it. Each entry is one write, so that a kill at any moment leaves a
// log that can be read: what was written is there, and a run without an end was
// cut off. Secrets that the writer knows of are masked in every entry.
//
// Limits: a log is for one computer and one user; it is no proof against
// whoever may write to the project's directory.
package runlog

import (
	"time"

	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/rollout"
)

// Entry is one line of a log. Exactly one of its parts is set. Fields are only
// ever added.
type Entry struct {
	At time.Time `json:"at"`
	// Resource is what the entry is about, "Kafka kafka"; empty is the run.
	Resource string `json:"resource,omitempty"`

	Begin   *Begin   `json:"begin,omitempty"`
	Plan    *Plan    `json:"plan,omitempty"`
	Work    *Work    `json:"work,omitempty"`
	Step    *Step    `json:"step,omitempty"`
	Gate    *Gate    `json:"gate,omitempty"`
	Roll    *Roll    `json:"roll,omitempty"`
	Failure *Failure `json:"failure,omitempty"`
	Warning string   `json:"warning,omitempty"`
	End     *End     `json:"end,omitempty"`
}

// Begin says who started the run, and how. It is a log's first entry.
type Begin struct {
	Stack string `json:"stack"`
	// Command is what was typed: "up", "down --yes"; "pulumi" for one that was
	// typed past ops, whose words are not known.
	Command string `json:"command"`
	Who     string `json:"who"`
	On      string `json:"on"`
	PID     int    `json:"pid"`
	// Version is that of the program that began the log.
	Version string `json:"version"`
}

// Plan is what would be done to a resource. Only previews are given it.
type Plan struct {
	// Removal says that this is what would be done where the resource is no
	// longer declared; which of the two it is, only the engine knows.
	Removal bool `json:"removal,omitempty"`
	// Unknown is why there is no plan yet.
	Unknown string `json:"unknown,omitempty"`
	// Note is what a person should know besides.
	Note string `json:"note,omitempty"`
	fleet.Plan
}

// Work is the engine's work on one resource: an entry at its beginning, and
// another at its end.
type Work struct {
	Action machine.Action `json:"action"` // create, change or remove
	Ended  bool           `json:"ended,omitempty"`
	// Error is why it failed; empty where it did not.
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Step is a step that was carried out. Machine is empty where the cluster did it.
type Step struct {
	Machine string `json:"machine,omitempty"`
	machine.Step
	Seconds float64 `json:"seconds"`
}

// Gate is a condition that was waited for. While it does not hold there is an
// entry for each new reason.
type Gate struct {
	// Machine is empty where the gate is the whole cluster's.
	Machine string        `json:"machine,omitempty"`
	Gate    rollout.Step  `json:"gate"`
	Phase   rollout.Phase `json:"phase"` // waiting, finished or failed
	// Reason is what it still waits for, or why it failed.
	Reason  string  `json:"reason,omitempty"`
	Seconds float64 `json:"seconds"`
}

// End says how a run ended. It is the last entry of a run that was not cut off.
type End struct {
	Outcome Outcome  `json:"outcome"`
	Errors  []string `json:"errors,omitempty"`
	Seconds float64  `json:"seconds"`
}

// Outcome is how a run ended.
type Outcome string

// The outcomes. Running and CutOff are never written: that they have no end
// tells them.
const (
	Done        Outcome = "done"
	Unhealthy   Outcome = "not healthy"
	Failed      Outcome = "failed"
	Interrupted Outcome = "interrupted"
	CutOff      Outcome = "cut off"
	Running     Outcome = "running"
)

// Seconds is a duration as entries hold it, to the millisecond.
func Seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }
