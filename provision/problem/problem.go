// Package problem collects what is wrong with something a person wrote, so
// that everything wrong is said at once and not one mistake a run.
package problem

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake: where it is, and what to write instead.
type Problem struct {
	// Path leads to the value, "machines[1].address"; empty is the whole.
	Path string
	// Message says what was found, what was expected and what to write.
	Message string
}

func (p Problem) String() string {
	if p.Path == "" {
		return p.Message
	}
	return p.Path + ": " + p.Message
}

// List is every mistake that was found, in the order of the text.
// Its zero value is an empty list, ready for use.
type List []Problem

// Add appends a problem; the message is formatted as by fmt.Sprintf.
func (l *List) Add(path, format string, args ...any) {
	*l = append(*l, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// Err returns the list as an error, or nil where it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return &Error{Problems: slices.Clone(l)}
}

// Error is a list of at least one problem.
type Error struct{ Problems List }

// Error gives one line for a single problem, else a count and a line each.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d problems:", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}
