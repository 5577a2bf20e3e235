package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optdestroy"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/auto/optup"

	"weir/provision/runlog"
)

// Event is one of the engine's.
type Event = events.EngineEvent

// Observer is told the engine's events as they happen, from one goroutine.
type Observer func(Event)

// Up makes the stack what its config declares and returns what changed.
func (s *Stack) Up(ctx context.Context, watch Observer) (Changes, error) {
	return s.careful().With(Variable{runlog.PassOverVariable, "yes"}).run(ctx, "up", watch, func(st *auto.Stack, ch chan<- events.EngineEvent, stderr io.Writer) error {
		_, err := st.Up(ctx, optup.EventStreams(ch), optup.ErrorProgressStreams(stderr),
			optup.Color("never"), optup.SuppressOutputs(), optup.SuppressProgress())
		return err
	})
}

// Plan says what Up would change, without changing anything. A machine that Up
// would refuse to change is an error here, before any other is touched.
func (s *Stack) Plan(ctx context.Context, watch Observer) (Changes, error) {
	return s.careful().With(Variable{runlog.PassOverVariable, "yes"}).run(ctx, "up", watch, func(st *auto.Stack, ch chan<- events.EngineEvent, stderr io.Writer) error {
		_, err := st.Preview(ctx, optpreview.EventStreams(ch), optpreview.ErrorProgressStreams(stderr),
			optpreview.Color("never"), optpreview.SuppressOutputs(), optpreview.SuppressProgress())
		return err
	})
}

// Destroy removes what the stack declares from the machines.
func (s *Stack) Destroy(ctx context.Context, watch Observer) (Changes, error) {
	return s.careful().run(ctx, "destroy", watch, func(st *auto.Stack, ch chan<- events.EngineEvent, stderr io.Writer) error {
		_, err := st.Destroy(ctx, optdestroy.EventStreams(ch), optdestroy.ErrorProgressStreams(stderr),
			optdestroy.Color("never"), optdestroy.SuppressOutputs(), optdestroy.SuppressProgress())
		return err
	})
}

// careful has data stay that nobody confirmed may go.
func (s *Stack) careful() *Stack {
	if s.DeleteData {
		return s
	}
	return s.With(Variable{runlog.KeepDataVariable, "yes"})
}

// operation is one call of the Automation API, with its events and messages.
type operation func(st *auto.Stack, ch chan<- events.EngineEvent, stderr io.Writer) error

func (s *Stack) run(ctx context.Context, verb string, watch Observer, op operation) (Changes, error) {
	st, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	stream := make(chan events.EngineEvent)
	finished, heard := make(chan struct{}), make(chan *record)
	go func() { heard <- listen(stream, finished, watch) }()
	err = op(st, stream, &stderr)
	close(finished)
	rec := <-heard
	if err == nil {
		return rec.changes, nil
	}
	return rec.changes, s.failure(ctx, verb, rec.errors, stderr.String(), err)
}

// listen takes events until the stream is closed, or the operation has ended:
// one that fails before its first event leaves the stream open.
func listen(stream <-chan events.EngineEvent, finished <-chan struct{}, watch Observer) *record {
	rec := &record{changes: Changes{}}
	for {
		select {
		case e, open := <-stream:
			if !open {
				return rec
			}
			rec.note(e)
			if watch != nil {
				watch(e)
			}
		case <-finished:
			return rec
		}
	}
}

// EngineError is why an operation of the engine failed.
type EngineError struct {
	Stack, Verb string
	// Messages are the engine's and the provider's errors, one each; where
	// there are none, all that the CLI had to say.
	Messages []string
	// Interrupted says that it was stopped on request.
	Interrupted bool
	Err         error
}

func (e *EngineError) Error() string {
	if e.Interrupted {
		return fmt.Sprintf("%s of stack %s was interrupted; what was done is kept, and the next run goes on from there", e.Verb, e.Stack)
	}
	return fmt.Sprintf("%s of stack %s failed:\n  %s", e.Verb, e.Stack, strings.Join(e.Messages, "\n  "))
}

func (e *EngineError) Unwrap() error { return e.Err }

func (s *Stack) failure(ctx context.Context, verb string, messages []string, stderr string, err error) error {
	e := &EngineError{Stack: s.Name, Verb: verb, Messages: messages, Interrupted: ctx.Err() != nil, Err: err}
	if len(messages) > 0 {
		slices.Sort(messages) // what fails at the same time is told in any order
		return e
	}
	if text := strings.TrimSpace(stderr); text != "" {
		e.Messages = []string{cause(text)}
		return e
	}
	e.Messages = []string{err.Error()}
	return e
}

// IsInterrupted says whether an error is that of a run stopped on request.
func IsInterrupted(err error) bool {
	var engine *EngineError
	return errors.As(err, &engine) && engine.Interrupted || errors.Is(err, context.Canceled)
}
