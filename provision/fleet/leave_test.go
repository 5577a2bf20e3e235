package fleet

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"weir/provision/machine"
	"weir/provision/remote"
)

// lost is a target at which nobody answers, with a service.
func lost(t *testing.T, like *pretender) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := like.server.Host()
	h.Name, h.Port = "lost", l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	want, _ := serving()
	return Target{Host: h, State: want}
}

// keeper is a guard that says whether machines may leave.
type keeper struct {
	Guard
	err    error
	silent []string
}

func (k *keeper) MayLeave(_ context.Context, silent, _ []string) error {
	k.silent = silent
	return k.err
}
func (*keeper) Healthy(context.Context) error { return nil }

func TestWhatCannotBeSparedStopsAChangeBeforeItsFirstStep(t *testing.T) {
	stays, leaves := pretend(t, "stays"), pretend(t, "leaves")
	f, all := fleetOf(t, stays, leaves)
	change := Change{Guard: &keeper{err: errors.New("it holds replicas")}, Leaving: map[string]Leaver{"leaves": {Target: all["leaves"]}}}
	delete(all, "leaves")
	for name, do := range map[string]func() error{
		"plan":  func() error { _, err := f.Plan(t.Context(), all, nil, change); return err },
		"apply": func() error { return f.Apply(t.Context(), all, change) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "nothing was changed: it holds replicas") {
			t.Errorf("%s: got %v, want the guard's refusal", name, err)
		}
	}
	for _, m := range []*pretender{stays, leaves} {
		if got := m.questions(); strings.Contains(got, "stage") || strings.Contains(got, "switch") {
			t.Errorf("a machine was changed: %s", got)
		}
	}
}

// renamed is the plan for a machine that had the name old.
func renamed(name, old string) machine.Plan {
	want, is := serving()
	want.Machine = old
	is.Manifests = map[string]machine.Manifest{"test": want.Manifest()}
	want.Machine = name
	return machine.Diff(name, want, is)
}

// Whoever renames a machine and gives it another address at once has it leave by
// the one and come by the other: what the one loses, the other had.
func TestAMachineIsNotChangedByTwoNamesAtOnce(t *testing.T) {
	there := map[string]Target{"old": {}}
	for _, c := range []struct {
		name             string
		targets, leaving map[string]Target
		refused          bool
	}{
		{"the old name leaves by another address", map[string]Target{"new": {}}, there, true},
		{"the old name is another machine's now", map[string]Target{"new": {}, "old": {}}, nil, true},
		{"nobody has the old name any more", map[string]Target{"new": {}}, nil, false},
	} {
		err := another(renamed("new", "old"), c.targets, c.leaving)
		if refusal, ok := errors.AsType[*machine.Refusal](err); ok != c.refused || ok && !strings.Contains(refusal.Error(), "machine new: nothing was changed: it is machine old by its manifests") {
			t.Errorf("%s: got %v, want it refused: %t", c.name, err, c.refused)
		}
	}
	if err := another(renamed("new", "new"), map[string]Target{"new": {}}, there); err != nil {
		t.Errorf("a machine with the name that it had: got %v", err)
	}

	m := pretend(t, "m1")
	f, targets := fleetOf(t, m)
	m.set(func(m *pretender) { m.holder = f.Holder })
	err := f.Apply(t.Context(), targets, Change{})
	if _, ok := errors.AsType[*machine.Refusal](err); !ok || !strings.Contains(err.Error(), "correct the addresses of m1") {
		t.Errorf("where this run has the lock already: got %v, want the addresses refused", err)
	}
}

func TestALostMachineThatLeavesIsToldOfAndPassedOver(t *testing.T) {
	stays := pretend(t, "stays")
	f, targets := fleetOf(t, stays)
	k := &keeper{}
	var told []*LeftError
	change := Change{
		Guard: k, Leaving: map[string]Leaver{"lost": {Target: lost(t, stays)}}, Left: func(l *LeftError) { told = append(told, l) },
	}
	p, err := f.Plan(t.Context(), targets, nil, change)
	if err != nil || len(p.Machines) != 2 || !strings.Contains(p.Machines[0].Unreachable, "what stays there: weir-test.service, /etc/weir") {
		t.Errorf("plan: got %+v, %v; want lost, and what stays there", p.Machines, err)
	}
	if err := f.Apply(t.Context(), targets, change); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || !strings.Contains(told[0].Error(), "systemctl disable --now weir-test.service") || !slices.Equal(k.silent, []string{"lost"}) {
		t.Errorf("told %v, the guard of %q; want both told of lost", told, k.silent)
	}
	if _, ok := errors.AsType[*remote.ConnectError](told[0]); !ok {
		t.Errorf("got %v, want the reason kept", told[0])
	}
	if got := stays.questions(); !strings.HasSuffix(got, "stage switch") {
		t.Errorf("the machine that stays was asked to %s, want it changed", got)
	}
}

func TestARemovalFromALostMachineFailsUnlessSomebodyIsTold(t *testing.T) {
	there := pretend(t, "there")
	f, targets := fleetOf(t, there)
	targets["lost"] = lost(t, there)
	if err := f.Remove(t.Context(), targets, false, nil, nil); err == nil {
		t.Error("a machine that was not reached counts as removed")
	}
	var mu sync.Mutex
	var told []string
	err := f.Remove(t.Context(), targets, false, func(machine.Event) {}, func(l *LeftError) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, l.Machine)
	})
	if err != nil || !slices.Equal(told, []string{"lost"}) {
		t.Errorf("got %v, told of %q; want lost told of", err, told)
	}
}
