package preflight

import (
	"errors"
	"slices"
	"time"

	"weir/provision/machine"
)

// Severity is how much a finding matters.
type Severity string

// The severities there are.
const (
	// Refuse: the machine must not be changed while this is so.
	Refuse Severity = "refuse"
	// Advise: it will work, and had better be otherwise.
	Advise Severity = "advise"
)

// Outcome is how a check ended.
type Outcome string

// The outcomes there are, from good to bad.
const (
	OK      Outcome = "ok"
	Skipped Outcome = "skipped"
	Advised Outcome = "advice"
	Refused Outcome = "refused"
)

// Report is what was found. Its JSON form is stable: fields are only added.
type Report struct {
	Cluster string `json:"cluster"`
	// Fit says that nothing refuses a machine.
	Fit     bool      `json:"fit"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// Checks are in a fixed order, those that were skipped too.
	Checks []Result `json:"checks"`
}

// Result is one check's.
type Result struct {
	Name string `json:"name"`
	// Title is what is true where it is ok, for people.
	Title   string  `json:"title"`
	Outcome Outcome `json:"outcome"`
	// Findings are in the order of the machines.
	Findings []Finding `json:"findings"`
	// Evidence is what was seen where nothing is wrong.
	Evidence []Note `json:"evidence"`
}

// Note is something that was seen; without a machine it is about them all.
type Note struct {
	Machine string `json:"machine,omitempty"`
	Text    string `json:"text"`
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Machine  string   `json:"machine"`
	Severity Severity `json:"severity"`
	Found    string   `json:"found"`
	Expected string   `json:"expected"`
	// Evidence is what a machine said, where that is more than Found; may be empty.
	Evidence string `json:"evidence,omitempty"`
	Next     string `json:"next"`

	err error // why the machine was not reached
}

// Findings are those of a severity, check by check.
func (r Report) Findings(s Severity) []Finding {
	var all []Finding
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			if f.Severity == s {
				all = append(all, f)
			}
		}
	}
	return all
}

// Err is nil where all machines are fit, else a *machine.Refusal for each that
// is not, and the error of each that was not reached, joined in the order of the
// machines' names.
func (r Report) Err() error {
	refused := map[string]*machine.Refusal{}
	errs := map[string]error{}
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			switch {
			case f.Severity != Refuse:
			case f.err != nil:
				errs[f.Machine] = f.err
			default:
				if refused[f.Machine] == nil {
					refused[f.Machine] = &machine.Refusal{Machine: f.Machine}
					errs[f.Machine] = refused[f.Machine]
				}
				refused[f.Machine].Reasons = append(refused[f.Machine].Reasons,
					machine.Reason{Check: c.Name, Found: f.Found, Expected: f.Expected, Next: f.Next})
			}
		}
	}
	var all []error
	for _, name := range sortedKeys(errs) {
		all = append(all, errs[name])
	}
	return errors.Join(all...)
}

// Reached says that nothing but machines that could not be reached refuses: what
// needs them will say so itself, and the others may be worked on.
func (r Report) Reached() bool {
	return !slices.ContainsFunc(r.Findings(Refuse), func(f Finding) bool { return f.err == nil })
}

// settle sets the outcomes from the findings.
func (r *Report) settle() {
	r.Fit = true
	for i := range r.Checks {
		c := &r.Checks[i]
		for _, f := range c.Findings {
			switch {
			case f.Severity == Refuse:
				c.Outcome, r.Fit = Refused, false
			case c.Outcome == OK:
				c.Outcome = Advised
			}
		}
	}
}
