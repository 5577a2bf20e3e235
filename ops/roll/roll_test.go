package roll

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/provision/inventory"
	"weir/provision/rollout"
	"weir/provision/runlog"
	"weir/testenv/golden"
)

const (
	first  = "11111111111111111111111111111111"
	second = "22222222222222222222222222222222"
)

func TestWhatAMachineSaysOfAUnit(t *testing.T) {
	text := "InvocationID=" + first + "\nActiveState=activating\nSubState=auto-restart\nNRestarts=4\n\nnot enough memory\n\n  at x\n"
	p := parse(text)
	if p.Invocation != first || p.Runs() || p.Restarts != 4 || !slices.Equal(p.Words, []string{"not enough memory", "at x"}) {
		t.Errorf("got %+v", p)
	}
	if got := parse("InvocationID=../x\nNRestarts=many\n"); got.Invocation != "" || got.Restarts != 0 {
		t.Errorf("believed %+v", got)
	}
}

func TestAServerThatDoesNotComeBackIsTold(t *testing.T) {
	for _, c := range []struct {
		name   string
		is     Process
		fallen bool
	}{
		{"one that runs", Process{Active: "active", Sub: "running"}, false},
		{"one that systemd has started once more", Process{Active: "active", Sub: "running", Restarts: 1}, false},
		{"one that falls again and again", Process{Active: "activating", Sub: "auto-restart", Restarts: 3}, true},
		{"one that runs for the moment", Process{Active: "active", Sub: "running", Restarts: 3}, true},
		{"one that systemd has given up", Process{Active: "failed", Sub: "failed"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.is.Fallen(); (got != "") != c.fallen {
				t.Errorf("Fallen of %+v is %q, want something: %v", c.is, got, c.fallen)
			}
		})
	}
}

func TestABrokerThatLoadsItsLogsIsKnown(t *testing.T) {
	for _, c := range []struct {
		name  string
		words []string
		want  string
	}{
		{"one that serves", []string{"Loading logs from log dirs ArrayBuffer(/d)", "Loaded 3 logs in 20ms", "started"}, ""},
		{"one that begins to", []string{"Loaded 3 logs in 20ms", "stopped", "Loading logs from log dirs ArrayBuffer(/d)"}, "Loading logs from log dirs ArrayBuffer(/d)"},
		{"one that recovers", []string{"Loading logs from log dirs A", "Recovering 12 logs from /d since no clean shutdown file was found"}, "Recovering 12 logs from /d since no clean shutdown file was found"},
		{"one that says something else", []string{"x"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (Process{Words: c.words}).Recovering(); got != c.want {
				t.Errorf("Recovering of %q is %q, want %q", c.words, got, c.want)
			}
		})
	}
}

func TestWhatIsLeftToRestart(t *testing.T) {
	up := func(invocation string) sight {
		return sight{Process: Process{Invocation: invocation, Active: "active", Sub: "running"}}
	}
	began := map[string]string{"a": first, "b": first, "c": first, "d": ""}
	pending, done := split(began, map[string]sight{
		"a": up(second),
		"b": up(first),
		"c": {Process: Process{Invocation: second, Active: "activating", Sub: "auto-restart"}},
		"d": up(second), // it was down, and is up since
		"e": up(second), // nobody knows what it ran when the roll began
	})
	if !slices.Equal(pending, []string{"b", "c", "e"}) || !slices.Equal(done, []string{"a", "d"}) {
		t.Errorf("pending %v, done %v", pending, done)
	}
}

func TestWhichRollIsGoneOnWith(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	all := []string{"a", "b"}
	run := func(id string, outcome runlog.Outcome, since time.Duration, wanted ...string) runlog.Run {
		return runlog.Run{ID: id, Outcome: outcome, Rolls: []runlog.Roll{{Component: Kafka, Wanted: wanted, Since: now.Add(-since)}}}
	}
	for _, c := range []struct {
		name string
		runs []runlog.Run
		want string
	}{
		{"none, where there is none", []runlog.Run{{ID: "up", Outcome: runlog.Failed}}, ""},
		{"the one that failed", []runlog.Run{run("r", runlog.Failed, time.Hour, all...)}, "r"},
		{"the one that was killed, whatever was done since", []runlog.Run{{ID: "up"}, run("r", runlog.CutOff, time.Hour, all...)}, "r"},
		{"the one that was interrupted", []runlog.Run{run("r", runlog.Interrupted, time.Hour, all...)}, "r"},
		{"none, where it came to its end later", []runlog.Run{run("s", runlog.Done, time.Hour, all...), run("r", runlog.Failed, time.Hour, all...)}, ""},
		{"none of other machines", []runlog.Run{run("r", runlog.Failed, time.Hour, "a")}, ""},
		{"none of the day before", []runlog.Run{run("r", runlog.Failed, 25*time.Hour, all...)}, ""},
		{"none that still runs", []runlog.Run{run("r", runlog.Running, time.Hour, all...)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, _ := unfinished(c.runs, runlog.Roll{Component: Kafka, Wanted: all}, now); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func clusterOf(t *testing.T) *connect.Session {
	t.Helper()
	s, err := connect.Open(t.Context(), inventory.Cluster{
		Name:      "test",
		Machines:  []inventory.Machine{{Name: "a"}, {Name: "b"}, {Name: "c"}},
		Kafka:     &inventory.Kafka{Brokers: map[string]int32{"a": 1, "b": 7}},
		ZooKeeper: &inventory.ZooKeeper{Members: map[string]int{"b": 1, "c": 2}},
	}, connect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestWhichServersAreMeant(t *testing.T) {
	for _, c := range []struct {
		name            string
		o               Options
		brokers, keeper []string
		wrong           string
	}{
		{"all brokers", Options{}, []string{"a", "b"}, nil, ""},
		{"the ensemble too", Options{ZooKeeper: true}, []string{"a", "b"}, []string{"b", "c"}, ""},
		{"a broker by its id", Options{Only: []string{"7"}}, []string{"b"}, nil, ""},
		{"a machine, with its member", Options{Only: []string{"b"}, ZooKeeper: true}, []string{"b"}, []string{"b"}, ""},
		{"a machine without a broker", Options{Only: []string{"c"}}, nil, nil, "machine c has no broker"},
		{"what is nothing", Options{Only: []string{"9"}}, nil, nil, `"9" is neither`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := choose(clusterOf(t), c.o)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("got %v, want %q", err, c.wrong)
				}
				return
			}
			if err != nil || !slices.Equal(got[Kafka], c.brokers) || !slices.Equal(got[ZooKeeper], c.keeper) {
				t.Errorf("got %v, %v; want brokers %v, members %v", got, err, c.brokers, c.keeper)
			}
		})
	}
}

func TestWhatAPlanLooksLike(t *testing.T) {
	var out strings.Builder
	p := Plan{Cluster: "demo", Resumes: "20260102T030405Z-aaaa", Warnings: []string{"machine d: no route: its lock is not held meanwhile"}, Parts: []Part{{
		Component: Kafka, Unit: "weir-kafka.service", Done: []string{"a"},
		Order: []rollout.Turn{{Machine: "b"}, {Machine: "c", Why: "its broker is the controller"}},
		Gates: rollout.Conditions{Before: "x holds", After: "y holds", Healthy: "z holds"}, Hindrance: errors.New("replicas are being moved: t-0").Error(),
	}, {Component: ZooKeeper, Unit: "weir-zookeeper.service", Done: []string{"a", "b", "c"}, Gates: rollout.Conditions{Healthy: "q holds"}}}}
	if err := Write(&out, p, table.Style{}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "plan.txt", out.String())
	if p.Restarts() != 2 || p.Hindrance() != "kafka: replicas are being moved: t-0" {
		t.Errorf("got %d restarts, hindrance %q", p.Restarts(), p.Hindrance())
	}
}
