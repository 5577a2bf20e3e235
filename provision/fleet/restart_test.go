package fleet

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/rollout"

	"github.com/cenkalti/backoff/v5"
)

// backwards is a guard that notes what it is asked, and takes the last first.
type backwards struct {
	asked *[]string
	// lost is a machine that does not come back.
	lost string
}

func (g backwards) note(what string) { *g.asked = append(*g.asked, what) }

func (g backwards) Order(_ context.Context, pending []string) ([]rollout.Turn, error) {
	slices.Sort(pending)
	return []rollout.Turn{{Machine: pending[len(pending)-1]}}, nil
}
func (g backwards) Conditions() rollout.Conditions { return rollout.Conditions{} }
func (g backwards) Before(_ context.Context, name string) error {
	g.note("before " + name)
	return nil
}
func (g backwards) After(_ context.Context, name string) error {
	g.note("after " + name)
	if name == g.lost {
		return backoff.Permanent(errors.New("it does not come back"))
	}
	return nil
}
func (g backwards) Healthy(context.Context) error {
	g.note("healthy")
	return nil
}

func hostsOf(targets map[string]Target) map[string]remote.Host {
	hosts := map[string]remote.Host{}
	for name, t := range targets {
		hosts[name] = t.Host
	}
	return hosts
}

func TestARollingRestart(t *testing.T) {
	for _, c := range []struct {
		name    string
		pending []string
		lost    string
		asked   string
		steps   string
		fails   bool
	}{
		{"goes in the guard's order, behind its gates", []string{"a", "b"}, "", "before b, after b, before a, after a, healthy", "b a", false},
		{"leaves the others alone, and locks them", []string{"a"}, "", "before a, after a, healthy", "a", false},
		{"stops before the next where one does not come back", []string{"a", "b"}, "b", "before b, after b", "b", true},
		{"waits for the whole where nothing is left", nil, "", "healthy", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := pretend(t, "a"), pretend(t, "b")
			f, targets := fleetOf(t, a, b)
			var asked, steps []string
			err := f.Restart(t.Context(), hostsOf(targets), Restart{
				Unit: "x.service", Pending: c.pending, Guard: backwards{&asked, c.lost},
				Step: func(e machine.Event) {
					if e.Step.String() != "restart service x.service" {
						t.Errorf("step %q", e.Step)
					}
					steps = append(steps, e.Machine)
				},
			})
			var stopped *rollout.Error
			if c.fails != errors.As(err, &stopped) || !c.fails && err != nil {
				t.Errorf("got %v", err)
			}
			if got := strings.Join(asked, ", "); got != c.asked {
				t.Errorf("asked %q, want %q", got, c.asked)
			}
			if got := strings.Join(steps, " "); got != c.steps {
				t.Errorf("restarted %q, want %q", got, c.steps)
			}
			for _, m := range []*pretender{a, b} {
				if !strings.HasPrefix(m.questions(), "lock") {
					t.Errorf("a machine was asked %q, want its lock first", m.questions())
				}
			}
		})
	}
}

func TestNothingIsRestartedWhileAnotherRunHasOneOfTheMachines(t *testing.T) {
	a, b := pretend(t, "a"), pretend(t, "b")
	b.holder = "anna"
	f, targets := fleetOf(t, a, b)
	var asked []string
	err := f.Restart(t.Context(), hostsOf(targets), Restart{Unit: "x.service", Pending: []string{"a"}, Guard: backwards{asked: &asked}})
	var locked *machine.LockedError
	if !errors.As(err, &locked) || len(asked) > 0 {
		t.Errorf("got %v, asked %q", err, asked)
	}
}
