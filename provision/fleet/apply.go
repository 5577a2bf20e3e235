package fleet

import (
	"context"
	"errors"
	"maps"
	"slices"

	"weir/provision/machine"
	"weir/provision/rollout"
)

// Guard knows what a component's machines need of each other. Order puts the
// pending machines into a safe order and is asked anew before each, since a
// leader may have moved; Conditions say what the gates wait for. Before must
// hold before a running service is disturbed, After once it has been, Healthy at
// the end of every change.
type Guard interface {
	Order(ctx context.Context, pending []string) ([]rollout.Turn, error)
	Conditions() rollout.Conditions
	Before(ctx context.Context, name string) error
	After(ctx context.Context, name string) error
	Healthy(ctx context.Context) error
}

// Foreteller is a Guard whose Healthy has the cluster itself change something.
type Foreteller interface {
	Guard
	// Foretell says what, by machine: steps of the phase Finish. The machines
	// named will have been restarted by then.
	Foretell(ctx context.Context, restarted []string) (map[string][]machine.Step, error)
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
	// Leaving are machines that the component is taken off. Those that cannot be
	// reached are passed over, and Left, which may be nil, is told of each.
	Leaving map[string]Leaver
	Left    func(*LeftError)
}

// Apply makes all targets what they should be. Nothing is changed unless every
// machine can be reached, is free of other runs and fit for its state. What is
// staged is staged on all machines at once; machines whose service runs are
// then switched one by one behind the gates of change.
//
// Machines that leave have their turn in the same order, behind the same gates;
// those whose place another machine takes go first.
func (f *Fleet) Apply(ctx context.Context, targets map[string]Target, change Change) error {
	there, silent := f.parted(ctx, change.Leaving)
	all := maps.Clone(targets)
	maps.Copy(all, there)
	unlock, err := f.lock(ctx, all)
	if err != nil {
		return err
	}
	defer unlock()
	sights := f.Look(ctx, all)
	plans, err := f.compare(ctx, targets, there, sights)
	if err := errors.Join(err, removals(change.Leaving, there, sights, plans)); err != nil {
		return err
	}
	if len(change.Leaving) > 0 {
		if err := mayLeave(ctx, change.Guard, silent, plans); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(silent)) {
		if change.Left != nil {
			change.Left(left(name, change.Leaving[name].State, silent[name]))
		}
	}
	if err := f.phase(ctx, all, plans, machine.Stage, change); err != nil {
		return err
	}
	return f.switchOver(ctx, all, plans, change)
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
// what must not be changed anywhere. Leaving are those that the component is
// taken off meanwhile.
func (f *Fleet) compare(ctx context.Context, targets, leaving map[string]Target, sights map[string]Sight) (map[string]machine.Plan, error) {
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
		errs = append(errs, another(plans[name], targets, leaving))
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

// switchOver stops what another machine takes the place of, brings up what is
// not running, all at once, and then disturbs the rest one machine at a time.
func (f *Fleet) switchOver(ctx context.Context, targets map[string]Target, plans map[string]machine.Plan, change Change) error {
	r := rollout.Rollout{
		Switch: func(ctx context.Context, name string) error {
			return f.run(ctx, targets[name], plans[name], machine.Switch, change)
		},
		Observe: change.Gate,
	}
	if g := change.Guard; g != nil {
		r.Order, r.Before, r.After = g.Order, g.Before, g.After
	}
	first := r
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		p := plans[name]
		switch {
		case len(p.In(machine.Switch)) == 0:
		case p.Interrupts() && change.Leaving[name].Replaced:
			first.Running = append(first.Running, name)
		case p.Interrupts():
			r.Running = append(r.Running, name)
		default:
			r.Fresh = append(r.Fresh, name)
		}
	}
	if err := rollout.Run(ctx, first); err != nil {
		return err
	}
	// Healthy must hold even where nothing was left to do: services that came up
	// with their machines a moment ago may not serve yet.
	if g := change.Guard; g != nil {
		r.Healthy = g.Healthy
	}
	if j, ok := change.Guard.(Joiner); ok {
		r.Joined = j.Joined
	}
	return rollout.Run(ctx, r)
}

// Remove takes a component off all targets: its services are stopped and its
// files removed, all at once. Data stays unless deleteData. Machines that cannot
// be reached are an error, or, where left is given, it is told of each.
func (f *Fleet) Remove(ctx context.Context, targets map[string]Target, deleteData bool, step func(machine.Event), left func(*LeftError)) error {
	if left != nil {
		targets = f.answering(ctx, targets, left)
	}
	unlock, err := f.lock(ctx, targets)
	if err != nil {
		return err
	}
	defer unlock()
	leaving := map[string]Leaver{}
	for name, t := range targets {
		leaving[name] = Leaver{Target: t, DeleteData: deleteData}
	}
	plans := map[string]machine.Plan{}
	if err := removals(leaving, targets, f.Look(ctx, targets), plans); err != nil {
		return err
	}
	change := Change{Step: step}
	if err := f.phase(ctx, targets, plans, machine.Stage, change); err != nil {
		return err
	}
	return f.phase(ctx, targets, plans, machine.Switch, change)
}

// answering are the targets that can be reached.
func (f *Fleet) answering(ctx context.Context, targets map[string]Target, tell func(*LeftError)) map[string]Target {
	leaving := map[string]Leaver{}
	for name, t := range targets {
		leaving[name] = Leaver{Target: t}
	}
	there, silent := f.parted(ctx, leaving)
	for _, name := range slices.Sorted(maps.Keys(silent)) {
		tell(left(name, targets[name].State, silent[name]))
	}
	return there
}
