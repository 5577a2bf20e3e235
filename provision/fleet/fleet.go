// Package fleet looks at and changes several machines as one: in parallel where
// nothing is disturbed, one after the other where something that runs is.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"weir/provision/machine"
	"weir/provision/remote"
)

// Fleet reaches machines and keeps what its operations share: connections, and
// locks that let only one of them change a machine at a time.
type Fleet struct {
	// Pool gives one connection per machine.
	Pool *remote.Pool
	// Holder is what other runs are told while this one holds a machine's lock.
	Holder string

	mu   sync.Mutex
	busy map[string]*sync.Mutex
	held map[string]*machine.Lock

	lookouts lookouts
}

// Target is a machine and what a component wants of it.
type Target struct {
	Host  remote.Host
	State machine.State
}

// Sight is what was seen of a machine, or why it could not be seen.
type Sight struct {
	Observed machine.Observed
	Err      error
}

// Look observes all targets at once and changes nothing. Every target has an
// entry: one machine that cannot be reached does not hide the others.
func (f *Fleet) Look(ctx context.Context, targets map[string]Target) map[string]Sight {
	sights := make(map[string]Sight, len(targets))
	var mu sync.Mutex
	_ = f.each(targets, func(name string, t Target) error {
		var s Sight
		s.Observed, s.Err = f.observe(ctx, t)
		mu.Lock()
		defer mu.Unlock()
		sights[name] = s
		return nil
	})
	return sights
}

// each runs do for every target at once and joins the errors in the order of names.
func (f *Fleet) each(targets map[string]Target, do func(name string, t Target) error) error {
	names := slices.Sorted(maps.Keys(targets))
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { errs[i] = do(name, targets[name]) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// lock takes the locks of all targets, first among this process's operations,
// then on the machines. Names are taken in one order, so that no two wait for
// each other.
func (f *Fleet) lock(ctx context.Context, targets map[string]Target) (unlock func(), err error) {
	names := slices.Sorted(maps.Keys(targets))
	for _, name := range names {
		f.mutex(name).Lock()
	}
	unlock = func() {
		_ = f.each(targets, func(name string, _ Target) error {
			f.release(name)
			f.mutex(name).Unlock()
			return nil
		})
	}
	err = f.each(targets, func(name string, t Target) error {
		l, err := machine.Acquire(ctx, f.Pool.On(t.Host), f.Holder)
		if locked, ok := errors.AsType[*machine.LockedError](err); ok && locked.Holder == f.Holder {
			return &machine.Refusal{Machine: name, Reasons: []machine.Reason{{
				Check: machine.CheckName, Found: "this very run has locked it by another name", Expected: "that each machine is declared once",
				Next: "correct the addresses of " + strings.Join(names, ", "),
			}}}
		}
		if err != nil {
			return err
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.held == nil {
			f.held = map[string]*machine.Lock{}
		}
		f.held[name] = l
		return nil
	})
	if err != nil {
		unlock()
		return nil, fmt.Errorf("nothing was changed: %w", err)
	}
	return unlock, nil
}

func (f *Fleet) release(name string) {
	f.mu.Lock()
	l := f.held[name]
	delete(f.held, name)
	f.mu.Unlock()
	if l != nil {
		l.Release()
	}
}

// locked says that a machine's lock is still held: a connection that broke is
// dialled again, and the lock is not taken again with it.
func (f *Fleet) locked(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[name].Lost()
}

func (f *Fleet) mutex(name string) *sync.Mutex {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy == nil {
		f.busy = map[string]*sync.Mutex{}
	}
	if f.busy[name] == nil {
		f.busy[name] = &sync.Mutex{}
	}
	return f.busy[name]
}
