package fleet

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/provision/machine"
	"weir/provision/rollout"
)

// Plan is what Apply, or Remove, would do to the machines of a component. It is
// data: a preview shows it, and programs read it.
type Plan struct {
	// Machines are by name. Their steps of the phase "stage" go first, on all
	// machines at the same time; those of the phase "switch" follow in Order;
	// those of the phase "finish" come when all machines are done.
	Machines []MachinePlan `json:"machines"`
	Order    Order         `json:"order,omitzero"`
}

// MachinePlan is what would be done to one machine. One without a name is the
// cluster, which is asked to do something itself.
type MachinePlan struct {
	machine.Plan
	// Unreachable is why the machine could not be looked at: its steps are not known.
	Unreachable string `json:"unreachable,omitempty"`
	// Refused is why a removal would not touch the machine.
	Refused string `json:"refused,omitempty"`
	// Assumed is why the steps are those for a machine that nobody looked at.
	Assumed string `json:"assumed,omitempty"`
	// Scripts are what the machine would be sent, where they were asked for.
	Scripts []machine.ShownScript `json:"scripts,omitempty"`
}

// Order says which machines are switched when.
type Order struct {
	// AtOnce are switched first and together: nothing runs there that a change
	// would interrupt.
	AtOnce []string `json:"atOnce,omitempty"`
	// OneByOne are those with services to interrupt, as the order is now; it is
	// asked again before each.
	OneByOne []rollout.Turn `json:"oneByOne,omitempty"`
	// Replaced are stopped before anything else: other machines take their places.
	Replaced []string `json:"replaced,omitempty"`
	// Gates are waited for around each of OneByOne, and at the end.
	Gates rollout.Conditions `json:"gates,omitzero"`
	// Unknown is why the cluster did not tell the order, or what it would change
	// itself at the end; OneByOne may be by name then.
	Unknown string `json:"unknown,omitempty"`
}

// Absent is a machine that is not asked, as it is known not to answer.
type Absent struct {
	Why string
	// Taken is what the machine is taken to be, nil where that is anyone's guess.
	Taken *machine.Observed
}

// Plan says what Apply would do to the targets, without changing anything. The
// error is why it would refuse, or fail for want of a package; the plan then
// holds what is known all the same.
//
// Of change only the machines that leave count, and the guard that is asked
// about them.
func (f *Fleet) Plan(ctx context.Context, targets map[string]Target, absent map[string]Absent, change Change) (Plan, error) {
	there, silent := f.parted(ctx, change.Leaving)
	present := maps.Clone(targets)
	maps.DeleteFunc(present, func(name string, _ Target) bool { _, gone := absent[name]; return gone })
	sights := f.Look(ctx, present)
	plans, err := f.compare(ctx, present, there, sights)
	if err == nil {
		err = f.each(present, func(name string, t Target) error { return f.installable(ctx, t, plans[name]) })
	}
	var all []MachinePlan
	for name, t := range targets {
		m := MachinePlan{Plan: plans[name]}
		if a, gone := absent[name]; gone && a.Taken != nil {
			m.Plan, m.Assumed = machine.Explain(machine.Diff(name, t.State, *a.Taken), *a.Taken), a.Why
		} else if gone {
			m.Unreachable = a.Why
		} else if err := sights[name].Err; err != nil {
			m.Unreachable = err.Error()
		}
		m.Machine = name
		all = append(all, m)
	}
	if len(change.Leaving) == 0 {
		return planOf(all), err
	}
	leaves := map[string]machine.Plan{}
	err = errors.Join(err, removals(change.Leaving, there, f.Look(ctx, there), leaves))
	for name, plan := range leaves {
		all, plans[name] = append(all, MachinePlan{Plan: plan}), plan
	}
	for name, why := range silent {
		all = append(all, MachinePlan{Plan: machine.Plan{Machine: name}, Unreachable: left(name, change.Leaving[name].State, why).Error()})
	}
	p := planOf(all)
	p.Order.OneByOne = slices.DeleteFunc(p.Order.OneByOne, func(t rollout.Turn) bool {
		replaced := change.Leaving[t.Machine].Replaced
		if replaced {
			p.Order.Replaced = append(p.Order.Replaced, t.Machine)
		}
		return replaced
	})
	return p, errors.Join(err, mayLeave(ctx, change.Guard, silent, plans))
}

// PlanRemoval says what Remove would do, from what was seen of the targets.
func PlanRemoval(targets map[string]Target, sights map[string]Sight, deleteData bool) Plan {
	var all []MachinePlan
	for name, t := range targets {
		s, m := sights[name], MachinePlan{}
		plan, err := machine.Removal(name, t.State, s.Observed, deleteData)
		switch {
		case s.Err != nil:
			m.Unreachable = s.Err.Error()
		case err != nil:
			m.Refused = err.Error()
		default:
			m.Plan = machine.Explain(plan, s.Observed)
		}
		m.Machine = name
		all = append(all, m)
	}
	p := planOf(all)
	p.Order.AtOnce, p.Order.OneByOne = switched(p.Machines), nil // a removal keeps nothing running
	return p
}

func planOf(machines []MachinePlan) Plan {
	slices.SortFunc(machines, func(a, b MachinePlan) int { return strings.Compare(a.Machine, b.Machine) })
	p := Plan{Machines: machines}
	for _, m := range machines {
		switch {
		case m.Interrupts():
			p.Order.OneByOne = append(p.Order.OneByOne, rollout.Turn{Machine: m.Machine})
		case len(m.In(machine.Switch)) > 0:
			p.Order.AtOnce = append(p.Order.AtOnce, m.Machine)
		}
	}
	return p
}

// switched are the machines that have something to switch.
func switched(machines []MachinePlan) []string {
	var names []string
	for _, m := range machines {
		if len(m.In(machine.Switch)) > 0 {
			names = append(names, m.Machine)
		}
	}
	return names
}

// Empty says that nothing would be done anywhere.
func (p Plan) Empty() bool {
	return !slices.ContainsFunc(p.Machines, func(m MachinePlan) bool { return !m.Plan.Empty() })
}

// Seen says that a machine was looked at.
func (p Plan) Seen() bool {
	return slices.ContainsFunc(p.Machines, func(m MachinePlan) bool { return m.Unreachable+m.Assumed == "" })
}

// arrangePatience bounds the wait for a cluster to say who leads: one that runs
// does so in milliseconds, and a plan is of use without.
const arrangePatience = 5 * time.Second

// Arrange asks the guard in which order the machines would be taken that have
// services to interrupt, and what the cluster itself would change at the end.
func (p *Plan) Arrange(ctx context.Context, g Guard) {
	ctx, cancel := context.WithTimeout(ctx, arrangePatience)
	defer cancel()
	if err := p.arrange(ctx, g); err != nil {
		p.Order.Unknown = err.Error()
	}
}

func (p *Plan) arrange(ctx context.Context, g Guard) error {
	var pending []string
	for _, t := range p.Order.OneByOne {
		pending = append(pending, t.Machine)
	}
	if len(pending) > 0 {
		p.Order.Gates = g.Conditions()
		turns, err := g.Order(ctx, pending)
		if err != nil {
			return err
		}
		p.Order.OneByOne = turns
	}
	f, ok := g.(Foreteller)
	if !ok {
		return nil
	}
	last, err := f.Foretell(ctx, pending)
	for i, m := range p.Machines {
		p.Machines[i].Steps = append(m.Steps, last[m.Machine]...)
	}
	return err
}

// Script adds what each machine would be sent. The sizes of releases are part
// of that: packs is asked for those that would be sent.
func (p *Plan) Script(ctx context.Context, holder string, packs machine.Packs) error {
	for i, m := range p.Machines {
		if m.Unreachable != "" {
			continue
		}
		var err error
		if p.Machines[i].Scripts, err = machine.Scripts(ctx, m.Plan, holder, packs); err != nil {
			return err
		}
	}
	return nil
}
