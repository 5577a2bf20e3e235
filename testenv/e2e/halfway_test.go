package e2e

import (
	"context"
	"strings"
	"testing"

	provision "weir/provision/machine"
	"weir/provision/remote"
	"weir/testenv"
)

// endStateScript lists what a run leaves on a machine, without what differs
// between two runs that end the same: times, numbers of users, and what services
// keep in their data. Of /run, which a reboot empties, it lists pending restarts.
const endStateScript = `
find /etc /home /opt /root /srv /usr/local /var/lib /var/log/weir /run/weir/restart \( \
    -path /var/lib/apt -o -path /var/lib/sudo -o -path /var/lib/systemd -o -path /var/lib/dpkg -o -path '/var/lib/weir/*/*' -not -path '/var/lib/weir/manifest/*' -o -path '/var/log/weir/*/*' -o -path '/home/fams/kafka-logs/*' -o -path '/home/fams/zk_data/*' \
  \) -prune -o -not -path /run/weir/restart -printf '%p %y %m %u:%g %l\n' 2>/dev/null | sort
find /home/fams/kafka-logs /home/fams/zk_data -mindepth 1 -printf 'all below %H %u:%g\n' 2>/dev/null | sort -u
find /etc/weir /etc/sysctl.d /etc/systemd/system /var/lib/weir/manifest -type f 2>/dev/null | sort | xargs -r sha256sum
find /opt/weir/releases -name '*.tree' 2>/dev/null | sort | while read -r list; do
  find "${list%.tree}" -mindepth 1 -printf '%P\t%y\t%m\t%U\t%G\t%s\t%T@\n' | sort | cmp - "$list" && echo "$list is true"
done
getent passwd | cut -d: -f1,6,7 | sort
dpkg-query --show
systemctl list-unit-files --no-legend --no-pager --state=enabled
systemctl list-units --no-legend --no-pager --plain --all --type=service 'weir-*' | sort
systemctl show --property=NeedDaemonReload 'weir-*' | sort` // which knows no order: after a reboot it is another

// endState is what a run has left on a machine, a line a thing.
func endState(t *testing.T, m testenv.Machine) string {
	t.Helper()
	return on(t, m, endStateScript)
}

// wantEndState compares a machine with what an uninterrupted run left there.
func wantEndState(t *testing.T, m testenv.Machine, want string) {
	t.Helper()
	if got := endState(t, m); got != want {
		t.Errorf("machine %s is not as after a run that nothing interrupted:\n%s", m.Name, difference(want, got))
	}
}

// passage is a plan that is interrupted: from one state of a machine to another.
type passage struct {
	name string
	p    plain
	// was is nil where the machine has nothing of the component yet.
	was *provision.State
	now provision.State
	end string // what the machine is once nothing interrupted it
}

// begin puts the machine where the passage begins, and returns the plan.
func (g *passage) begin(t *testing.T) provision.Plan {
	t.Helper()
	if g.was != nil {
		g.p.converge(t, *g.was)
	} else {
		removal, err := provision.Removal(g.p.at.Name, g.now, g.p.observe(t, g.now), true)
		if err == nil {
			err = g.p.apply(t.Context(), removal)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return g.p.diff(t, g.now)
}

// finish has the next run do the rest.
func (g *passage) finish(t *testing.T) {
	t.Helper()
	g.p.converge(t, g.now)
	wantEndState(t, g.p.at, g.end)
}

// passages are an installation, and a change of all kinds of things there are.
func passages(t *testing.T) []passage {
	t.Helper()
	p := connect(t)
	first, second := sleeper("halfway"), sleeper("halfway")
	first.Releases = []provision.Release{p.pack(t, "#!/bin/sh\necho first\n")}
	first.Releases[0].Root = "/opt/weir/halfway"
	second.Releases = []provision.Release{p.pack(t, "#!/bin/sh\necho second\n")}
	second.Releases[0].Root = "/opt/weir/halfway"
	first.Services[0].Watches = append(first.Services[0].Watches, first.Releases[0].Link())
	second.Services = append([]provision.Service(nil), first.Services...)
	second.Files[0].Content, second.Files[0].Mode = "2\n", 0o600
	second.Files[1] = rootFile("/etc/weir/halfway/another", "new\n") // and "ignored" is no longer declared
	second.Directories = append(second.Directories, provision.Directory{Path: "/etc/weir/halfway-too", Owner: "weir-halfway", Group: "root", Mode: 0o750})
	all := []passage{{name: "an installation", p: p, now: first}, {name: "a change", p: p, was: &first, now: second}}
	p.owned(t, second) // which takes it off when the test ends
	for i := range all {
		all[i].begin(t)
		p.converge(t, all[i].now)
		all[i].end = endState(t, p.at)
	}
	return all
}

// Every number of steps may be all that a run came to: the next one ends where
// an uninterrupted one would have, and leaves nothing that it would not have left.
func TestAPlanThatIsCutOffBehindAnyStepIsFinishedByTheNext(t *testing.T) {
	for _, g := range passages(t) {
		t.Run(g.name, func(t *testing.T) {
			steps := len(g.begin(t).Steps)
			if steps < 8 {
				t.Fatalf("the plan has only %d steps: that proves little", steps)
			}
			for done := range steps {
				if !thorough && done%4 != 1 {
					continue
				}
				cut := g.begin(t)
				cut.Steps = cut.Steps[:done]
				if err := g.p.apply(t.Context(), cut); err != nil {
					t.Fatalf("the first %d steps: %v", done, err)
				}
				g.finish(t)
				if t.Failed() {
					t.Fatalf("cut off behind %d of %d steps, the last done: %s", done, steps, lastOf(cut))
				}
			}
		})
	}
}

func lastOf(p provision.Plan) string {
	if len(p.Steps) == 0 {
		return "none"
	}
	return p.Steps[len(p.Steps)-1].String()
}

// dying has a script that changes a machine die before one of its lines, the
// first time that it gets there, as by a power cut: nothing of it ends in order.
type dying struct {
	remote.Runner
	before int
}

func (d dying) Run(ctx context.Context, s remote.Script) (remote.Result, error) {
	if s.Step == "apply" {
		lines := strings.Split(s.Text, "\n")
		s.Text = strings.Join(append(append(append([]string(nil), lines[:d.before]...), "kill -KILL $$"), lines[d.before:]...), "\n")
	}
	return d.Runner.Run(ctx, s)
}

// deaths are the lines, with their text, before which a script may die: those of
// its functions that change something. A line that goes on with the one before
// it is none.
func deaths(script string) map[int]string {
	found := map[int]string{}
	lines := strings.Split(script, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "  ") && !strings.HasSuffix(lines[i-1], `\`) && !strings.HasPrefix(line, "  fi") {
			found[i] = strings.TrimSpace(line)
		}
	}
	return found
}

// scriptOf is what a machine would be sent for the plan's phase.
func (p plain) scriptOf(t *testing.T, plan provision.Plan, phase provision.Phase) string {
	t.Helper()
	scripts, err := provision.Scripts(t.Context(), plan, "nobody", p.packs)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scripts {
		if s.Step == phase.String() {
			return s.Text
		}
	}
	t.Fatalf("the plan has nothing to do in the phase %s", phase)
	return ""
}

// A script may die within a step too: between a file's content and its name,
// between a tree's name and the list of what is in it.
func TestAScriptThatDiesWithinAStepIsFinishedByTheNext(t *testing.T) {
	died, all := 0, passages(t)
	if !thorough {
		all = all[1:] // a change has all that an installation has
	}
	for _, g := range all {
		for _, phase := range []provision.Phase{provision.Stage, provision.Switch} {
			script := g.p.scriptOf(t, g.begin(t), phase)
			lines := deaths(script)
			for line := range strings.Count(script, "\n") {
				if text, may := lines[line]; may && (thorough || dangerous(text)) {
					died += g.die(t, phase, line, text)
				}
			}
		}
	}
	if died < 4 {
		t.Errorf("only %d scripts died: that proves little", died)
	}
	t.Logf("%d scripts died within a step", died)
}

// dangerous lines are those between which a thing is there and has no name yet,
// or has it and is not complete.
func dangerous(line string) bool {
	return strings.HasPrefix(line, "sync ") || strings.HasPrefix(line, "mv ") || strings.HasPrefix(line, "tree ")
}

// die returns how many scripts died, one or, where none came to the line, none.
func (g *passage) die(t *testing.T, phase provision.Phase, line int, text string) (died int) {
	t.Helper()
	plan := g.begin(t)
	// Both phases begin with the same lines, and only one is to die.
	runners := map[provision.Phase]remote.Runner{provision.Stage: g.p.Client, provision.Switch: g.p.Client}
	runners[phase] = dying{g.p.Client, line}
	err := provision.Apply(t.Context(), runners[provision.Stage], plan, provision.Stage, g.p.packs, nil)
	if err == nil {
		err = provision.Apply(t.Context(), runners[provision.Switch], plan, provision.Switch, g.p.packs, nil)
	}
	if err == nil {
		return 0
	}
	g.finish(t)
	if t.Failed() {
		t.Fatalf("%s: died in the phase %s before line %d, %q: %v", g.name, phase, line, text, err)
	}
	return 1
}
