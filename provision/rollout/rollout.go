// Package rollout changes the machines of a cluster in a safe order.
//
// Machines on which nothing runs yet are switched all at once. The others are
// switched one at a time: before each the order is asked again, since leaders
// move; a gate must hold before the change and another after it; the first
// failure ends the run before the next machine. Nothing here knows what the
// cluster is, and nothing is undone: the next run finds what is still pending
// and goes on from there.
package rollout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultPatience is how long a gate may stay shut. A broker that died checks
// its logs when it starts and then copies what it missed: minutes, while
// Strimzi's five were seen to be too few on large disks.
const DefaultPatience = 10 * time.Minute

// Rollout is one change of a cluster. Functions that are nil hold at once.
type Rollout struct {
	// Fresh are machines on which nothing runs that a change could disturb.
	Fresh []string
	// Running are machines whose service is interrupted by the change.
	Running []string

	// Order returns the pending machines in the order in which they should
	// change as things are now. Only the first is taken: it is asked again for
	// each, since leaders move. It may fail while a cluster that just changed
	// finds itself, and is then asked again.
	Order func(ctx context.Context, pending []string) ([]Turn, error)
	// Before and After are the gates around the change of a running machine.
	Before, After func(ctx context.Context, machine string) error
	// Switch changes one machine. It is called once for each and for several
	// fresh ones at the same time; its error, which must name the machine, ends
	// the run.
	Switch func(ctx context.Context, machine string) error
	// Healthy is the gate of the whole, behind the fresh machines and at the end.
	Healthy func(ctx context.Context) error
	// Joined takes Healthy's place behind the fresh machines where running ones
	// are still to change; nil leaves it to Healthy.
	Joined func(ctx context.Context) error

	// Patience bounds the wait for each gate; 0 is DefaultPatience.
	Patience time.Duration
	// Observe is told of every step as it happens, one call at a time.
	Observe func(Event)
}

// Step is a part of a rollout.
type Step string

// The steps, in a person's words.
const (
	Ordering Step = "choose the next machine"
	Before   Step = "wait until it may change"
	Switch   Step = "switch"
	After    Step = "wait until it is back"
	Healthy  Step = "wait until the cluster is healthy"
)

// Event is something that happened.
type Event struct {
	// Machine is empty where the step concerns the whole cluster.
	Machine string
	Step    Step
	Phase   Phase
	// Took is how long the step lasted so far.
	Took time.Duration
	// Err is why it failed, or what it still waits for.
	Err error
}

// Phase says what became of a step.
type Phase string

// The phases of a step: started once, waiting any number of times, then
// finished or failed.
const (
	Started  Phase = "started"
	Waiting  Phase = "waiting"
	Finished Phase = "finished"
	Failed   Phase = "failed"
)

// Error says where a rollout stopped.
type Error struct {
	// Machine is empty where the step concerns the whole cluster.
	Machine string
	Step    Step
	// Done and Pending are the machines that were changed with success, and
	// those that were not: Machine is among the latter.
	Done, Pending []string
	Err           error
}

func (e *Error) Error() string {
	where := string(e.Step) + ": "
	if e.Machine != "" {
		where = "machine " + e.Machine + ": " + where
	}
	if e.Step == Switch { // whose error names the machine, and the step within it
		where = ""
	}
	s := fmt.Sprintf("%s%v", where, e.Err)
	if len(e.Pending) > 0 {
		s += "; stopped with " + strings.Join(e.Pending, ", ") + " still to change"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Run carries out the rollout. Its error is an *Error.
func Run(ctx context.Context, r Rollout) error {
	run := &run{Rollout: r, pending: slices.Sorted(slices.Values(slices.Concat(r.Fresh, r.Running)))}
	if r.Patience == 0 {
		run.Patience = DefaultPatience
	}
	if err := run.fresh(ctx); err != nil {
		return err
	}
	if err := run.rolling(ctx); err != nil {
		return err
	}
	// Behind fresh machines alone this gate has just held.
	if len(r.Running) == 0 && len(r.Fresh) > 0 {
		return nil
	}
	return run.gate(ctx, "", Healthy, r.Healthy)
}

// run is a rollout under way.
type run struct {
	Rollout
	mu            sync.Mutex
	done, pending []string
}

// fresh switches all machines on which nothing runs, waits for every one of
// them even if one fails, and then for the cluster that they make up.
func (r *run) fresh(ctx context.Context) error {
	if len(r.Fresh) == 0 {
		return nil
	}
	failed := make([]error, len(r.Fresh))
	var wg sync.WaitGroup
	for i, machine := range r.Fresh {
		wg.Go(func() {
			if failed[i] = r.step(machine, Switch, func(func(error)) error { return r.Switch(ctx, machine) }); failed[i] == nil {
				r.finished(machine)
			}
		})
	}
	wg.Wait()
	if i := slices.IndexFunc(failed, func(err error) bool { return err != nil }); i >= 0 {
		return r.fail(r.Fresh[i], Switch, failed[i])
	}
	if len(r.Running) > 0 && r.Joined != nil {
		return r.gate(ctx, "", Healthy, r.Joined)
	}
	return r.gate(ctx, "", Healthy, r.Healthy)
}

// rolling switches the running machines, one at a time.
func (r *run) rolling(ctx context.Context) error {
	for pending := slices.Clone(r.Running); len(pending) > 0; {
		machine, err := r.next(ctx, pending)
		if err != nil {
			return err
		}
		if err := r.one(ctx, machine); err != nil {
			return err
		}
		pending = slices.DeleteFunc(pending, func(m string) bool { return m == machine })
		r.finished(machine)
	}
	return nil
}

func (r *run) one(ctx context.Context, machine string) error {
	of := func(gate func(context.Context, string) error) func(context.Context) error {
		if gate == nil {
			return nil
		}
		return func(ctx context.Context) error { return gate(ctx, machine) }
	}
	if err := r.gate(ctx, machine, Before, of(r.Before)); err != nil {
		return err
	}
	err := r.step(machine, Switch, func(func(error)) error { return r.Switch(ctx, machine) })
	if err != nil {
		return r.fail(machine, Switch, err)
	}
	return r.gate(ctx, machine, After, of(r.After))
}

// next asks for the machine to change next. Without an order it is the first.
func (r *run) next(ctx context.Context, pending []string) (string, error) {
	if r.Order == nil {
		return pending[0], nil
	}
	var turns []Turn
	err := r.gate(ctx, "", Ordering, func(ctx context.Context) (err error) {
		turns, err = r.Order(ctx, slices.Clone(pending))
		return err
	})
	switch {
	case err != nil:
		return "", err
	case len(turns) == 0 || !slices.Contains(pending, turns[0].Machine):
		return "", r.fail("", Ordering, fmt.Errorf("the order %v begins with none of %s", turns, strings.Join(pending, ", ")))
	}
	return turns[0].Machine, nil
}

// gate waits until condition holds.
func (r *run) gate(ctx context.Context, machine string, step Step, condition func(context.Context) error) error {
	if condition == nil {
		return nil
	}
	err := r.step(machine, step, func(waiting func(error)) error {
		return Wait(ctx, r.Patience, condition, waiting)
	})
	if err != nil {
		return r.fail(machine, step, err)
	}
	return nil
}

// step does something and tells the observer of it.
func (r *run) step(machine string, step Step, do func(waiting func(error)) error) error {
	began := time.Now()
	tell := func(phase Phase, err error) {
		r.observe(Event{Machine: machine, Step: step, Phase: phase, Took: time.Since(began), Err: err})
	}
	tell(Started, nil)
	err := do(func(err error) { tell(Waiting, err) })
	if err != nil {
		tell(Failed, err)
		return err
	}
	tell(Finished, nil)
	return nil
}

func (r *run) observe(e Event) {
	if r.Observe == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Observe(e)
}

func (r *run) finished(machine string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = append(r.done, machine)
	r.pending = slices.DeleteFunc(r.pending, func(m string) bool { return m == machine })
}

func (r *run) fail(machine string, step Step, err error) error {
	slices.Sort(r.done)
	return &Error{Machine: machine, Step: step, Done: r.done, Pending: r.pending, Err: err}
}
