//go:build soak

package e2e

import (
	"fmt"
	"slices"
	"testing"

	"weir/provision/rollout"
	"weir/provision/runlog"
	"weir/testenv"
)

// opened says when a gate has opened a number of times.
func opened(gate rollout.Step, times int) func([]runlog.Entry) bool {
	return func(entries []runlog.Entry) bool {
		count := 0
		for _, e := range entries {
			if e.Gate != nil && e.Gate.Gate == gate && e.Gate.Phase == rollout.Finished {
				count++
			}
		}
		return count >= times
	}
}

func TestSoakARollThatIsInterruptedIsFinishedByTheNextAndLosesNothing(t *testing.T) {
	g := target{cluster(t), stackName, []testenv.Machine{machine("weir-1"), machine("weir-2"), machine("weir-3")}}
	up := []string{"up", "--stack", stackName, "--no-verify"}
	t.Cleanup(func() {
		err := g.write(stackName, stackConfig)
		if err == nil {
			_, err = g.ops(withoutEnd(t), up...)
		}
		if err != nil {
			t.Error(err)
		}
	})
	before := pids(t, "weir-kafka.service")
	l := startLoad(t, "interrupted", brokers)
	if err := g.write(stackName, withKafka("queued.max.requests: 400")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		fault, moment string
		when          func([]runlog.Entry) bool
	}{
		{"the provider is killed", "between the config of the first broker and its restart", done("Kafka kafka", "/etc/weir/kafka/server.properties")},
		{"a machine is rebooted", "once the second may change", opened(rollout.Before, 2)},
	} {
		said, last, struck := g.interrupted(t, faultOf(t, c.fault), c.when, up...)
		if !struck {
			t.Fatalf("the run ended before %s %s:\n%s", c.moment, c.fault, said.all())
		}
		wantPresentable(t, said, nil)
		t.Logf("%s %s, behind %q; it ended with %d and said:\n%s", c.moment, c.fault, last, said.code, said.all())
	}
	g.finished(t)
	l.finish(t)
	for i, pid := range pids(t, "weir-kafka.service") {
		if pid == before[i] {
			t.Errorf("the broker on weir-%d was not restarted: process %s", i+1, pid)
		}
		wantAll(t, inside(t, fmt.Sprintf("weir-%d", i+1), "cat", "/etc/weir/kafka/server.properties"), "queued.max.requests=400\n")
	}
}

// fewMessages are enough to see that none is lost.
const fewMessages = 1000

func TestSoakATakeOverThatIsInterruptedIsFinishedByTheNextUp(t *testing.T) {
	h := newHandMade(t, 32)
	h.keep(t, "kept", fewMessages)
	ids := h.identity(t)
	g := target{newTestProject(t), adoptStack, h.machines}
	up := []string{"up", "--stack", adoptStack, "--no-verify"}
	for _, c := range []struct {
		fault, moment string
		args          []string
		when          func([]runlog.Entry) bool
	}{
		{"all processes are killed", "when ZooKeeper's old process has ended", slices.Concat([]string{"adopt", adoptStack}, h.flags(t), []string{"--yes"}),
			func(entries []runlog.Entry) bool {
				return slices.ContainsFunc(entries, func(e runlog.Entry) bool { return e.Step != nil && e.Step.Kind == "process" })
			}},
		{"a machine is rebooted", "when the broker's data has been handed over", up, done("Kafka kafka", famsHome+"/kafka-logs")},
	} {
		said, last, struck := g.interrupted(t, faultOf(t, c.fault), c.when, c.args...)
		if !struck {
			t.Fatalf("the run ended before %s %s:\n%s", c.moment, c.fault, said.all())
		}
		wantPresentable(t, said, nil)
		t.Logf("%s %s, behind %q; it ended with %d and said:\n%s", c.moment, c.fault, last, said.code, said.all())
	}
	g.finished(t)
	h.wantKept(t, "kept", fewMessages)
	if now := h.identity(t); now != ids {
		t.Errorf("ids were changed:\n%s", difference(ids, now))
	}
	h.wantTakenOver(t)
}
