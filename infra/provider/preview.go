package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/runlog"

	p "github.com/pulumi/pulumi-go-provider"
)

// expected says what a preview may find of a component's machines.
type expected struct {
	// anyMayBeMissing says that those which do not answer are passed over, as
	// the refresh before has told of them; else only containers are.
	anyMayBeMissing bool
	// known is what was known of machines last; a container that is not among
	// them is yet to be made.
	known map[string]Shown
	// guard knows the order; nil where machines do not need each other.
	guard func(context.Context) (fleet.Guard, error)
	// leaving are the machines that the component is taken off.
	leaving map[string]fleet.Leaver
}

// preview says, without changing anything, what apply would do, and why it
// would refuse.
func (e *Env) preview(ctx context.Context, c component, x expected) error {
	a := accountOf(ctx)
	ts, problems := c.targets()
	if err := problems.Err(); err != nil {
		return err
	}
	a.hide(ts)
	change := fleet.Change{Leaving: x.leaving}
	if x.guard != nil && len(x.leaving) > 0 {
		g, err := x.guard(ctx)
		if err != nil {
			return err
		}
		change.Guard = g
	}
	plan, err := e.Fleet.Plan(ctx, ts, e.absent(ctx, ts, c.containers(), x), change)
	// What is new has no order; where nothing is to be done, the cluster may be
	// told something all the same.
	if x.guard != nil && plan.Seen() && (x.anyMayBeMissing || len(plan.Order.OneByOne) > 0) {
		err = errors.Join(err, arrange(ctx, &plan, x.guard))
	}
	if a.scripts && a.plans != nil {
		err = errors.Join(err, plan.Script(ctx, e.Fleet.Holder, e.packs(c.software())))
	}
	a.plan(runlog.Plan{Plan: plan})
	return err
}

// arrange finds out the order of a roll and tells it to a person.
func arrange(ctx context.Context, plan *fleet.Plan, guard func(context.Context) (fleet.Guard, error)) error {
	g, err := guard(ctx)
	if err != nil {
		return err
	}
	plan.Arrange(ctx, g)
	if len(plan.Order.OneByOne) > 0 {
		p.GetLogger(ctx).Info(orderText(plan.Order))
	}
	return nil
}

// orderText is the order in a line: for those who see no more of the plan.
func orderText(o fleet.Order) string {
	var turns []string
	for _, t := range o.OneByOne {
		text := t.Machine
		if t.Why != "" {
			text += " (" + t.Why + ")"
		}
		turns = append(turns, text)
	}
	text := "interrupted one by one: " + strings.Join(turns, ", ")
	if o.Unknown != "" {
		text += "; the order is not known yet: " + o.Unknown
	}
	return text + "; before each: " + o.Gates.Before + "; behind it: " + o.Gates.After
}

// missingPatience bounds the wait for a machine that may be missing: a container
// is on this computer and answers within milliseconds, and what is known of
// other machines has been refreshed just before.
const missingPatience = 2 * time.Second

// absent are the machines that may be missing and do not answer, with the reason.
func (e *Env) absent(ctx context.Context, ts targets, containers []string, x expected) map[string]fleet.Absent {
	absent := map[string]fleet.Absent{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	mayBeMissing := containers
	if x.anyMayBeMissing {
		mayBeMissing = slices.Collect(maps.Keys(ts))
	}
	for _, name := range mayBeMissing {
		wg.Go(func() {
			err := e.answers(ctx, ts[name].Host)
			if err == nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			last, seen := x.known[name]
			absent[name] = fleet.Absent{Why: cmp.Or(value(last.Unreachable), err.Error())}
			if !seen && slices.Contains(containers, name) {
				absent[name] = fleet.Absent{
					Why: "the container is yet to be made: these are the steps for a new one", Taken: newContainer(ts[name].State),
				}
			}
		})
	}
	wg.Wait()
	return absent
}

// newContainer is what a container is taken to be before it is made: empty, but
// for the packages, which its image has.
func newContainer(s machine.State) *machine.Observed {
	o := machine.Observed{Facts: machine.Facts{Systemd: true, Container: true}, Packages: map[string]string{}}
	for _, p := range s.Packages {
		o.Packages[p.Name] = "provided"
	}
	return &o
}

func (e *Env) answers(ctx context.Context, h remote.Host) error {
	ctx, cancel := context.WithTimeoutCause(ctx, missingPatience, fmt.Errorf("no answer within %s", missingPatience))
	defer cancel()
	_, err := e.Fleet.Pool.Get(ctx, h)
	return err
}
