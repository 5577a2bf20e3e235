package machine

import (
	"iter"
	"slices"
	"time"

	"weir/provision/process"
)

// Plan is what must be done to make one machine what it should be: pure data,
// the same in a preview and in a run.
type Plan struct {
	Machine string `json:"machine"`
	Steps   []Step `json:"steps,omitempty"`
	// Was is another name by which the component was put there: the machine was
	// given the present one since.
	Was string `json:"was,omitempty"`

	desired State
}

// Phase says when a step may run.
type Phase int

const (
	// Stage steps disturb nothing that runs; they go on all machines at once.
	Stage Phase = iota
	// Switch steps change what runs; rollout puts them in a safe order.
	Switch
	// Finish steps are the cluster's, not a machine's: it is asked for them once
	// all machines are switched.
	Finish
)

// Action is what a step does to its target.
type Action string

// The actions, in a person's words.
const (
	Create  Action = "create"
	Change  Action = "change"
	Remove  Action = "remove"
	Restart Action = "restart"
	Start   Action = "start"
	Stop    Action = "stop"
	Enable  Action = "enable"
)

// Step is one action of a plan.
type Step struct {
	Phase  Phase  `json:"phase"`  // stage, switch or finish: when it may run
	Action Action `json:"action"` // create, change, remove, start, stop, restart or enable
	Kind   string `json:"kind"`   // "package", "user", "directory", "file", "release", "link", "sysctl", "service", "process", "mark", "stranger", "manifest", "data", "container", "topic", "setting"
	// Target is a path, or the name of what Kind says.
	Target string `json:"target"`
	// Detail says what differs, for a person; it never holds a secret.
	Detail string `json:"detail,omitempty"`
	// Diff is how a file's content changes, as by diff -u; Explain adds it.
	Diff string `json:"diff,omitempty"`
	// Secret says that a content is not shown.
	Secret bool `json:"secret,omitempty"`

	manifest string
	keeps    bool      // a file's content is right: only owner and mode are set
	time     time.Time // a file's time, where it is not that of the step
	file     *File
	release  *Release
	dir      *Directory
	service  *Service
	user     *User
	pack     *Package
	manager  string // the machine's package manager
	sysctl   *Sysctl
	process  *process.Java
}

func (s Step) String() string {
	t := string(s.Action) + " " + s.Kind + " " + Printable(s.Target)
	if s.Detail != "" {
		t += " (" + s.Detail + ")"
	}
	return t
}

// Empty says that the machine is as it should be.
func (p Plan) Empty() bool { return len(p.Steps) == 0 }

// Interrupts says that a service that is running now will be stopped or restarted.
func (p Plan) Interrupts() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool {
		return s.Action == Restart || s.Action == Stop
	})
}

// Packages are those that the plan installs, each with the machine's package manager.
func (p Plan) Packages() iter.Seq2[Package, string] {
	return func(yield func(Package, string) bool) {
		for _, s := range p.Steps {
			if s.Kind == "package" && !yield(*s.pack, s.manager) {
				return
			}
		}
	}
}

// In returns the steps of one phase.
func (p Plan) In(phase Phase) []Step {
	var steps []Step
	for _, s := range p.Steps {
		if s.Phase == phase {
			steps = append(steps, s)
		}
	}
	return steps
}
