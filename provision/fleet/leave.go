package fleet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"weir/provision/machine"
)

// Leaver is a machine that a component is taken off while it goes on elsewhere.
type Leaver struct {
	Target
	// Replaced says that another machine takes its place, id and all: it has to
	// be still before that one begins.
	Replaced bool
	// DeleteData lets the component's data go along.
	DeleteData bool
}

// Parter is a Guard that knows whether machines can be spared. Its Order, Before
// and After are asked about those that leave, too.
type Parter interface {
	Guard
	// MayLeave says why machines must not leave. It is asked before anything is
	// changed. Silent are those that leave and cannot be reached, interrupted the
	// machines whose services the change will stop or restart.
	MayLeave(ctx context.Context, silent, interrupted []string) error
}

// Joiner is a Guard whose Healthy cannot hold before the whole change is made.
type Joiner interface {
	Guard
	// Joined must hold behind the machines that are new, where others are still
	// to change.
	Joined(ctx context.Context) error
}

// LeftError says that a machine cannot be reached and what stays on it.
type LeftError struct {
	Machine string
	// Services run on if the machine does; Places hold what was written there.
	Services, Places []string
	Err              error
}

func (e *LeftError) Error() string {
	text := fmt.Sprintf("machine %s leaves and cannot be reached, so nothing is removed from it", e.Machine)
	if len(e.Places) > 0 {
		text += "; what stays there: " + strings.Join(slices.Concat(e.Services, e.Places), ", ")
	}
	if len(e.Services) > 0 {
		text += "; should it come back, run there: systemctl disable --now " + strings.Join(e.Services, " ")
	}
	return text + ": " + e.Err.Error()
}

func (e *LeftError) Unwrap() error { return e.Err }

// left is what stays of a component on a machine.
func left(name string, s machine.State, err error) *LeftError {
	m := s.Manifest()
	places := slices.Concat(m.Directories, m.Data)
	return &LeftError{Machine: name, Services: m.Services, Places: places, Err: err}
}

// parted sorts out which of the machines that leave can be reached: they are
// targets of the change; the others are told of.
func (f *Fleet) parted(ctx context.Context, leaving map[string]Leaver) (there map[string]Target, silent map[string]error) {
	all, there, silent := map[string]Target{}, map[string]Target{}, map[string]error{}
	for name, l := range leaving {
		all[name] = l.Target
	}
	var mu sync.Mutex
	_ = f.each(all, func(name string, t Target) error {
		_, err := f.Pool.Get(ctx, t.Host)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			silent[name] = err
		} else {
			there[name] = t
		}
		return nil
	})
	return there, silent
}

// another refuses a machine that had the name of another one, which is changed,
// too. The two are the same, by two addresses, and one would lose what the other
// is given; or their addresses were exchanged, and with them ids and data.
func another(p machine.Plan, targets, leaving map[string]Target) error {
	next := "where it got a new name, leave its address as it was, and change that in an up of its own; where its disk is a copy, remove " + machine.ManifestDir + " there"
	if _, declared := targets[p.Was]; declared {
		next = "correct the addresses; where its disk is a copy, remove " + machine.ManifestDir + " there"
	} else if _, leaves := leaving[p.Was]; !leaves {
		return nil
	}
	return &machine.Refusal{Machine: p.Machine, Reasons: []machine.Reason{{
		Check: machine.CheckName, Found: "it is machine " + p.Was + " by its manifests", Expected: "another machine than " + p.Was, Next: next,
	}}}
}

// removals plans to take the component off those that leave.
func removals(leaving map[string]Leaver, there map[string]Target, sights map[string]Sight, plans map[string]machine.Plan) error {
	for _, name := range slices.Sorted(maps.Keys(there)) {
		s := sights[name]
		if s.Err != nil {
			return s.Err
		}
		plan, err := machine.Removal(name, leaving[name].State, s.Observed, leaving[name].DeleteData)
		if err != nil {
			return err
		}
		plans[name] = machine.Explain(plan, s.Observed)
	}
	return nil
}

// mayLeave asks the guard, where there is one to ask.
func mayLeave(ctx context.Context, g Guard, silent map[string]error, plans map[string]machine.Plan) error {
	p, ok := g.(Parter)
	if !ok {
		return nil
	}
	var interrupted []string
	for _, name := range slices.Sorted(maps.Keys(plans)) {
		if plans[name].Interrupts() {
			interrupted = append(interrupted, name)
		}
	}
	if err := p.MayLeave(ctx, slices.Sorted(maps.Keys(silent)), interrupted); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return nil
}
