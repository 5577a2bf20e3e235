package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"weir/testenv"
)

// checked is what `ops preflight -o json` promises to programs.
type checked struct {
	result
	Fit    bool `json:"fit"`
	Checks []struct {
		Name     string    `json:"name"`
		Outcome  string    `json:"outcome"`
		Findings []finding `json:"findings"`
	} `json:"checks"`
}

type finding struct {
	Machine, Severity, Found, Expected, Evidence, Next string
}

// preflight checks machines and expects an exit code.
func (p project) preflight(t *testing.T, code int, args ...string) checked {
	t.Helper()
	c := checked{result: p.mustOps(t, code, append([]string{"preflight", "-o", "json"}, args...)...)}
	if err := json.Unmarshal([]byte(c.stdout), &c); err != nil {
		t.Fatalf("preflight -o json: %v\n%s", err, c.all())
	}
	if c.Fit != (code == 0) {
		t.Errorf("exit code %d and fit %v", code, c.Fit)
	}
	return c
}

// refusal is what a check refuses a machine for; empty where it does not.
func (c checked) refusal(check, machine string) finding { return c.finding(check, machine, "refuse") }

func (c checked) finding(check, machine, severity string) finding {
	for _, result := range c.Checks {
		for _, f := range result.Findings {
			if result.Name == check && f.Machine == machine && f.Severity == severity && f.Expected != "" && f.Next != "" {
				return f
			}
		}
	}
	return finding{}
}

// refused are the checks that refuse a machine.
func (c checked) refused() (names []string) {
	for _, result := range c.Checks {
		if result.Outcome == "refused" {
			names = append(names, result.Name)
		}
	}
	return names
}

// wrongClock has a machine tell another time, as containers cannot have one:
// whoever asks for it asks the program date.
func wrongClock(shift string) func(*testing.T, testenv.Machine) {
	return func(t *testing.T, m testenv.Machine) {
		t.Helper()
		undo(t, m, "mv /usr/bin/date.right /usr/bin/date")
		on(t, m, "mv /usr/bin/date /usr/bin/date.right\n"+
			"printf '#!/bin/sh\\nexec /usr/bin/date.right -d \""+shift+"\" \"$@\"\\n' >/usr/bin/date; chmod 0755 /usr/bin/date")
	}
}

func mounted(options, dir string) func(*testing.T, testenv.Machine) {
	return func(t *testing.T, m testenv.Machine) {
		t.Helper()
		undo(t, m, "umount "+dir+"; rmdir "+dir+" 2>/dev/null || true")
		on(t, m, "mkdir -p "+dir+"; mount -t tmpfs -o "+options+" none "+dir)
	}
}

// What up refuses is in TestMachinesThatAreNotFitAreRefusedAndNoneIsChanged; the
// rest is found by preflight alone.
func TestPreflightNamesTheMachineAndTheCheck(t *testing.T) {
	machines := bares(t, 1, 2)
	first, second := machines[0], machines[1]
	p := newTestProject(t)
	for _, c := range []struct {
		name, rest, second string
		arrange            func(*testing.T, testenv.Machine)
		check, severity    string
		says               string
	}{
		{name: "machines that are in order"},
		{name: "a clock that is two hours ahead", arrange: wrongClock("2 hours"), check: "clock", severity: "refuse", says: "ahead"},
		{name: "a clock that is some seconds behind", arrange: wrongClock("10 seconds ago"), check: "clock", severity: "advise", says: "behind"},
		{name: "a wrong clock that its owner knows of", arrange: wrongClock("2 hours"), rest: "\n    os: {skipChecks: [clock]}"},
		{
			name: "data on a disk in memory", arrange: mounted("size=2g", "/srv/fast"), check: "storage", severity: "refuse", says: "empty after a boot",
			rest: "\n    kafka: {dataDir: /srv/fast/kafka}\n    zookeeper: {}",
		},
		{
			name: "data on a disk that is read-only", arrange: mounted("size=2g,ro", "/srv/fixed"), check: "storage", severity: "refuse", says: "read-only",
			rest: "\n    kafka: {dataDir: /srv/fixed/kafka}\n    zookeeper: {}",
		},
		{name: "programs on a disk that forbids them", arrange: mounted("size=1g,noexec", "/opt/weir"), check: "storage", severity: "refuse", says: "noexec"},
		{name: "heaps that are larger than the memory", rest: "\n    kafka: {heap: 4000g}\n    zookeeper: {}", check: "memory", severity: "refuse", says: "heaps take"},
		{
			name: "an address that is not the machine's", check: "names", severity: "refuse", says: "none of its addresses",
			second: fmt.Sprintf("{name: bare-2, address: %s, sshAddress: %s, hostKey: %s}", bareAddress(t, 200), second.Address, second.HostKey),
		},
		{
			name: "one machine by two names", check: "names", severity: "refuse", says: "it is the machine that is called bare-1 too",
			second: fmt.Sprintf("{name: bare-2, address: %q, hostKey: {{.first.HostKey}}}", ipv6(t, first)),
		},
		{
			name: "a tool that is missing", check: "tools", severity: "refuse", says: "it has no flock",
			arrange: func(t *testing.T, m testenv.Machine) {
				undo(t, m, "mv /usr/bin/flock.away /usr/bin/flock")
				on(t, m, "mv /usr/bin/flock /usr/bin/flock.away")
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			refusal{second: c.second, rest: c.rest}.write(t, p, map[string]any{"first": first, "second": second})
			if c.arrange != nil {
				c.arrange(t, second)
			}
			code := map[bool]int{true: 10, false: 0}[c.severity == "refuse"]
			got := p.preflight(t, code, "--stack", "refused")
			if c.check != "" {
				if f := got.finding(c.check, second.Name, c.severity); !strings.Contains(f.Found, c.says) {
					t.Errorf("want check %s to %s %s, as %q; got\n%s", c.check, c.severity, second.Name, c.says, got.stdout)
				}
			}
			for _, other := range got.refused() {
				// Where an address is nobody's, the other machine gets no answer from it.
				if other != c.check && !(c.check == "names" && other == "reach") {
					t.Errorf("check %s refuses too:\n%s", other, got.stdout)
				}
			}
		})
	}
}

func TestPreflightChangesNothing(t *testing.T) {
	machines := bares(t, 1, 2)
	first, second := machines[0], machines[1]
	p := newTestProject(t)
	refusal{}.write(t, p, map[string]any{"first": first, "second": second})
	withoutJava(t, first, second) // so that it looks for packages, too
	before := []string{fingerprint(t, first), fingerprint(t, second)}
	r := p.mustOps(t, 10, "preflight", "--stack", "refused")
	wantAll(t, r.stdout, "REFUSED  java ", "bare-2: openjdk-17-jre-headless cannot be installed", "are NOT fit: 1 refusal,")
	wantUnchanged(t, first, before[0])
	wantUnchanged(t, second, before[1])
}

func TestPreflightNeedsNeitherAProjectNorMachinesThatAreThere(t *testing.T) {
	m := bare(t, 1)
	p := newTestProject(t)
	elsewhere := newFile(t, "Pulumi.elsewhere.yaml", fmt.Sprintf(
		"config:\n  weir:cluster:\n    machines: [{name: bare-1, address: %s}]\n    ssh: {privateKeyFile: %s, knownHosts: %s}\n", m.Address, m.PrivateKeyFile, m.KnownHosts))
	p.preflight(t, 0, "--stack-file", elsewhere)

	// Containers that up would make.
	if err := p.write("unmade", strings.ReplaceAll(stackConfig, "172.30.78.", "172.30.250.")); err != nil {
		t.Fatal(err)
	}
	r := p.mustOps(t, 0, "preflight", "--stack", "unmade")
	wantAll(t, r.stdout, "weir-1, weir-2, weir-3: a container that is not there, or stopped: up makes and starts it", "no machine answered", "are fit")
}

func TestPreflightBecomesRootWithASecretPassword(t *testing.T) {
	machines := bares(t, 1, 2)
	newUsers(t, machines[1])
	p := newTestProject(t)
	p.pulumi(t, "", "stack", "init", "--no-select", "refused")
	refusal{
		second:  "{name: bare-2, address: {{.second.Address}}, hostKey: {{.second.HostKey}}, user: anna}",
		secrets: map[string]string{"sudoPassword": usersPassword},
	}.write(t, p, map[string]any{"first": machines[0], "second": machines[1]})
	r := p.preflight(t, 0, "--stack", "refused")
	wantNone(t, r.all(), usersPassword)
}
