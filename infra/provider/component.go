package provider

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"weir/provision/fleet"
	"weir/provision/machine"
	"weir/provision/problem"
	"weir/provision/rollout"
	"weir/provision/runlog"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// targets are the machines of a component, with how to reach each and what it
// should be.
type targets = map[string]fleet.Target

// component is what the arguments of Host, ZooKeeper, Kafka and Job have in
// common: they say, without touching anything, what their machines should be.
type component interface {
	targets() (targets, problem.List)
	// shown is the computed input "machines".
	shown() *map[string]Shown
	// dataGoes says that a delete takes the data along.
	dataGoes() bool
	// containers are the machines that the same program makes.
	containers() []string
	// roster is the part of the arguments that says who has which id; nil where
	// machines have none.
	roster() *roster
	// software is the release that the component runs on, nil where it has none.
	software() *software
}

// check decodes the inputs and computes the input "machines" from them: what
// each machine should be, so that the engine itself compares and shows it.
// While something is unknown, the machines of before are carried over: an empty
// input would be shown as the removal of every file.
func check[A any, C interface {
	*A
	component
}](ctx context.Context, e *Env, req infer.CheckRequest) (infer.CheckResponse[A], error) {
	inputs := req.NewInputs
	unknown := property.New(inputs).HasComputed()
	for _, key := range []string{machinesKey, retiredKey} {
		inputs = inputs.Delete(key)
		if old, ok := req.OldInputs.GetOk(key); ok && unknown {
			inputs = inputs.Set(key, old)
		}
	}
	a, failures, err := infer.DefaultCheck[A](ctx, inputs)
	if err != nil || len(failures) > 0 || unknown {
		return infer.CheckResponse[A]{Inputs: a, Failures: failures}, err
	}
	// The digest is part of what should be; what is wrong without it comes first.
	if _, problems := C(&a).targets(); len(problems) > 0 {
		return infer.CheckResponse[A]{Inputs: a, Failures: failed(problems)}, nil
	}
	problems, err := retire[A, C](ctx, C(&a).roster(), req.OldInputs)
	if err != nil || len(problems) > 0 {
		return infer.CheckResponse[A]{Inputs: a, Failures: failed(problems)}, err
	}
	if s := C(&a).software(); s != nil {
		if err := e.lock(ctx, s); err != nil {
			return infer.CheckResponse[A]{Inputs: a, Failures: []p.CheckFailure{{Property: s.property, Reason: err.Error()}}}, nil
		}
	}
	ts, problems := C(&a).targets()
	if len(problems) > 0 {
		return infer.CheckResponse[A]{Inputs: a, Failures: failed(problems)}, nil
	}
	shown := make(map[string]Shown, len(ts))
	for name, t := range ts {
		shown[name] = showState(t.State)
	}
	*C(&a).shown() = shown
	return infer.CheckResponse[A]{Inputs: a}, nil
}

// machinesKey is the input that Check computes and Read answers.
const machinesKey = "machines"

func failed(problems problem.List) []p.CheckFailure {
	failures := make([]p.CheckFailure, len(problems))
	for i, pr := range problems {
		failures[i] = p.CheckFailure{Property: propertyOf(pr.Path), Reason: pr.Message}
	}
	return failures
}

// propertyOf is the property that a person wrote, for a path in what was made of it.
func propertyOf(path string) string {
	switch path {
	case "version":
		return "release.version"
	case "layout.dataDir":
		return "dataDir"
	case "listeners[0].port":
		return "port"
	}
	return path
}

// undecided says that Check could not compute what the machines should be, as
// something is known only once other resources are there. A preview then has
// nothing to ask the machines about.
func undecided(c component) bool {
	s := c.software()
	return *c.shown() == nil || s != nil && *s.digest == nil
}

// read looks at the machines and puts what it sees where Check puts what should
// be. A machine that cannot be reached keeps what was last known of it: "gone"
// would make the engine forget it.
func (e *Env) read(ctx context.Context, c component) (seen Seen, err error) {
	ts, problems := c.targets()
	if err := problems.Err(); err != nil {
		return seen, err
	}
	if s := c.software(); s != nil && s.digest != nil && *s.digest != nil {
		go s.lock() // while the machines answer: Check asks for it next, and then it is known
	}
	last := *c.shown()
	now := make(map[string]Shown, len(ts))
	sights := e.Fleet.Look(ctx, ts)
	if a := accountOf(ctx); a.plans != nil {
		a.hide(ts)
		a.plan(runlog.Plan{Removal: true, Note: e.dataNote(ts, c), Plan: fleet.PlanRemoval(ts, sights, e.dataGoes(c))})
	}
	for name, sight := range sights {
		if sight.Err == nil {
			now[name] = showObserved(ts[name].State, sight.Observed)
			seen.note(name, machine.Drift(ts[name].State, sight.Observed))
			continue
		}
		if ctx.Err() != nil {
			return seen, ctx.Err()
		}
		reason := sight.Err.Error()
		warn(ctx, reason)
		known := last[name]
		known.Unreachable = &reason
		now[name] = known
	}
	*c.shown() = now
	return seen, nil
}

// apply makes the machines what they should be and reports each step.
func (e *Env) apply(ctx context.Context, c component, change fleet.Change) error {
	ts, problems := c.targets()
	if err := problems.Err(); err != nil {
		return err
	}
	a := accountOf(ctx)
	a.hide(ts)
	change.Step, change.Gate = steps(ctx), gates(ctx)
	change.Left = func(l *fleet.LeftError) { warn(ctx, l.Error()) }
	change.Packs = e.packs(c.software())
	err := e.Fleet.Apply(ctx, ts, change)
	a.failed(err)
	return err
}

// remove takes the component off its machines.
func (e *Env) remove(ctx context.Context, c component) error {
	ts, problems := c.targets()
	if err := problems.Err(); err != nil {
		return err
	}
	a := accountOf(ctx)
	a.hide(ts)
	var left func(*fleet.LeftError)
	if e.PassOver {
		left = func(l *fleet.LeftError) { warn(ctx, l.Error()) }
	}
	err := e.Fleet.Remove(ctx, ts, e.dataGoes(c), steps(ctx), left)
	a.failed(err)
	return err
}

// dataNote says of a removal that it leaves data behind, and why.
func (e *Env) dataNote(ts targets, c component) string {
	for _, t := range ts {
		if !slices.ContainsFunc(t.State.Directories, func(d machine.Directory) bool { return d.Data }) {
			continue
		}
		switch {
		case !c.dataGoes():
			return "the data stays: deleteData was not set"
		case e.KeepData:
			return "the data stays: it goes only where that is confirmed, with --yes-delete-data"
		}
	}
	return ""
}

// warn tells a person what is hardly meant, and the log.
func warn(ctx context.Context, text string) {
	p.GetLogger(ctx).Warning(text)
	accountOf(ctx).write(runlog.Entry{Warning: text})
}

// steps tells a person what was done, a line a step.
func steps(ctx context.Context) func(machine.Event) {
	log, a := p.GetLogger(ctx), accountOf(ctx)
	return func(ev machine.Event) {
		a.step(ev)
		log.Info(fmt.Sprintf("%s: %s [%s]", cmp.Or(ev.Machine, theCluster), ev.Step, ev.Took.Round(timeUnit)))
	}
}

// theCluster is who does what no machine does by itself.
const theCluster = "cluster"

// gates tells a person what a roll waited for. That it waits is shown only
// while it does; that a gate opened at once is not worth a line.
func gates(ctx context.Context) func(rollout.Event) {
	log, tell := p.GetLogger(ctx), runlog.Gates(accountOf(ctx).write)
	return func(ev rollout.Event) {
		tell(ev)
		where := cmp.Or(ev.Machine, theCluster)
		switch {
		case ev.Phase == rollout.Waiting:
			log.InfoStatus(fmt.Sprintf("%s: %s: %v", where, ev.Step, ev.Err))
		case ev.Phase == rollout.Finished && ev.Step != rollout.Switch && ev.Took > time.Second:
			log.Info(fmt.Sprintf("%s: %s [%s]", where, ev.Step, ev.Took.Round(timeUnit)))
		}
	}
}
