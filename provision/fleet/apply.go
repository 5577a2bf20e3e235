package fleet

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"weir/provision/machine"
	"weir/provision/rollout"
)

// Guard knows what a component's machines need of each other. Order puts the
// pending machines into a safe order and is asked anew before each, since a
// leader may have moved; Conditions say what the gates wait for. Before must hold before a running service is disturbed, After
// once it has been, Healthy at the end of every change.
type Guard interface {
	Order(ctx context.Context, pending []string) ([]rollout.Turn, error)
	Conditions() rollout.Conditions
	Before(ctx context.Context, machine string) error
	After(ctx context.Context, machine string) error
	Healthy(ctx context.Context) error
}

// Change says how the disruptive part of a change is guarded and who is told.
type Change struct {
	// Guard may be nil: machines are then taken by name, without conditions.
	Guard Guard
	// Packs finds packed releases when a machine needs one.
	Packs machine.Packs
	// Step is told of each step that a machine has carried out, Gate of the
	// order and the conditions around them; either may be nil.
	Step func(machine.Event)
	Gate func(rollout.Event)
}

// Apply makes all targets what they should be. Nothing is changed unless every
// machine can be reached, is free of other runs and fit for its state. What is
// staged is staged on all machines at once; machines whose service runs are
// then switched one by one behind the gates of change.
func (f *Fleet) Apply(ctx context.Context, targets map[string]Target, change Change) error {
	unlock, err := f.lock(ctx, targets)
	if err != nil {
		return err
	}
	defer unlock()
	plans, err := f.compare(ctx, targets, f.Look(ctx, targets))
	if err != nil {
		return err
	}
	if err := f.phase(ctx, targets, plans, machine.Stage, change); err != nil {
		return err
	}
	return f.switchOver(ctx, targets, plans, change)
}

func (f *Fleet) installable(ctx context.Context, t Target, p machine.Plan) error {
	refusal := &machine.Refusal{Machine: p.Machine}
	for pack, manager := range p.Packages() {
		why, err := machine.Installable(ctx, f.Pool.On(t.Host), pack, manager)
		if err != nil {
			return err
		}
		if why != "" {
			refusal.Reasons = append(refusal.Reasons, machine.Missing(pack, why))
		}
	}
	if len(refusal.Reasons) == 0 {
		return nil
	}
	return refusal
}

// compare makes the plans of all targets that were seen, and refuses as a whole
// what must not be changed anywhere.
func (f *Fleet) compare(ctx context.Context, targets map[string]Target, sights map[string]Sight) (map[string]machine.Plan, error) {
	plans := make(map[string]machine.Plan, len(targets))
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		s := sights[name]
		if s.Err != nil {
			errs = append(errs, s.Err)
			continue
		}
		if err := machine.Refuse(name, targets[name].State, s.Observed); err != nil {
			errs = append(errs, err)
		}
		plans[name] = machine.Explain(machine.Diff(name, targets[name].State, s.Observed), s.Observed)
	}
	if err := errors.Join(errs...); err != nil {
		return plans, err
	}
	return plans, f.reach(ctx, targets, sights)
}

// reach checks, before a component is installed on a machine for the first
// time, that the machine gets through to the others.
func (f *Fleet) reach(ctx context.Context, targets map[string]Target, sights map[string]Sight) error {
	return f.each(targets, func(name string, t Target) error {
		if _, installed := sights[name].Observed.Manifests[t.State.Component]; installed {
			return nil
		}
		silent, err := machine.Unreachable(ctx, f.Pool.On(t.Host), t.State.Requires.Reach)
		if err != nil || len(silent) == 0 {
			return err
		}
		return &machine.Refusal{Machine: name, Reasons: []machine.Reason{machine.Silent(silent)}}
	})
}

func (f *Fleet) phase(ctx context.Context, targets map[string]Target, plans map[string]machine.Plan, phase machine.Phase, change Change) error {
	return f.each(targets, func(name string, _ Target) error {
		return f.run(ctx, targets[name], plans[name], phase, change)
	})
}

func (f *Fleet) run(ctx context.Context, t Target, p machine.Plan, phase machine.Phase, change Change) error {
	if len(p.In(phase)) == 0 {
		return nil
	}
	if err := f.locked(p.Machine); err != nil {
		return err
	}
	return machine.Apply(ctx, f.Pool.On(t.Host), p, phase, change.Packs, change.Step)
}

// switchOver brings up what is not running, all at once, and then disturbs the
// rest one machine at a time.
func (f *Fleet) switchOver(ctx context.Context, targets map[string]Target, plans map[string]machine.Plan, change Change) error {
	r := rollout.Rollout{
		Switch: func(ctx context.Context, name string) error {
			return f.run(ctx, targets[name], plans[name], machine.Switch, change)
		},
		Observe: change.Gate,
	}
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		p := plans[name]
		switch {
		case p.Interrupts():
			r.Running = append(r.Running, name)
		case len(p.In(machine.Switch)) > 0:
			r.Fresh = append(r.Fresh, name)
		}
	}
	// Healthy must hold even where nothing was left to do: services that came up
	// with their machines a moment ago may not serve yet.
	if g := change.Guard; g != nil {
		r.Order, r.Before, r.After, r.Healthy = g.Order, g.Before, g.After, g.Healthy
	}
	return rollout.Run(ctx, r)
}

// Remove takes a component off all targets: its services are stopped and its
// files removed, all at once. Data stays unless deleteData.
func (f *Fleet) Remove(ctx context.Context, targets map[string]Target, deleteData bool, step func(machine.Event)) error {
	unlock, err := f.lock(ctx, targets)
	if err != nil {
		return err
	}
	defer unlock()
	var mu sync.Mutex
	plans := map[string]machine.Plan{}
	sights := f.Look(ctx, targets)
	err = f.each(targets, func(name string, t Target) error {
		s := sights[name]
		if s.Err != nil {
			return s.Err
		}
		plan, err := machine.Removal(name, t.State, s.Observed, deleteData)
		mu.Lock()
		defer mu.Unlock()
		plans[name] = plan
		return err
	})
	if err != nil {
		return err
	}
	change := Change{Step: step}
	if err := f.phase(ctx, targets, plans, machine.Stage, change); err != nil {
		return err
	}
	return f.phase(ctx, targets, plans, machine.Switch, change)
}
