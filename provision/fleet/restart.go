package fleet

import (
	"context"
	"slices"
	"time"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/rollout"
)

// Restart is a rolling restart of one unit, in which nothing else is changed.
type Restart struct {
	Unit string
	// Pending are the machines whose unit is to be restarted.
	Pending []string
	Guard   Guard
	// Patience bounds the wait for each gate; 0 is rollout.DefaultPatience.
	Patience time.Duration
	// Step is told of each restart, Gate of the order and the conditions around
	// them; either may be nil.
	Step func(machine.Event)
	Gate func(rollout.Event)
}

// Restart holds the locks of all hosts, by name, while it restarts those that
// are pending, one at a time. The guard's order is asked before each, its gates
// must hold before and after. Where nothing is pending, the gate of the whole
// is still waited for. Its error is a *rollout.Error, or why nothing was begun.
func (f *Fleet) Restart(ctx context.Context, hosts map[string]remote.Host, r Restart) error {
	return f.Locked(ctx, hosts, func() error { return f.restart(ctx, hosts, r) })
}

// Locked holds the locks of all hosts, by name, for as long as do takes.
func (f *Fleet) Locked(ctx context.Context, hosts map[string]remote.Host, do func() error) error {
	targets := make(map[string]Target, len(hosts))
	for name, h := range hosts {
		targets[name] = Target{Host: h}
	}
	unlock, err := f.lock(ctx, targets)
	if err != nil {
		return err
	}
	defer unlock()
	return do()
}

func (f *Fleet) restart(ctx context.Context, hosts map[string]remote.Host, r Restart) error {
	g := r.Guard
	return rollout.Run(ctx, rollout.Rollout{
		Running: slices.Clone(r.Pending), Order: g.Order, Before: g.Before, After: g.After, Healthy: g.Healthy,
		Patience: r.Patience, Observe: r.Gate,
		Switch: func(ctx context.Context, name string) error {
			step := machine.Step{Phase: machine.Switch, Action: machine.Restart, Kind: "service", Target: r.Unit}
			return f.Carry(ctx, hosts[name], machine.Plan{Machine: name, Steps: []machine.Step{step}}, r.Step)
		},
	})
}

// Carry carries out the switch of a plan on a machine whose lock is held.
func (f *Fleet) Carry(ctx context.Context, h remote.Host, p machine.Plan, step func(machine.Event)) error {
	return f.run(ctx, Target{Host: h}, p, machine.Switch, Change{Step: step})
}
