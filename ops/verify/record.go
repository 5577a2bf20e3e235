package verify

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// maxFindings is how many findings one check reports; what is beyond is
// counted. A report is read by a person.
const maxFindings = 20

// record is what a check finds while it runs. A check that is out of time
// leaves what it has; what it adds later is dropped.
type record struct {
	mu       sync.Mutex
	sealed   bool
	findings []Finding
	dropped  int
	evidence []string
	summary  string
	machines []string
	waiting  string
}

// fail adds findings.
func (r *record) fail(findings ...Finding) {
	r.add(func() {
		room := max(0, maxFindings-len(r.findings))
		kept := min(room, len(findings))
		r.findings = append(r.findings, findings[:kept]...)
		r.dropped += len(findings) - kept
	})
}

// note adds evidence: what was seen, also where all is well.
func (r *record) note(format string, args ...any) {
	r.add(func() { r.evidence = append(r.evidence, fmt.Sprintf(format, args...)) })
}

// sum says in a few words what was seen where all is well.
func (r *record) sum(format string, args ...any) {
	r.add(func() { r.summary = fmt.Sprintf(format, args...) })
}

// failed says that something was found.
func (r *record) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.findings) > 0
}

// on names machines that take part.
func (r *record) on(machines ...string) {
	r.add(func() { r.machines = append(r.machines, machines...) })
}

// doing says what the check waits for from now on, should its time run out.
func (r *record) doing(format string, args ...any) {
	r.add(func() { r.waiting = fmt.Sprintf(format, args...) })
}

func (r *record) add(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.sealed {
		change()
	}
}

// seal ends the record and returns its result, without name and time.
func (r *record) seal() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sealed = true
	out := Result{
		Outcome: OK, Machines: slices.Clone(r.machines),
		Findings: slices.Clone(r.findings), Evidence: slices.Clone(r.evidence), Summary: r.summary,
	}
	if r.dropped > 0 {
		out.Evidence = append(out.Evidence, fmt.Sprintf("and %d more findings", r.dropped))
	}
	if len(out.Findings) > 0 {
		out.Outcome, out.Machines = Failed, nil
		for _, f := range out.Findings {
			if f.Machine != "" {
				out.Machines = append(out.Machines, strings.Split(f.Machine, ", ")...)
			}
		}
	}
	slices.Sort(out.Machines)
	out.Machines = orEmpty(slices.Compact(out.Machines))
	out.Findings, out.Evidence = orEmpty(out.Findings), orEmpty(out.Evidence)
	return out
}

// orEmpty keeps lists of the JSON form lists, never null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (r *record) waitingFor() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.waiting
}
