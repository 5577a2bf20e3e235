// Package doctor says what keeps an operator from working on a cluster, from
// this computer to the brokers, in the order in which it is to be mended.
//
// It needs nothing: where a part is missing, what depends on it is passed over
// with the reason, and the rest is looked at.
package doctor

import (
	"fmt"
	"io"
	"strings"

	"weir/ops/internal/indent"
	"weir/ops/status/table"
)

// State is how something was found.
type State string

// The states. Advice is what had better be otherwise and fails nothing; Skipped
// is what could not be looked at because of something before it.
const (
	OK      State = "ok"
	Bad     State = "bad"
	Advice  State = "advice"
	Skipped State = "skipped"
)

// Finding is one thing that was looked at.
type Finding struct {
	// Part is "computer", "stack", "machine" or "cluster"; Subject is what of it.
	Part    string `json:"part"`
	Subject string `json:"subject"`
	State   State  `json:"state"`
	Found   string `json:"found"`
	// Fix is what to do; empty where nothing is to be done.
	Fix string `json:"fix,omitempty"`
}

// Report is all that was looked at, in the order in which it is to be mended.
// Its JSON form is stable: fields are only ever added.
type Report struct {
	// Well says that nothing is bad.
	Well     bool      `json:"well"`
	Findings []Finding `json:"findings"`
}

func (r *Report) add(part, subject string, state State, found, fix string) {
	r.Findings = append(r.Findings, Finding{part, subject, state, found, fix})
}

// Check adds a finding for an error, or that all is well, and says whether it is.
func (r *Report) Check(part, subject string, err error, well, fix string) bool {
	if err != nil {
		r.add(part, subject, Bad, err.Error(), fix)
		return false
	}
	r.add(part, subject, OK, well, "")
	return true
}

// Skip says of something why it was not looked at.
func (r *Report) Skip(part, subject, why string) { r.add(part, subject, Skipped, why, "") }

// Advise adds what had better be otherwise.
func (r *Report) Advise(part, subject, found, fix string) { r.add(part, subject, Advice, found, fix) }

// Conclude says whether all is well.
func (r *Report) Conclude() Report {
	r.Well = true
	for _, f := range r.Findings {
		if f.State == Bad {
			r.Well = false
		}
	}
	return *r
}

// WriteJSON writes a report as one indented JSON object.
func WriteJSON(w io.Writer, r Report) error { return indent.JSON(w, r) }

// Write writes a report for people. The first thing that is bad comes first, as
// what follows may be bad because of it.
func Write(w io.Writer, r Report, style table.Style) error {
	var out strings.Builder
	t := table.Table{Style: style}
	bad := 0
	for _, f := range r.Findings {
		add := t.Row
		if f.State == Bad {
			add = t.BadRow
			bad++
		}
		add(string(f.State), f.Part, f.Subject, table.Clean(f.Found))
	}
	if _, err := t.WriteTo(&out); err != nil {
		return err
	}
	out.WriteString("\n")
	for _, f := range r.Findings {
		if f.Fix != "" && f.State != OK {
			fmt.Fprintf(&out, "%s %s: %s\n", f.Part, f.Subject, table.Clean(f.Fix))
		}
	}
	if bad == 0 {
		out.WriteString("nothing is in the way\n")
	} else {
		fmt.Fprintf(&out, "%s in the way, the first first\n", map[bool]string{true: "1 thing is", false: fmt.Sprintf("%d things are", bad)}[bad == 1])
	}
	_, err := io.WriteString(w, out.String())
	return err
}
