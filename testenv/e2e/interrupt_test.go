//go:build soak

package e2e

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/provision/rollout"
	"weir/provision/runlog"
	"weir/testenv"
)

// target is a stack that a run changes, and on which machines.
type target struct {
	project
	stack    string
	machines []testenv.Machine
}

// running is an ops that changes a target.
type running struct {
	target
	cmd   *exec.Cmd
	said  bytes.Buffer
	ended chan error
}

// logPoll is short beside a step on a machine, so that few pass unseen.
const logPoll = 2 * time.Millisecond

// begin begins an ops.
func (g target) begin(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{target: g, cmd: g.command(t.Context(), args...), ended: make(chan error, 1)}
	r.cmd.Stdout, r.cmd.Stderr = &r.said, &r.said
	r.cmd.WaitDelay = time.Second // for what outlives an ops that was killed alone
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { r.ended <- r.cmd.Wait() }()
	return r
}

// entries are what the run has logged so far.
func (r *running) entries() []runlog.Entry {
	run, entries, err := runlog.In(r.dir, r.stack).Find(runlog.Last)
	if err != nil || run.PID != r.cmd.Process.Pid {
		return nil // it has not begun to be logged
	}
	return entries
}

// points are the entries between which a run may be interrupted: those of work,
// steps, and gates that opened.
func points(entries []runlog.Entry) []runlog.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e runlog.Entry) bool {
		return e.Work == nil && e.Step == nil && (e.Gate == nil || e.Gate.Phase != rollout.Finished)
	})
}

// describe is an entry as a person finds it again.
func describe(e runlog.Entry) string {
	switch {
	case e.Step != nil:
		return fmt.Sprintf("%s: %s: %s", e.Resource, e.Step.Machine, e.Step.Step)
	case e.Gate != nil:
		return fmt.Sprintf("%s: %s: %s", e.Resource, cmp.Or(e.Gate.Machine, "cluster"), e.Gate.Gate)
	case e.Work != nil && e.Work.Ended:
		return fmt.Sprintf("%s: end of %s", e.Resource, e.Work.Action)
	case e.Work != nil:
		return fmt.Sprintf("%s: begin of %s", e.Resource, e.Work.Action)
	}
	return "the beginning"
}

// fault ends a run, or something that it needs, without a warning.
type fault struct {
	name   string
	strike func(t *testing.T, r *running)
}

// faults are all that there are, the most frequent in life first.
var faults = []fault{
	{"all processes are killed", func(t *testing.T, r *running) { r.kill(t, "") }},
	{"the provider is killed", func(t *testing.T, r *running) { r.kill(t, "pulumi-resource-weir") }},
	{"ops is killed", func(t *testing.T, r *running) { _ = r.cmd.Process.Kill() }},
	{"the connections are cut", func(t *testing.T, r *running) {
		for _, m := range r.machines {
			on(t, m, `for p in $(pgrep -f '^sshd: .*(@|\[priv)'); do kill -KILL "$p" 2>/dev/null || true; done`)
		}
	}},
	{"the engine is killed", func(t *testing.T, r *running) { r.kill(t, "pulumi") }},
	{"a machine is rebooted", func(t *testing.T, r *running) { reboot(t, r.at()) }},
}

func faultOf(t *testing.T, name string) fault {
	t.Helper()
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	if i < 0 {
		t.Fatalf("there is no fault %q", name)
	}
	return faults[i]
}

// at is the machine that the run did something on last, or the first one.
func (r *running) at() testenv.Machine {
	for _, e := range slices.Backward(r.entries()) {
		name := ""
		if e.Step != nil {
			name = e.Step.Machine
		} else if e.Gate != nil {
			name = e.Gate.Machine
		}
		if i := slices.IndexFunc(r.machines, func(m testenv.Machine) bool { return m.Name == name }); i >= 0 {
			return r.machines[i]
		}
	}
	return r.machines[0]
}

// reboot pulls a machine's plug and puts it in again.
func reboot(t *testing.T, m testenv.Machine) {
	t.Helper()
	if err := m.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, m.Name+" lets people log in after its reboot", func() bool {
		_, err := m.Exec(t.Context(), "systemctl", "is-active", "ssh.service")
		return err == nil
	})
}

// kill kills the processes of the run that have a program's name; of all names
// where it is empty.
func (r *running) kill(t *testing.T, program string) {
	t.Helper()
	if err := r.project.kill(program); err != nil {
		t.Fatal(err)
	}
}

// endPatience bounds how long a run may go on after a fault: a connection that
// says nothing is given up after 35 s, and a broker whose machine was rebooted is
// waited for until it has checked its logs.
const endPatience = 3 * time.Minute

// interrupted runs ops until it has come to where when holds, and has a fault
// strike. It returns what the run said, and what it did last before; struck is
// false where it ended before, and then it ended well.
func (g target) interrupted(t *testing.T, f fault, when func([]runlog.Entry) bool, args ...string) (said result, last string, struck bool) {
	t.Helper()
	r := g.begin(t, args...)
	for {
		entries := r.entries()
		if when(entries) {
			if all := points(entries); len(all) > 0 {
				last = describe(all[len(all)-1])
			}
			break
		}
		select {
		case err := <-r.ended:
			if err != nil {
				t.Fatalf("ops %s ended before %s: %v\n%s", strings.Join(args, " "), f.name, err, r.said.String())
			}
			return result{stdout: r.said.String()}, "", false
		case <-time.After(logPoll):
		}
	}
	f.strike(t, r)
	select {
	case <-r.ended:
	case <-time.After(endPatience):
		_ = r.killAll()
		<-r.ended
		t.Fatalf("%v after that %s behind %q, ops was still at work:\n%s", endPatience, f.name, last, r.said.String())
	}
	return result{stdout: r.said.String(), code: r.cmd.ProcessState.ExitCode()}, last, true
}

// finished has the next run do the rest, and expects that nothing is left to do.
func (g target) finished(t *testing.T) {
	t.Helper()
	first := g.mustOps(t, 0, "up", "--stack", g.stack, "--no-verify")
	r := g.mustOps(t, 0, "up", "--stack", g.stack, "--no-verify")
	wantAll(t, r.stdout, "nothing to change")
	if t.Failed() {
		t.Logf("the up before that said:\n%s", first.all())
	}
	for _, m := range g.machines {
		if left := on(t, m, `find / -xdev \( -name '.weir-new.*' -o -name '.new-*' -o -name '*.tree.new' -o -path '/opt/weir/*.old' -o -path '/run/weir/restart/*' \) -not -path '/proc/*'; ls -A /var/lib/weir/aside 2>/dev/null || true`); left != "" {
			t.Errorf("what was interrupted left on %s:\n%s", m.Name, left)
		}
	}
}

// smallStack is a whole cluster on one machine.
const smallStack = `config:
  weir:cluster:
    machines:
      - {name: {{.machine.Name}}, address: {{.machine.Address}}, hostKey: {{.machine.HostKey}}}
    ssh: {privateKeyFile: {{.machine.PrivateKeyFile}}}
    zookeeper: {heap: 128m, jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    kafka: {heap: 256m, config: {queued.max.requests: {{.queued}}}, jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    topics:
      - {name: clicks, partitions: 1, replicationFactor: 1}
    jobs:
      - {name: popularity, kind: popularity, machine: {{.machine.Name}}, topic: clicks}
`

const smallName = "small"

// newSmall is a project for a cluster on one machine that has nothing yet. The
// machine has the same name and address each time.
func newSmall(t *testing.T, number int) target {
	t.Helper()
	name := fmt.Sprintf("bare-%d", number)
	remove := func() error { return testenv.Remove(withoutEnd(t), bareStack, name) }
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	g := target{project: newTestProject(t), stack: smallName, machines: []testenv.Machine{bare(t, number)}}
	t.Cleanup(func() {
		if err := errors.Join(g.killAll(), remove()); err != nil {
			t.Error(err)
		}
	})
	g.declare(t, 500)
	return g
}

// declare writes the config of a cluster on one machine, with a setting that
// brokers are restarted for.
func (g target) declare(t *testing.T, queued int) {
	t.Helper()
	if err := g.write(g.stack, fill(t, smallStack, map[string]any{"machine": g.machines[0], "queued": queued})); err != nil {
		t.Fatal(err)
	}
}

// done says when a step of a run is done on a machine.
func done(resource, target string) func([]runlog.Entry) bool {
	return func(entries []runlog.Entry) bool {
		return slices.ContainsFunc(entries, func(e runlog.Entry) bool {
			return e.Resource == resource && e.Step != nil && e.Step.Target == target
		})
	}
}

// The moments that are the most dangerous; `make soak` strikes behind each step.
func TestAFirstInstallThatIsInterruptedEndsAsOneThatWasNot(t *testing.T) {
	whole := newSmall(t, 31)
	whole.mustOps(t, 0, "up", "--stack", smallName, "--no-verify")
	want := endState(t, whole.machines[0])

	g := newSmall(t, 31)
	for _, c := range []struct {
		fault, moment string
		when          func([]runlog.Entry) bool
	}{
		{"the provider is killed", "while the release is sent", func([]runlog.Entry) bool {
			_, err := g.machines[0].Exec(t.Context(), "sh", "-c", "ls -d /opt/weir/releases/.new-kafka*")
			return err == nil
		}},
		{"a machine is rebooted", "before the broker is started", done("Kafka kafka", "/etc/weir/kafka/server.properties")},
		{"ops is killed", "while the broker comes up", done("Kafka kafka", "weir-kafka.service")},
	} {
		said, last, struck := g.interrupted(t, faultOf(t, c.fault), c.when, "up", "--stack", smallName, "--no-verify")
		if !struck {
			t.Fatalf("%s: the run ended before %s:\n%s", c.moment, c.fault, said.all())
		}
		wantPresentable(t, said, nil)
		t.Logf("%s %s, behind %q; it said:\n%s", c.moment, c.fault, last, said.all())
	}
	g.finished(t)
	g.mustOps(t, 0, "verify", "--stack", smallName)
	wantEndState(t, g.machines[0], want)
	g.unsay(t)
	g.finished(t)
	g.mustOps(t, 0, "status", "--stack", smallName)
}

// unsay takes from the state what a run says last, which one that was killed
// behind its last change has not said.
func (g target) unsay(t *testing.T) {
	t.Helper()
	file := filepath.Join(g.dir, ".weir/state/.pulumi/stacks/weir", g.stack+".json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var state map[string]any
	if err := json.Unmarshal(text, &state); err != nil {
		t.Fatal(err)
	}
	latest := state["checkpoint"].(map[string]any)["latest"].(map[string]any)
	for _, r := range latest["resources"].([]any) {
		if r := r.(map[string]any); r["type"] == "pulumi:pulumi:Stack" {
			delete(r, "outputs")
		}
	}
	if text, err = json.Marshal(state); err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	g.mustOps(t, 1, "status", "--stack", g.stack)
}
