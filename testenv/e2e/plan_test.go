package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// shownPlan is what `ops preview -o json` promises to programs.
type shownPlan struct {
	Changes   bool
	Resources []struct {
		Type, Name, Action, Unknown string
		Machines                    []struct {
			Machine, Unreachable string
			Steps                []planStep
		}
		Order struct {
			AtOnce   []string
			OneByOne []struct{ Machine, Why string }
			Unknown  string
			Gates    struct{ Before, After, Healthy string }
		}
	}
}

type planStep struct{ Phase, Action, Kind, Target, Detail, Diff string }

// shownRun is what `ops runs` and `ops runs show` promise.
type shownRun struct {
	Command, Outcome, Who string
	Changed               struct{ Created, Changed, Removed, Steps, Machines int }
	Entries               []struct {
		Resource string
		Step     *struct {
			Machine string
			planStep
		}
		Gate *struct{ Machine, Gate, Phase string }
	}
}

// line is a step as both are compared: what, where, and how a file changes.
func (s planStep) line(machine string) string {
	return strings.Join([]string{machine, s.Action, s.Kind, s.Target, s.Detail, s.Diff}, " | ")
}

// whatChanges turns the shared cluster's config into one that differs in a line
// of server.properties, the brokers' heap, a topic's setting, and a job that is gone.
func whatChanges(t *testing.T) string {
	t.Helper()
	config := stackConfig
	for was, now := range map[string]string{
		"kafka: {heap: 512m,":                  "kafka: {config: {log.retention.hours: 72}, heap: 520m,",
		"partitions: 3, replicationFactor: 3}": "partitions: 3, replicationFactor: 3, config: {retention.ms: 86400000}}",
		"      - {name: producer, kind: producer, machine: weir-1, topic: user-behavior-topic}\n": "",
	} {
		if strings.Count(config, was) != 1 {
			t.Fatalf("the shared cluster's config no longer has %q once", was)
		}
		config = strings.Replace(config, was, now, 1)
	}
	return config
}

func TestWhatAPreviewShowsIsWhatAnUpDoes(t *testing.T) {
	p := cluster(t)
	t.Cleanup(func() {
		if err := p.write(stackName, stackConfig); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		name, config string
		// byHand is what somebody did before.
		byHand func()
		says   []string
	}{
		{"a config line, a heap, a topic's setting, a job that is gone, and a file changed by hand", whatChanges(t),
			func() { inside(t, "weir-3", "sh", "-c", "echo acks=0 >>/etc/weir/kafka/producer.properties") },
			[]string{"+log.retention.hours=72", "-acks=0", "set retention.ms=86400000", "remove Job producer", "stop service weir-job-producer.service", "controller"}},
		{"and all of that back", stackConfig, func() {},
			[]string{"-log.retention.hours=72", "unset retention.ms", "create Job producer", "start service weir-job-producer.service"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := p.write(stackName, c.config); err != nil {
				t.Fatal(err)
			}
			c.byHand()
			wantAll(t, p.mustOps(t, 0, "preview", "--stack", stackName).stdout, c.says...)
			var shown shownPlan
			p.decode(t, &shown, "preview", "--stack", stackName)
			p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify")
			var run shownRun
			p.decode(t, &run, "runs", "show", "last", "--stack", stackName)
			compare(t, shown, run)
			if run.Outcome != "done" || run.Who == "" || !strings.HasPrefix(run.Command, "up ") {
				t.Errorf("the run is logged as %+v", run)
			}
		})
	}
	p.mustOps(t, 0, "verify", "--stack", stackName)
}

// decode runs an ops command with -o json and reads what it says.
func (p project) decode(t *testing.T, into any, args ...string) {
	t.Helper()
	r := p.mustOps(t, 0, append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(r.stdout), into); err != nil {
		t.Fatalf("ops %s: %v\n%s", strings.Join(args, " "), err, r.stdout)
	}
}

// compare checks for each resource that the steps shown are the steps done: those
// that go at once in the order of each machine, the others in the order of all.
func compare(t *testing.T, shown shownPlan, run shownRun) {
	t.Helper()
	want, got := map[string][]string{}, map[string][]string{}
	for _, r := range shown.Resources {
		resource := r.Type + " " + r.Name
		if r.Unknown != "" || r.Order.Unknown != "" {
			t.Errorf("%s: the preview does not know %s%s", resource, r.Unknown, r.Order.Unknown)
		}
		steps := map[string][]planStep{}
		for _, m := range r.Machines {
			steps[m.Machine] = m.Steps
			for _, s := range m.Steps {
				key := resource + ", on its own: " + m.Machine
				want[key] = append(want[key], s.line(m.Machine))
			}
		}
		for _, turn := range r.Order.OneByOne {
			for _, s := range steps[turn.Machine] {
				if s.Phase == "switch" {
					want[resource] = append(want[resource], s.line(turn.Machine))
				}
			}
		}
	}
	for _, e := range run.Entries {
		if e.Step == nil {
			continue
		}
		line := e.Step.line(e.Step.Machine)
		key := e.Resource + ", on its own: " + e.Step.Machine
		got[key] = append(got[key], line)
		if _, ordered := want[e.Resource]; ordered && e.Step.Phase == "switch" {
			got[e.Resource] = append(got[e.Resource], line)
		}
	}
	if len(want) == 0 {
		t.Error("the preview shows no step")
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: done and not shown: %q", key, got[key])
		}
	}
	for key, lines := range want {
		if !slices.Equal(got[key], lines) {
			t.Errorf("%s:\nshown:\n  %s\ndone:\n  %s", key, strings.Join(lines, "\n  "), strings.Join(got[key], "\n  "))
		}
	}
}

func TestRunsAreListedWithHowTheyEndedAlsoTheKilledOne(t *testing.T) {
	p := cluster(t)
	var list []shownRun
	p.decode(t, &list, "runs", "--stack", stackName)
	if len(list) < 2 {
		t.Fatalf("%d runs are listed, want the killed up and the one after it", len(list))
	}
	// The first two of the cluster: see cluster.
	first, second := list[len(list)-1], list[len(list)-2]
	if first.Outcome != "cut off" || first.Changed.Steps == 0 {
		t.Errorf("the up that was killed is listed as %+v, want it cut off after some steps", first)
	}
	if second.Outcome != "done" || second.Changed.Created == 0 {
		t.Errorf("the up after it is listed as %+v, want it done", second)
	}
	wantAll(t, p.mustOps(t, 0, "runs", "--stack", stackName).stdout, "cut off", fmt.Sprintf("%d created", second.Changed.Created))
}
