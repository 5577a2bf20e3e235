package fleet

import (
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

func TestOneUnfitMachineRefusesAllOfThem(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(*testing.T, *Fleet, map[string]Target) error
		asked string
	}{
		{"a plan only looks", func(t *testing.T, f *Fleet, targets map[string]Target) error {
			_, err := f.Plan(t.Context(), targets, nil, Change{})
			return err
		}, "observe"},
		{"a change stops before its first step", func(t *testing.T, f *Fleet, targets map[string]Target) error {
			return f.Apply(t.Context(), targets, Change{})
		}, "lock observe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fit, unfit := pretend(t, "fit"), pretend(t, "unfit")
			unfit.arch = "aarch64"
			f, targets := fleetOf(t, fit, unfit)
			err := c.do(t, f, targets)
			refusal, ok := errors.AsType[*machine.Refusal](err)
			if !ok || refusal.Machine != "unfit" || !strings.Contains(refusal.Error(), "arm64") {
				t.Errorf("got %v, want a refusal of the machine of another architecture", err)
			}
			for name, m := range map[string]*pretender{"fit": fit, "unfit": unfit} {
				if got := m.questions(); got != c.asked {
					t.Errorf("%s was asked to %s, want only %s", name, got, c.asked)
				}
			}
		})
	}
}

func TestAllThatIsUnfitIsNamedAtOnce(t *testing.T) {
	a, b := pretend(t, "a"), pretend(t, "b")
	a.arch, b.arch = "aarch64", "aarch64"
	f, targets := fleetOf(t, a, b)
	_, err := f.Plan(t.Context(), targets, nil, Change{})
	if err == nil {
		t.Fatal("two unfit machines were accepted")
	}
	if _, after, found := strings.Cut(err.Error(), "machine a: "); !found || !strings.Contains(after, "machine b: ") {
		t.Errorf("got %v, want a and then b refused", err)
	}
}

func TestAMachineThatAnotherRunChangesIsLeftAlone(t *testing.T) {
	const holder = "anna on desk (process 4711)"
	free, taken := pretend(t, "free"), pretend(t, "taken")
	taken.holder = holder
	f, targets := fleetOf(t, free, taken)
	for name, do := range map[string]func() error{
		"apply":  func() error { return f.Apply(t.Context(), targets, Change{}) },
		"remove": func() error { return f.Remove(t.Context(), targets, false, nil, nil) },
	} {
		err := do()
		locked, ok := errors.AsType[*machine.LockedError](err)
		if !ok || locked.Machine != "taken" || locked.Holder != holder {
			t.Errorf("%s: got %v, want that %s holds taken's lock", name, err, holder)
		}
	}
	if got := free.questions() + ", " + taken.questions(); got != "lock lock, lock lock" {
		t.Errorf("asked: %s; want nothing but the locks", got)
	}
	taken.set(func(m *pretender) { m.holder = "" })
	if err := f.Apply(t.Context(), targets, Change{}); err != nil {
		t.Errorf("once it is free: %v", err)
	}
}

func TestAllMachinesAreStagedBeforeOneIsSwitched(t *testing.T) {
	var mu sync.Mutex
	var order []string
	log := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	a, b := pretend(t, "a"), pretend(t, "b")
	a.log, b.log = log, log
	f, targets := fleetOf(t, a, b)
	if err := f.Apply(t.Context(), targets, Change{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"lock", "lock", "observe", "observe", "stage", "stage", "switch", "switch"}; !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
}

func TestWhereStagingFailsNothingIsSwitched(t *testing.T) {
	a, b := pretend(t, "a"), pretend(t, "b")
	b.broken = true
	f, targets := fleetOf(t, a, b)
	err := f.Apply(t.Context(), targets, Change{})
	if err == nil || !strings.Contains(err.Error(), "machine b") {
		t.Errorf("got %v, want b's failure", err)
	}
	for name, m := range map[string]*pretender{"a": a, "b": b} {
		if got := m.questions(); got != "lock observe stage" {
			t.Errorf("%s was asked to %s, want no switch", name, got)
		}
	}
}

func TestAMachineOutOfReachDoesNotHideTheOthers(t *testing.T) {
	there := remotetest.Start(t, remotetest.Config{Name: "there"}) // it really looks, at this computer
	gone := there.Host()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Name, gone.Port = "gone", l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	f, _ := fleetOf(t)
	sights := f.Look(t.Context(), map[string]Target{
		"there": {Host: there.Host(), State: wanted()}, "gone": {Host: gone, State: wanted()},
	})
	if s := sights["there"]; s.Err != nil || s.Observed.Facts.Architecture != runtime.GOARCH {
		t.Errorf("there: got %+v", s)
	}
	if _, ok := errors.AsType[*remote.ConnectError](sights["gone"].Err); !ok || len(sights) != 2 {
		t.Errorf("gone: got %+v, want that it cannot be reached", sights["gone"])
	}
}

func TestComponentsThatAreLookedAtTogetherShareAnAnswer(t *testing.T) {
	m := pretend(t, "m")
	f, targets := fleetOf(t, m)
	const components = 8
	var wg sync.WaitGroup
	for i := range components {
		target := targets["m"]
		target.State.Component = "test-" + strings.Repeat("x", i)
		wg.Go(func() {
			for name, s := range f.Look(t.Context(), map[string]Target{"m": target}) {
				if s.Err != nil || s.Observed.Facts.OS != "debian" {
					t.Errorf("%s: got %+v, want what the machine said", name, s)
				}
			}
		})
	}
	wg.Wait()
	// All ask while the machine is dialled, but for one that is slow to start.
	if asked := strings.Count(m.questions(), "observe"); asked < 1 || asked > 2 {
		t.Errorf("%d components asked the machine %d times, want once or twice: %s", components, asked, m.questions())
	}
	_ = f.Look(t.Context(), targets)
	if again := strings.Count(m.questions(), "observe"); again < 2 {
		t.Errorf("a later look was answered from an older one: %s", m.questions())
	}
}
