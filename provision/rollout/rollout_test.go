package rollout

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var errShut = errors.New("replica missing")

// diary writes down in order what the engine asks for.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// rollout is one whose functions all hold and are written down.
func (d *diary) rollout() Rollout {
	note := func(what string) func(context.Context, string) error {
		return func(_ context.Context, m string) error { d.write("%s %s", what, m); return nil }
	}
	return Rollout{
		Order: func(_ context.Context, pending []string) ([]Turn, error) {
			d.write("order %s", strings.Join(pending, ","))
			return []Turn{{Machine: pending[len(pending)-1]}}, nil
		},
		Before: note("before"), Switch: note("switch"), After: note("after"),
		Healthy: func(context.Context) error { d.write("healthy"); return nil },
	}
}

func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(d.lines, want) {
		t.Errorf("what happened:\n  %s\nwant:\n  %s", strings.Join(d.lines, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestRunningMachinesChangeOneAtATimeInAnOrderAskedAgain(t *testing.T) {
	var d diary
	r := d.rollout()
	r.Running = []string{"a", "b"}
	if err := Run(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "order a,b", "before b", "switch b", "after b", "order a", "before a", "switch a", "after a", "healthy")
}

func TestNothingToChangeStillAsksWhetherTheClusterIsHealthy(t *testing.T) {
	var d diary
	if err := Run(t.Context(), d.rollout()); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "healthy")
}

func TestNilFunctionsHoldAtOnce(t *testing.T) {
	var d diary
	if err := Run(t.Context(), Rollout{Running: []string{"a"}, Switch: d.rollout().Switch}); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "switch a")
}

func TestFreshMachinesStartTogetherBeforeAnyRunningOneChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		r := d.rollout()
		r.Fresh, r.Running = []string{"a", "b", "c"}, []string{"d"}
		took := map[string]time.Duration{}
		began := time.Now()
		r.Switch = func(_ context.Context, m string) error {
			time.Sleep(5 * time.Second)
			d.mu.Lock()
			defer d.mu.Unlock()
			took[m] = time.Since(began)
			return nil
		}
		if err := Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		want := map[string]time.Duration{"a": 5 * time.Second, "b": 5 * time.Second, "c": 5 * time.Second, "d": 10 * time.Second}
		if !reflect.DeepEqual(took, want) {
			t.Errorf("machines were switched after %v, want %v", took, want)
		}
		d.expect(t, "healthy", "order d", "before d", "after d", "healthy")
	})
}

func TestAFreshMachineThatFailsLetsTheOthersFinishAndStopsTheRun(t *testing.T) {
	var d diary
	r := d.rollout()
	r.Fresh, r.Running = []string{"a", "b"}, []string{"c"}
	r.Switch = func(_ context.Context, m string) error {
		if m == "a" {
			return errors.New("no space")
		}
		return nil
	}
	err := Run(t.Context(), r)
	stop, ok := errors.AsType[*Error](err)
	if !ok || stop.Machine != "a" || stop.Step != Switch {
		t.Fatalf("got %v, want an error of machine a's switch", err)
	}
	if !slices.Equal(stop.Done, []string{"b"}) || !slices.Equal(stop.Pending, []string{"a", "c"}) {
		t.Errorf("done %v, pending %v; want [b], [a c]", stop.Done, stop.Pending)
	}
	d.expect(t)
}

func TestAFailureStopsBeforeTheNextMachine(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Rollout)
		step   Step
		lines  []string
	}{
		"of the gate before": {
			func(r *Rollout) { r.Before = func(context.Context, string) error { return errShut } },
			Before, []string{"order a,b"},
		},
		"of the switch": {
			func(r *Rollout) { r.Switch = func(context.Context, string) error { return errShut } },
			Switch, []string{"order a,b", "before b"},
		},
		"of the gate after": {
			func(r *Rollout) { r.After = func(context.Context, string) error { return errShut } },
			After, []string{"order a,b", "before b", "switch b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d diary
				r := d.rollout()
				r.Running, r.Patience = []string{"a", "b"}, time.Minute
				test.change(&r)
				err := Run(t.Context(), r)
				stop, ok := errors.AsType[*Error](err)
				if !ok || stop.Machine != "b" || stop.Step != test.step || !errors.Is(err, errShut) {
					t.Fatalf("got %v, want %q of machine b to fail with %v", err, test.step, errShut)
				}
				if !slices.Equal(stop.Pending, []string{"a", "b"}) {
					t.Errorf("pending %v, want [a b]", stop.Pending)
				}
				d.expect(t, test.lines...)
			})
		})
	}
}

func TestTheMessageNamesMachineStepReasonAndRest(t *testing.T) {
	err := &Error{Machine: "m2", Step: After, Pending: []string{"m2", "m3"}, Err: &WaitError{Waited: 61 * time.Second, Err: errShut}}
	want := "machine m2: wait until it is back: waited 1m1s: replica missing; stopped with m2, m3 still to change"
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func TestAnOrderThatNamesAStrangerIsRefused(t *testing.T) {
	var d diary
	r := d.rollout()
	r.Running = []string{"a"}
	r.Order = func(context.Context, []string) ([]Turn, error) { return []Turn{{Machine: "z"}}, nil }
	if err := Run(t.Context(), r); err == nil || !strings.Contains(err.Error(), "z") {
		t.Errorf("got %v, want an error that names z", err)
	}
	d.expect(t)
}

func TestTheObserverSeesEachStepWithItsDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		r := d.rollout()
		r.Running, r.Order, r.Before, r.Healthy = []string{"a"}, nil, nil, nil
		r.Switch = func(context.Context, string) error { time.Sleep(2 * time.Second); return nil }
		looks := 0
		r.After = func(context.Context, string) error {
			if looks++; looks < 2 {
				return errShut
			}
			return nil
		}
		var seen []string
		r.Observe = func(e Event) {
			seen = append(seen, fmt.Sprintf("%s %s: %s %v", e.Machine, e.Step, e.Phase, e.Err))
			if e.Step == Switch && e.Phase == Finished && e.Took != 2*time.Second {
				t.Errorf("the switch took %v, want 2s", e.Took)
			}
		}
		if err := Run(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"a switch: started <nil>", "a switch: finished <nil>",
			"a wait until it is back: started <nil>", "a wait until it is back: waiting replica missing", "a wait until it is back: finished <nil>",
		}
		if !slices.Equal(seen, want) {
			t.Errorf("seen:\n  %s\nwant:\n  %s", strings.Join(seen, "\n  "), strings.Join(want, "\n  "))
		}
	})
}
