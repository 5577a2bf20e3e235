package remotetest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"weir/provision/remote"
)

// Runner is a machine that runs nothing: it answers scripts as it was told and
// keeps what it was asked. It is safe for concurrent use.
type Runner struct {
	name string

	mu      sync.Mutex
	rules   []rule
	scripts []Recorded
}

var _ remote.Runner = (*Runner)(nil)

// Matcher says whether a rule is about a script.
type Matcher func(s remote.Script) bool

// Answer is what the machine says to a script; stdin is all that it was sent.
type Answer func(s remote.Script, stdin []byte) (remote.Result, error)

// Recorded is a script that the machine was asked to run, and its input.
type Recorded struct {
	Step  string
	Text  string
	Root  bool
	Stdin []byte
}

type rule struct {
	match  Matcher
	answer Answer
}

// New returns a machine of that name that fails every script it was not told of.
func New(name string) *Runner { return &Runner{name: name} }

// On adds a rule and returns the Runner. The first rule that matches answers.
func (r *Runner) On(match Matcher, answer Answer) *Runner {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rules = append(r.rules, rule{match, answer})
	return r
}

// Machine is the name given to New.
func (r *Runner) Machine() string { return r.name }

// Run records the script, reads all of its input and gives the first matching
// rule's answer. It keeps the contract of remote.Runner: the context, the
// limit, and Line.
func (r *Runner) Run(ctx context.Context, s remote.Script) (remote.Result, error) {
	if err := ctx.Err(); err != nil {
		return remote.Result{}, r.failed(s, err)
	}
	stdin, err := readAll(s.Stdin)
	answer := r.record(s, stdin)
	switch {
	case err != nil:
		return remote.Result{}, r.failed(s, fmt.Errorf("standard input: %w", err))
	case answer == nil:
		return remote.Result{}, r.failed(s, fmt.Errorf("the fake machine was not told of this script:\n%s", s.Text))
	}
	result, err := answer(s, stdin)
	if err != nil {
		return remote.Result{}, r.own(s, err)
	}
	return r.deliver(s, result)
}

// Scripts returns what the machine was asked so far, oldest first.
func (r *Runner) Scripts() []Recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Recorded(nil), r.scripts...)
}

func (r *Runner) record(s remote.Script, stdin []byte) Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.scripts = append(r.scripts, Recorded{Step: s.Step, Text: s.Text, Root: s.Root, Stdin: stdin})
	for _, rule := range r.rules {
		if rule.match(s) {
			return rule.answer
		}
	}
	return nil
}

// deliver hands standard output over in the way the script asked for.
func (r *Runner) deliver(s remote.Script, result remote.Result) (remote.Result, error) {
	limit := s.Limit
	if limit == 0 {
		limit = remote.DefaultLimit
	}
	if int64(len(result.Stdout)) > limit {
		return remote.Result{}, r.failed(s, &remote.LimitError{What: "standard output", Limit: limit})
	}
	if s.Line == nil {
		return result, nil
	}
	for line := range strings.Lines(string(result.Stdout)) {
		s.Line(strings.TrimSuffix(line, "\n"))
	}
	result.Stdout = nil
	return result, nil
}

// own puts the machine's name and the step on an answer's error.
func (r *Runner) own(s remote.Script, err error) error {
	switch e := err.(type) {
	case *remote.CommandError:
		own := *e
		own.Machine, own.Step = r.name, s.Step
		return &own
	case *remote.ConnectError:
		own := *e
		own.Machine = r.name
		return &own
	}
	return err
}

func (r *Runner) failed(s remote.Script, err error) error {
	return &remote.CommandError{Machine: r.name, Step: s.Step, ExitCode: -1, Err: err}
}

func readAll(r io.Reader) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	return io.ReadAll(r)
}
