package provider

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/provision/machine"
	"weir/provision/remote/remotetest"
	"weir/provision/rollout"
	"weir/provision/runlog"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// looked is how a program says to reach a server that looks at this computer
// and changes nothing.
func looked(s *remotetest.Server) property.Value {
	h := s.Host()
	return property.New(object{
		"address": text(h.Address), "port": property.New(float64(h.Port)), "privateKey": text(h.PrivateKey), "hostKey": text(h.HostKey),
	})
}

// planned are the plans that a preview left, by resource; removals have a minus.
func planned(t *testing.T, file string) map[string]runlog.Plan {
	t.Helper()
	entries, _, err := runlog.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	plans := map[string]runlog.Plan{}
	for _, e := range entries {
		if e.Plan == nil {
			t.Errorf("among the plans is %+v", e)
			continue
		}
		if e.Plan.Removal {
			e.Resource = "-" + e.Resource
		}
		plans[e.Resource] = *e.Plan
	}
	return plans
}

// bareHost is a host of which nothing but files and directories is wanted.
func bareHost(t *testing.T, way property.Value) object {
	declaration := declared(t, "Host")
	declaration["connection"], declaration["java"] = way, property.New(false)
	return declaration
}

// mayBeUnfit accepts that this computer, which is looked at, was booted without
// systemd: the plan is the same.
func mayBeUnfit(t *testing.T, err error) {
	t.Helper()
	if err != nil && !strings.Contains(err.Error(), "systemd does not run there") {
		t.Fatal(err)
	}
}

func TestAPreviewHandsOutThePlan(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plans")
	s := serveTo(t, &Runs{Plans: file, Scripts: true})
	inputs := sound(t, "Host", bareHost(t, looked(remotetest.Start(t, remotetest.Config{Name: "m1"}))), property.Map{})
	_, err := s.Create(p.CreateRequest{Urn: urn("Host"), Properties: inputs, DryRun: true})
	mayBeUnfit(t, err)
	plan := planned(t, file)["Host it"]
	if len(plan.Machines) != 1 || plan.Machines[0].Machine != "m1" || plan.Machines[0].Unreachable != "" {
		t.Fatalf("got %+v, want a plan for m1", plan)
	}
	at := slices.IndexFunc(plan.Machines[0].Steps, func(s machine.Step) bool { return s.Target == "/etc/sysctl.d/60-weir-host.conf" })
	if at < 0 || !strings.Contains(plan.Machines[0].Steps[at].Diff, "+vm.swappiness") {
		t.Errorf("got steps %+v, want the file's lines", plan.Machines[0].Steps)
	}
	if n := len(plan.Machines[0].Scripts); n != 4 {
		t.Errorf("got %d scripts, want lock, observe, stage, switch", n)
	}
	raw, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(raw), "PRIVATE KEY") {
		t.Errorf("the plans hold the key, or: %v", err)
	}
}

func TestAPreviewSaysWhatItDoesNotKnow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plans")
	s := serveTo(t, &Runs{Plans: file})
	gone := sound(t, "Host", bareHost(t, unreachable(t)), property.Map{})
	if _, err := s.Update(p.UpdateRequest{ID: "it", Urn: urn("Host"), State: gone, OldInputs: gone, Inputs: gone, DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if m := planned(t, file)["Host it"].Machines; len(m) != 1 || !strings.Contains(m[0].Unreachable, "m1") {
		t.Errorf("of a machine that does not answer: got %+v, want why", m)
	}
	unknown := bareHost(t, unreachable(t))
	unknown["cluster"] = property.New(property.Computed)
	if _, err := s.Create(p.CreateRequest{Urn: urn("Host"), Properties: sound(t, "Host", unknown, property.Map{}), DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if plan := planned(t, file)["Host it"]; plan.Unknown == "" || len(plan.Machines) > 0 {
		t.Errorf("while an input is unknown: got %+v, want that said", plan)
	}
	container := bareHost(t, property.New(unreachable(t).AsMap().Set("container", property.New(true))))
	if _, err := s.Create(p.CreateRequest{Urn: urn("Host"), Properties: sound(t, "Host", container, property.Map{}), DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if m := planned(t, file)["Host it"].Machines; len(m) != 1 || m[0].Assumed == "" || len(m[0].Steps) == 0 {
		t.Errorf("of a container that is yet to be made: got %+v, want the steps for a new one", m)
	}
}

func TestALookHandsOutWhatARemovalWouldDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plans")
	s := serveTo(t, &Runs{Plans: file})
	inputs := sound(t, "Job", func() object {
		declaration := declared(t, "Job")
		declaration["connection"] = looked(remotetest.Start(t, remotetest.Config{Name: "m1"}))
		return declaration
	}(), property.Map{})
	if _, err := s.Read(p.ReadRequest{ID: "it", Urn: urn("Job"), Properties: stored("Job", inputs), Inputs: inputs}); err != nil {
		t.Fatal(err)
	}
	plan, ok := planned(t, file)["-Job it"]
	if !ok || len(plan.Machines) != 1 || !strings.Contains(plan.Note, "deleteData") {
		t.Errorf("got %+v, want a removal that keeps the data", plan)
	}
}

func TestATopicsPlanIsWhatTheClusterWouldBeAsked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "plans")
	s := serveTo(t, &Runs{Plans: file})
	topic := func(partitions, replicas float64, config object) property.Map {
		broker := property.New(object{"machine": text("m1"), "address": text("10.0.0.1:9092"), "connection": way("10.0.0.1")})
		return property.NewMap(object{
			"name": text("t"), "brokers": list(broker, broker, broker), "partitions": property.New(partitions),
			"replicationFactor": property.New(replicas), "config": property.New(config),
		})
	}
	is := topic(3, 3, object{"retention.ms": text("1")})
	steps := func() (lines []string) {
		for _, s := range planned(t, file)["Topic it"].Machines[0].Steps {
			lines = append(lines, s.String())
		}
		return lines
	}
	if _, err := s.Create(p.CreateRequest{Urn: urn("Topic"), Properties: is, DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if got, want := steps(), []string{"create topic t (3 partitions, 3 replicas, retention.ms=1)"}; !slices.Equal(got, want) {
		t.Errorf("create: got %q, want %q", got, want)
	}
	update := func(want property.Map) error {
		_, err := s.Update(p.UpdateRequest{ID: "t", Urn: urn("Topic"), State: is, OldInputs: is, Inputs: want, DryRun: true})
		return err
	}
	if err := update(topic(4, 3, object{"cleanup.policy": text("compact")})); err != nil {
		t.Fatal(err)
	}
	if got, want := steps(), []string{"change topic t (set cleanup.policy=compact)", "change topic t (unset retention.ms)", "change topic t (raise to 4 partitions)"}; !slices.Equal(got, want) {
		t.Errorf("change: got %q, want %q", got, want)
	}
	if err := update(topic(3, 2, object{})); err == nil || !strings.Contains(err.Error(), "replication factor 3, declared is 2") {
		t.Errorf("what is refused: got %v, want the refusal before anything is touched", err)
	}
}

// entriesOf are those of the one run that is kept.
func entriesOf(t *testing.T, d runlog.Dir) (runlog.Run, []runlog.Entry) {
	t.Helper()
	run, entries, err := d.Find(runlog.Last)
	if err != nil {
		t.Fatal(err)
	}
	return run, entries
}

func TestWorkIsLoggedWithItsFailures(t *testing.T) {
	root := t.TempDir()
	given, err := runlog.In(root, "given").Begin(runlog.Begin{Stack: "given", Command: "up"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		runs    *Runs
		dir     runlog.Dir
		command string
	}{
		"to the log of ops":            {&Runs{Log: given.Path(), Root: root}, runlog.In(root, "given"), "up"},
		"to one of its own when typed": {&Runs{Root: root}, runlog.In(root, "test"), runlog.Typed},
	} {
		t.Run(name, func(t *testing.T) {
			s := serveTo(t, c.runs)
			inputs := sound(t, "Host", bareHost(t, unreachable(t)), property.Map{})
			if _, err := s.Create(p.CreateRequest{Urn: urn("Host"), Properties: inputs}); err == nil {
				t.Fatal("a host that is not there was created")
			}
			run, entries := entriesOf(t, c.dir)
			var work []runlog.Work
			var failures []runlog.Failure
			for _, e := range entries {
				if e.Work != nil {
					work = append(work, *e.Work)
				}
				if e.Failure != nil {
					failures = append(failures, *e.Failure)
				}
			}
			if len(work) != 2 || work[0].Ended || !work[1].Ended || work[1].Error == "" {
				t.Errorf("work: got %+v, want a beginning and a failed end", work)
			}
			if len(failures) != 1 || failures[0].Machine != "m1" {
				t.Errorf("failures: got %+v, want that of m1", failures)
			}
			if run.Command != c.command || len(run.Errors) != 1 {
				t.Errorf("got %+v", run)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(root, ".weir", "test")); err != nil {
		t.Error(err)
	}
}

func TestALogThatCannotBeHadStopsNoWork(t *testing.T) {
	s := serveTo(t, &Runs{Log: "/dev/null/log", Plans: "/dev/null/plans"})
	inputs := sound(t, "Host", bareHost(t, looked(remotetest.Start(t, remotetest.Config{Name: "m1"}))), property.Map{})
	_, err := s.Create(p.CreateRequest{Urn: urn("Host"), Properties: inputs, DryRun: true})
	mayBeUnfit(t, err)
}

func TestAWaitIsLoggedOnceForEachReason(t *testing.T) {
	log, err := runlog.Dir(t.TempDir()).Begin(runlog.Begin{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	tell := runlog.Gates(account{log: log, resource: "Kafka kafka"}.write)
	for _, ev := range []rollout.Event{
		{Step: rollout.Switch, Phase: rollout.Finished, Machine: "m1"},
		{Step: rollout.After, Phase: rollout.Started, Machine: "m1"},
		{Step: rollout.After, Phase: rollout.Waiting, Machine: "m1", Err: os.ErrNotExist},
		{Step: rollout.After, Phase: rollout.Waiting, Machine: "m1", Err: os.ErrNotExist},
		{Step: rollout.After, Phase: rollout.Waiting, Machine: "m1", Err: os.ErrExist},
		{Step: rollout.After, Phase: rollout.Finished, Machine: "m1"},
		{Step: rollout.Healthy, Phase: rollout.Waiting, Err: os.ErrExist},
		{Step: rollout.Healthy, Phase: rollout.Failed, Err: os.ErrExist},
	} {
		tell(ev)
	}
	entries, _, err := runlog.Read(log.Path())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries[1:] {
		got = append(got, string(e.Gate.Phase)+" "+e.Gate.Reason)
	}
	want := []string{"waiting file does not exist", "waiting file already exists", "finished ", "waiting file already exists", "failed file already exists"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
