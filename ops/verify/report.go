package verify

import (
	"slices"
	"time"
)

// Exit codes of a program that verifies.
const (
	ExitHealthy   = 0
	ExitError     = 1 // could not check at all
	ExitUsage     = 2
	ExitUnhealthy = 10
)

// Outcome is how a check ended: "ok", "failed" or "skipped".
type Outcome string

// The outcomes there are.
const (
	OK      Outcome = "ok"
	Failed  Outcome = "failed"
	Skipped Outcome = "skipped"
)

// Report is what a run found. Its JSON form is stable: fields are only added.
type Report struct {
	// Cluster is its name in the stack.
	Cluster string `json:"cluster"`
	// Healthy says that at least one check ran and none failed.
	Healthy bool `json:"healthy"`
	// Error is why nothing could be checked; empty where something was.
	Error string `json:"error,omitempty"`
	// Started is when the run began; Seconds is how long it took.
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// Checks are in a fixed order, also those that were skipped.
	Checks []Result `json:"checks"`

	usage bool
}

// Result is one check's.
type Result struct {
	// Name is the check's; see Names.
	Name string `json:"name"`
	// Title is what it looks at, for people.
	Title string `json:"title"`
	// Outcome is "ok", "failed" or "skipped".
	Outcome Outcome `json:"outcome"`
	// Summary is what was seen, in a few words.
	Summary string `json:"summary,omitempty"`
	// Reason is why it was skipped.
	Reason string `json:"reason,omitempty"`
	// Machines are those that the findings are about, or that took part.
	Machines []string `json:"machines"`
	// Findings are what is wrong; none where the outcome is ok.
	Findings []Finding `json:"findings"`
	// Evidence is what was seen, line by line, also where all is well.
	Evidence []string `json:"evidence"`
	// Seconds is how long it took.
	Seconds float64 `json:"seconds"`
}

// Finding is one thing that is wrong.
type Finding struct {
	// Machine is where; several are joined by commas. It is empty only where
	// the cluster as a whole is meant.
	Machine string `json:"machine,omitempty"`
	// Found is what is, Expected what should be.
	Found    string `json:"found"`
	Expected string `json:"expected"`
	// Next is a command to type.
	Next string `json:"next"`
}

// ExitCode is 0 where the cluster is healthy, 10 where it is not, 1 where it
// could not be checked at all, 2 where the options made no sense.
func (r Report) ExitCode() int {
	switch {
	case r.usage:
		return ExitUsage
	case r.Error != "":
		return ExitError
	case r.Healthy:
		return ExitHealthy
	}
	return ExitUnhealthy
}

// Unhealthy are the names of the checks that failed.
func (r Report) Unhealthy() []string {
	var names []string
	for _, c := range r.Checks {
		if c.Outcome == Failed {
			names = append(names, c.Name)
		}
	}
	return names
}

// With is the report after some of its checks ran again: their newest results
// count.
func (r Report) With(again Report) Report {
	both := r
	both.Checks = slices.Clone(r.Checks)
	for i, c := range again.Checks {
		if c.Outcome != Skipped {
			both.Checks[i] = c
		}
	}
	both.Healthy, both.Error, both.Seconds = false, again.Error, r.Seconds+again.Seconds
	if r.Error == "" && again.Error == nobodyAnswered {
		both.Error = "" // somebody did before, and what failed says the rest
	}
	both.judge()
	return both
}

// judge sets Healthy from the results.
func (r *Report) judge() {
	ran := false
	for _, c := range r.Checks {
		if c.Outcome == Failed {
			return
		}
		ran = ran || c.Outcome == OK
	}
	r.Healthy = ran && r.Error == ""
}
