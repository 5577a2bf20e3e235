// Package plan shows what an up would do, before it does it: as a document for
// programs, and as text for people.
//
// The engine says which resources change; the provider, which has looked at the
// machines, says what that is step by step. The steps are those that the up
// carries out: where it finds machines as the plan did, it does the same.
package plan

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"weir/ops/internal/indent"
	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/runlog"
)

// Document is what would be done. Fields are only ever added.
type Document struct {
	Stack string `json:"stack"`
	// Changes says whether anything would be done.
	Changes bool `json:"changes"`
	// Resources are those that would change. Kinds go one after the other, in
	// the order of this list; resources of one kind go at the same time.
	Resources []Resource `json:"resources"`
	// Warnings are of what was met on the way: a machine that does not answer.
	Warnings []string `json:"warnings,omitempty"`
	// Error is why the up would stop before it changes anything. The document
	// then holds what is known all the same.
	Error string `json:"error,omitempty"`
}

// Resource is what would be done to one resource.
type Resource struct {
	// Type is "Machine", "Host", "ZooKeeper", "Kafka", "Topic" or "Job".
	Type   string `json:"type"`
	Name   string `json:"name"`
	Action Action `json:"action"` // create, change, replace or remove
	// Unknown is why there is no plan yet.
	Unknown string `json:"unknown,omitempty"`
	// Note is what a person should know besides.
	Note string `json:"note,omitempty"`
	// Plan has the machines with their steps, and their order.
	fleet.Plan
}

// Action is what the engine does to a resource.
type Action string

// The actions.
const (
	Create  Action = "create"
	Change  Action = "change"
	Replace Action = "replace"
	Remove  Action = "remove"
)

// Operation is an action on a resource, as the engine announced it.
type Operation struct {
	Type, Name string
	Action     Action
}

func (o Operation) String() string { return o.Type + " " + o.Name }

// Compose makes the document of what the engine announced and of the plans that
// the provider wrote.
func Compose(stack string, operations []Operation, entries []runlog.Entry) Document {
	plans := map[string]runlog.Plan{} // by resource, and whether it is a removal
	for _, e := range entries {
		if e.Plan != nil {
			plans[planKey(e.Resource, e.Plan.Removal)] = *e.Plan
		}
	}
	d := Document{Stack: stack, Resources: []Resource{}, Changes: len(operations) > 0}
	for _, o := range operations {
		plan, ok := plans[planKey(o.String(), o.Action == Remove)]
		if !ok {
			plan.Unknown = "the preview ended before its machines were looked at"
		}
		if plan.Machines == nil {
			plan.Machines = []fleet.MachinePlan{}
		}
		d.Resources = append(d.Resources, Resource{o.Type, o.Name, o.Action, plan.Unknown, plan.Note, plan.Plan})
	}
	d.dropGone()
	d.dropRenamed()
	slices.SortFunc(d.Resources, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
	})
	return d
}

func planKey(resource string, removal bool) string {
	if removal {
		return "-" + resource
	}
	return resource
}

// dropGone takes the steps out that nobody carries out, as their machine is a
// container that is removed as a whole.
func (d *Document) dropGone() {
	gone := map[string]bool{}
	for _, r := range d.Resources {
		if r.Type == "Machine" && r.Action == Remove {
			gone[r.Name] = true
		}
	}
	for i, r := range d.Resources {
		if r.Type == "Machine" || r.Action != Remove {
			continue
		}
		if len(r.Machines) > 0 && !slices.ContainsFunc(r.Machines, func(m fleet.MachinePlan) bool { return !gone[m.Machine] }) {
			d.Resources[i].Note, d.Resources[i].Machines = "it goes with its container", []fleet.MachinePlan{}
			d.Resources[i].Order = fleet.Order{}
		}
	}
}

// dropRenamed takes the steps out that nobody carries out, as their machine only
// got another name: what is on it is that name's by then. It is only hosts that
// are named after their machine; all else goes on by its own name.
func (d *Document) dropRenamed() {
	renamed := map[string]string{} // the new name by the old one
	for _, r := range d.Resources {
		for _, m := range r.Machines {
			if r.Type == "Host" && m.Was != "" {
				renamed[m.Was] = m.Machine
			}
		}
	}
	for i, r := range d.Resources {
		if now, ok := renamed[r.Name]; ok && r.Type == "Host" && r.Action == Remove && r.Note == "" { // it does not go with its container
			d.Resources[i].Note, d.Resources[i].Machines = "nothing is removed: the machine is "+now+" now", []fleet.MachinePlan{}
			d.Resources[i].Order = fleet.Order{}
		}
	}
}

// kinds are in the order in which an up takes them; removals come last, and the
// other way round.
var kinds = []string{"Machine", "Host", "ZooKeeper", "Kafka", "Topic", "Job"}

func rank(r Resource) int {
	at := slices.Index(kinds, r.Type)
	if at < 0 {
		at = len(kinds)
	}
	if r.Action == Remove {
		return 2*len(kinds) + 1 - at
	}
	return at
}

// Tally counts what a document holds.
type Tally struct {
	Steps, Machines int
	// Interrupted is what is restarted or stopped, each with the
	// machine: "weir-kafka.service on weir-1".
	Interrupted []string
}

// Tally counts.
func (d Document) Tally() Tally {
	var t Tally
	machines := map[string]bool{}
	for _, r := range d.Resources {
		for _, m := range r.Machines {
			t.Steps += len(m.Steps)
			if len(m.Steps) > 0 && m.Machine != "" {
				machines[m.Machine] = true
			}
			for _, s := range m.Steps {
				if s.Action == machine.Restart || s.Action == machine.Stop {
					t.Interrupted = append(t.Interrupted, s.Target+" on "+m.Machine)
				}
			}
		}
	}
	t.Machines = len(machines)
	return t
}

// WriteJSON writes the document, indented.
func WriteJSON(w io.Writer, d Document) error {
	return indent.JSON(w, d)
}
