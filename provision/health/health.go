// Package health says what a cluster is found to be and what it should be.
package health

import (
	"fmt"
	"strings"
)

// Finding is one thing that is not as it should be.
type Finding struct {
	// Subject is what was looked at: a machine, a broker, a partition.
	Subject string `json:"subject"`
	// Found is what it is; Expected what it should be, empty where Found says it.
	Found    string `json:"found"`
	Expected string `json:"expected,omitempty"`
}

func (f Finding) String() string {
	s := f.Subject + ": " + f.Found
	if f.Expected != "" {
		s += " (expected " + f.Expected + ")"
	}
	return s
}

// Findings is all that is not as it should be; empty is healthy.
type Findings []Finding

// Add appends a finding.
func (f *Findings) Add(subject, expected, found string, args ...any) {
	*f = append(*f, Finding{Subject: subject, Expected: expected, Found: fmt.Sprintf(found, args...)})
}

// Err returns the findings as an error, or nil where there are none.
func (f Findings) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Findings: f}
}

// Error is at least one finding. It may go away by itself: gates ask again.
type Error struct{ Findings Findings }

// spoken is how many findings a message names; a lost broker makes hundreds.
const spoken = 5

// Error names the first few findings and counts the others.
func (e *Error) Error() string {
	var parts []string
	for _, f := range e.Findings[:min(spoken, len(e.Findings))] {
		parts = append(parts, f.String())
	}
	if more := len(e.Findings) - spoken; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}
