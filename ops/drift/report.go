// Package drift says how machines differ from what was last applied to them.
//
// What it reads comes from the provider, by way of the engine: it looks at
// machines and compares; nothing here asks anybody.
package drift

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"weir/ops/drive"
)

// Report is what a look at a stack found. Fields are only ever added.
type Report struct {
	Stack string `json:"stack"`
	// Drifted says that something differs, or could not be looked at.
	Drifted bool `json:"drifted"`
	// Machines has every machine that was looked at, in the order of their names.
	Machines []Machine `json:"machines"`
	// Cluster is what differs and is on no machine: topics.
	Cluster []Difference `json:"cluster"`
}

// Machine is one machine and how it differs.
type Machine struct {
	Name string `json:"name"`
	// Unreachable is why it could not be looked at: then nobody knows whether it
	// differs.
	Unreachable string       `json:"unreachable,omitempty"`
	Differences []Difference `json:"differences"`
}

// Difference is one thing that is not as it was last applied.
type Difference struct {
	// Component is whose thing it is: "host", "kafka", "zookeeper", a job's name.
	Component string `json:"component"`
	// Kind and Target say which thing: "file" and its path, "service" and its unit.
	Kind   string `json:"kind"`
	Target string `json:"target"`
	// Found is what is there, Expected what was applied.
	Found    string `json:"found"`
	Expected string `json:"expected"`
	// Diff is how a text differs, as lines of diff -u.
	Diff string `json:"diff,omitempty"`
}

// outputs is what is read of a resource's outputs, whatever its type.
type outputs struct {
	Machine  string `json:"machine"`
	Name     string `json:"name"`
	Power    string `json:"power"`
	Machines map[string]struct {
		Unreachable string `json:"unreachable"`
	} `json:"machines"`
	Unreachable string                  `json:"unreachable"`
	Drift       map[string][]Difference `json:"drift"`
}

// New makes the report of a stack from what a look found.
func New(stack string, resources []drive.Resource) (Report, error) {
	b := builder{machines: map[string]*Machine{}, cluster: []Difference{}}
	for _, r := range resources {
		if err := b.add(r); err != nil {
			return Report{}, fmt.Errorf("%s %s: %w", r.Type, r.Name, err)
		}
	}
	return b.report(stack), nil
}

type builder struct {
	machines map[string]*Machine
	cluster  []Difference
}

func (b *builder) machine(name string) *Machine {
	if b.machines[name] == nil {
		b.machines[name] = &Machine{Name: name, Differences: []Difference{}}
	}
	return b.machines[name]
}

func (b *builder) add(r drive.Resource) error {
	text, err := json.Marshal(r.Outputs)
	if err != nil {
		return err
	}
	var out outputs
	if err := json.Unmarshal(text, &out); err != nil {
		return fmt.Errorf("the provider's answer cannot be read: %w", err)
	}
	switch r.Type {
	case "Machine":
		b.container(r, out)
	case "Topic":
		b.topic(r, out)
	default:
		b.component(r, out)
	}
	return nil
}

// container is a machine that weir made.
func (b *builder) container(r drive.Resource, out outputs) {
	m, found := b.machine(r.Name), out.Power
	if r.Gone {
		found = "gone"
	}
	if found != "running" {
		m.Differences = append(m.Differences, Difference{Component: "machine", Kind: "container", Target: r.Name, Found: found, Expected: "running"})
	}
}

func (b *builder) topic(r drive.Resource, out outputs) {
	add := func(found, expected string) {
		b.cluster = append(b.cluster, Difference{Component: "topics", Kind: "topic", Target: r.Name, Found: found, Expected: expected})
	}
	switch {
	case r.Gone:
		add("gone", "a topic of that name")
	case out.Unreachable != "":
		add("could not be looked at: "+out.Unreachable, "an answer of a broker")
	}
	for _, list := range out.Drift {
		for _, d := range list {
			add(d.Found, d.Expected)
		}
	}
}

func (b *builder) component(r drive.Resource, out outputs) {
	component := strings.ToLower(r.Type)
	if r.Type == "Job" {
		component = "job-" + r.Name
	}
	for name, shown := range out.Machines {
		if m := b.machine(name); shown.Unreachable != "" {
			m.Unreachable = shown.Unreachable
		}
	}
	for name, list := range out.Drift {
		m := b.machine(name)
		for _, d := range list {
			d.Component = component
			m.Differences = append(m.Differences, d)
		}
	}
}

func (b *builder) report(stack string) Report {
	r := Report{Stack: stack, Machines: []Machine{}, Cluster: b.cluster, Drifted: len(b.cluster) > 0}
	for _, m := range b.machines {
		r.Machines = append(r.Machines, *m)
		r.Drifted = r.Drifted || m.Unreachable != "" || len(m.Differences) > 0
	}
	slices.SortFunc(r.Machines, func(a, b Machine) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// Count is how many differences were found, on machines and in the cluster.
func (r Report) Count() int {
	n := len(r.Cluster)
	for _, m := range r.Machines {
		n += len(m.Differences)
	}
	return n
}
