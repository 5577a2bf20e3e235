package runlog

import (
	"cmp"
	"time"

	"weir/provision/machine"
)

// Run is what a log says of its run as a whole.
type Run struct {
	ID string `json:"id"`
	Begin
	Started time.Time `json:"started"`
	Outcome Outcome   `json:"outcome"`
	// Seconds is how long it took; of one that was cut off, until its last entry.
	Seconds float64  `json:"seconds"`
	Changed Changed  `json:"changed"`
	Errors  []string `json:"errors,omitempty"`
	// Rolls are the rolling restarts that it began or went on with.
	Rolls []Roll `json:"rolls,omitempty"`
}

// Changed counts what a run did.
type Changed struct {
	// Created, Changed and Removed are resources on which work ended well.
	Created int `json:"created"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
	// Steps were carried out, on Machines machines.
	Steps    int `json:"steps"`
	Machines int `json:"machines"`
}

// runOf sums a log up. One without any sound entry is a run that was cut off
// before it began to be logged.
func runOf(id string, entries []Entry, running bool) Run {
	r := Run{ID: id}
	open := map[string]bool{} // resources that are worked on
	machines := map[string]bool{}
	for _, e := range entries {
		switch {
		case e.Begin != nil:
			r.Begin, r.Started = *e.Begin, e.At
		case e.Work != nil:
			open[e.Resource] = !e.Work.Ended
			r.count(*e.Work)
		case e.Step != nil:
			r.Changed.Steps++
			if e.Step.Machine != "" {
				machines[e.Step.Machine] = true
			}
		case e.Roll != nil:
			r.Rolls = append(r.Rolls, *e.Roll)
		case e.End != nil:
			r.Outcome, r.Seconds, r.Errors = e.End.Outcome, e.End.Seconds, e.End.Errors
		}
	}
	r.Changed.Machines = len(machines)
	if len(entries) > 0 && r.Outcome == "" {
		r.Seconds = Seconds(entries[len(entries)-1].At.Sub(r.Started))
	}
	for resource := range open {
		if !open[resource] {
			delete(open, resource)
		}
	}
	r.Outcome = cmp.Or(r.Outcome, r.without(running, len(open)))
	return r
}

func (r *Run) count(w Work) {
	switch {
	case !w.Ended:
	case w.Error != "":
		r.Errors = append(r.Errors, w.Error)
	case w.Action == machine.Create:
		r.Changed.Created++
	case w.Action == machine.Change:
		r.Changed.Changed++
	case w.Action == machine.Remove:
		r.Changed.Removed++
	}
}

// Typed is the command of a run that was typed past ops: nobody is there to
// write its end.
const Typed = "pulumi"

// without is the outcome of a run that has no end, while open resources are
// being worked on.
func (r *Run) without(running bool, open int) Outcome {
	switch {
	case running:
		return Running
	case r.Command != Typed || open > 0:
		return CutOff
	case len(r.Errors) > 0:
		return Failed
	}
	return Done
}
