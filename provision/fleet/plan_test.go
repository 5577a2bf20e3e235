package fleet

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"weir/provision/machine"
	"weir/provision/rollout"
)

// serving is a component with a service, and a machine on which it runs with
// an older file.
func serving() (machine.State, machine.Observed) {
	const file, unit = "/etc/weir/test.conf", "weir-test.service"
	want := wanted()
	want.Services = []machine.Service{{Unit: unit, Watches: []string{file}}}
	return want, machine.Observed{
		Facts:     machine.Facts{Systemd: true},
		Manifests: map[string]machine.Manifest{"test": want.Manifest()},
		Directories: map[string]machine.Entry{
			"/etc/weir": {Kind: "directory", Owner: "root", Group: "root", Mode: 0o755},
		},
		Files: map[string]machine.ObservedFile{file: {
			Entry:   machine.Entry{Kind: "regular file", Owner: "root", Group: "root", Mode: 0o644},
			Content: "b\n", SHA256: machine.Digest("b\n"), Known: true,
		}},
		Services: map[string]machine.ObservedService{unit: {Load: "loaded", Active: "active", Sub: "running", Enabled: true}},
	}
}

// planned is the plan for machines that are all as serving says.
func planned(names ...string) Plan {
	want, is := serving()
	var all []MachinePlan
	for _, name := range names {
		all = append(all, MachinePlan{Plan: machine.Explain(machine.Diff(name, want, is), is)})
	}
	return planOf(all)
}

// guard is one whose order is given.
type guard struct {
	Guard
	turns []rollout.Turn
	err   error
}

func (g guard) Order(context.Context, []string) ([]rollout.Turn, error) { return g.turns, g.err }

func (g guard) Foretell(_ context.Context, restarted []string) (map[string][]machine.Step, error) {
	return map[string][]machine.Step{"a": {{Phase: machine.Finish, Kind: "setting", Target: strings.Join(restarted, ",")}}}, nil
}

func (guard) Conditions() rollout.Conditions { return rollout.Conditions{Before: "all is well"} }

func TestAPlanTellsWhoIsDisturbedInWhichOrder(t *testing.T) {
	p := planned("b", "a")
	p.Machines = append(p.Machines, MachinePlan{Plan: machine.Diff("new", wanted(), machine.Observed{})})
	p = planOf(p.Machines)
	if want := []rollout.Turn{{Machine: "a"}, {Machine: "b"}}; !slices.Equal(p.Order.OneByOne, want) || !slices.Equal(p.Order.AtOnce, []string{"new"}) {
		t.Errorf("got %+v, want new at once, then a, b", p.Order)
	}
	last := []rollout.Turn{{Machine: "b"}, {Machine: "a", Why: "it leads"}}
	p.Arrange(t.Context(), guard{turns: last})
	if !slices.Equal(p.Order.OneByOne, last) || p.Order.Gates.Before != "all is well" || p.Order.Unknown != "" {
		t.Errorf("arranged: got %+v, want the guard's order and gates", p.Order)
	}
	if told := p.Machines[0].In(machine.Finish); len(told) != 1 || told[0].Target != "a,b" {
		t.Errorf("at the end: got %+v, want what the guard foretells of the two that restart", told)
	}
	p = planned("a", "b")
	p.Arrange(t.Context(), guard{err: errors.New("nobody answers")})
	if p.Order.Unknown != "nobody answers" || len(p.Order.OneByOne) != 2 {
		t.Errorf("where nobody answers: got %+v, want that said, and the machines by name", p.Order)
	}
}

func TestAPlanShowsTheRestWhereAMachineIsMissing(t *testing.T) {
	there := pretend(t, "there")
	f, targets := fleetOf(t, there)
	for _, name := range []string{"new", "gone"} {
		targets[name] = Target{State: wanted()}
	}
	p, err := f.Plan(t.Context(), targets, map[string]Absent{
		"new":  {Why: "is yet to be made", Taken: &machine.Observed{Facts: machine.Facts{Systemd: true}}},
		"gone": {Why: "does not answer"},
	}, Change{})
	if err != nil || len(p.Machines) != 3 {
		t.Fatalf("got %d machines, %v; want 3", len(p.Machines), err)
	}
	if !p.Seen() || (Plan{Machines: p.Machines[:2]}).Seen() {
		t.Error("there alone was looked at")
	}
	gone, made, real := p.Machines[0], p.Machines[1], p.Machines[2]
	if gone.Machine != "gone" || gone.Unreachable != "does not answer" || !gone.Plan.Empty() {
		t.Errorf("gone: got %+v", gone)
	}
	if made.Machine != "new" || made.Assumed == "" || made.Plan.Empty() {
		t.Errorf("new: got %+v", made)
	}
	if real.Machine != "there" || len(real.Steps) != len(made.Steps) || real.Assumed+real.Unreachable != "" {
		t.Errorf("there: got %+v", real)
	}
	if got := there.questions(); got != "observe" {
		t.Errorf("there was asked to %s, want only observe", got)
	}
}

func TestARefusedPlanStillShowsWhatIsKnown(t *testing.T) {
	fit, unfit := pretend(t, "fit"), pretend(t, "unfit")
	unfit.arch = "aarch64"
	f, targets := fleetOf(t, fit, unfit)
	p, err := f.Plan(t.Context(), targets, nil, Change{})
	if _, refused := errors.AsType[*machine.Refusal](err); !refused || len(p.Machines) != 2 || p.Machines[0].Plan.Empty() {
		t.Errorf("got %+v, %v; want a refusal, and what would be done to fit", p, err)
	}
}

func TestARemovalKeepsDataUnlessItMayGo(t *testing.T) {
	want, is := serving()
	owned := is.Manifests["test"]
	owned.Data = []string{"/var/lib/weir/test"}
	is.Manifests["test"] = owned
	targets := map[string]Target{"a": {State: want}, "b": {State: want}, "c": {State: want}}
	foreign := is
	foreign.Manifests = map[string]machine.Manifest{"test": {Cluster: "another", Component: "test"}}
	sights := map[string]Sight{"a": {Observed: is}, "b": {Err: errors.New("no route")}, "c": {Observed: foreign}}
	for _, deleteData := range []bool{false, true} {
		p := PlanRemoval(targets, sights, deleteData)
		gone := slices.ContainsFunc(p.Machines[0].Steps, func(s machine.Step) bool { return s.Kind == "data" })
		if gone != deleteData || !slices.Equal(p.Order.AtOnce, []string{"a"}) || len(p.Order.OneByOne) > 0 {
			t.Errorf("deleteData %v: got %+v", deleteData, p)
		}
		if p.Machines[1].Unreachable != "no route" || !strings.Contains(p.Machines[2].Refused, `"another"`) {
			t.Errorf("the others: got %+v, %+v", p.Machines[1], p.Machines[2])
		}
	}
}

func TestScriptsAreAddedForMachinesWithAPlan(t *testing.T) {
	p := planned("a")
	p.Machines = append(p.Machines, MachinePlan{Unreachable: "no route"})
	none := func(context.Context, machine.Release) (machine.Pack, error) {
		return machine.Pack{Open: func() (io.ReadSeekCloser, error) { return nil, io.EOF }}, nil
	}
	if err := p.Script(t.Context(), "anna", none); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, s := range p.Machines[0].Scripts {
		steps = append(steps, s.Step)
	}
	if !slices.Equal(steps, []string{"lock", "observe", "switch"}) || len(p.Machines[1].Scripts) > 0 {
		t.Errorf("got %q and %d for the one out of reach", steps, len(p.Machines[1].Scripts))
	}
}
