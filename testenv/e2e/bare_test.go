package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"weir/provision/remote"
	"weir/testenv"
)

// firstBare is the first bare machine's place in their network.
const firstBare = 11

// bare returns a machine that belongs to no cluster, as a person who rents
// machines gets them. It is made where it is not there yet; a test leaves it
// without traces.
func bare(t *testing.T, number int) testenv.Machine {
	t.Helper()
	m, err := testenv.Ensure(t.Context(), testenv.Spec{
		Stack: bareStack, Distribution: bareSystem, Name: fmt.Sprintf("bare-%d", number), Subnet: bareSubnet,
		Address: bareAddress(t, firstBare+number-1), KeysDir: filepath.Join(shared.dir, "bare-keys"), Disposable: true,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// bares returns several bare machines, made at once.
func bares(t *testing.T, numbers ...int) []testenv.Machine {
	t.Helper()
	machines := make([]testenv.Machine, len(numbers))
	var wg sync.WaitGroup
	for i, number := range numbers {
		wg.Go(func() { machines[i] = bare(t, number) })
	}
	wg.Wait()
	if t.Failed() {
		t.FailNow() // a Fatal elsewhere ends only its own goroutine
	}
	return machines
}

// bareAddress is an address of the bare machines' network.
func bareAddress(t *testing.T, place int) string {
	t.Helper()
	subnet, err := netip.ParsePrefix(bareSubnet)
	if err != nil {
		t.Fatal(err)
	}
	address := subnet.Masked().Addr().As4()
	address[3] += byte(place)
	return netip.AddrFrom4(address).String()
}

// reached is how a bare machine is reached over SSH.
func reached(m testenv.Machine) remote.Host {
	return remote.Host{Name: m.Name, Address: m.Address, PrivateKeyFile: m.PrivateKeyFile, HostKey: m.HostKey}
}

// on runs a command in a bare machine, past SSH.
func on(t *testing.T, m testenv.Machine, script string) string {
	t.Helper()
	out, err := m.Exec(t.Context(), "sh", "-ec", script)
	if err != nil {
		t.Fatalf("on %s: %v", m.Name, err)
	}
	return out
}

// undo runs a command in a bare machine when the test has ended.
func undo(t *testing.T, m testenv.Machine, script string) {
	t.Helper()
	t.Cleanup(func() {
		if out, err := m.Exec(withoutEnd(t), "sh", "-ec", script); err != nil {
			t.Errorf("machine %s is not as it was: %v\n%s", m.Name, err, out)
		}
	})
}

// withoutEnd is a test's context for cleaning up: its own has ended by then.
func withoutEnd(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }

// fingerprintScript lists what weir could change: files with their kinds,
// modes, owners, sizes and times, users, packages, enabled and running units.
// Left out is what changes by itself while somebody logs in, or looks for
// packages: the package manager's cache and what sudo and systemd note.
const fingerprintScript = `
find /etc /home /opt /root /srv /usr/bin /usr/local /var/lib \( \
    -path /var/lib/apt -o -path /var/lib/sudo -o -path /var/lib/systemd -o -path /var/lib/dpkg/lock -o -path /var/lib/dpkg/lock-frontend \
  \) -prune -o -not -path /var/lib -printf '%p %y %m %u:%g %s %T@ %l\n' | sort
getent passwd
getent group
dpkg-query --show
systemctl list-unit-files --no-legend --no-pager --state=enabled
systemctl list-units --no-legend --no-pager --plain --type=service --state=running 'weir-*'`

// fingerprint is the present state of a machine, a line a thing.
func fingerprint(t *testing.T, m testenv.Machine) string {
	t.Helper()
	return on(t, m, fingerprintScript)
}

// wantUnchanged compares a machine with its fingerprint of before.
func wantUnchanged(t *testing.T, m testenv.Machine, before string) {
	t.Helper()
	after := fingerprint(t, m)
	if after == before {
		return
	}
	t.Errorf("machine %s was changed:\n%s", m.Name, difference(before, after))
}

// difference shows lines that only one of two texts has.
func difference(before, after string) string {
	var b strings.Builder
	show := func(sign, text, other string) {
		has := map[string]bool{}
		for line := range strings.Lines(other) {
			has[line] = true
		}
		for line := range strings.Lines(text) {
			if !has[line] {
				b.WriteString(sign + line)
			}
		}
	}
	show("- ", before, after)
	show("+ ", after, before)
	return b.String()
}

// secrets sets secrets of a stack the way a person does: with a typed pulumi
// that works on the project's state.
func (p project) secrets(t *testing.T, stack string, secrets map[string]string) {
	t.Helper()
	for key, value := range secrets {
		p.pulumi(t, value, "config", "set", "--secret", "--stack", stack, "weir:"+key)
	}
}

// pulumi runs a typed pulumi, with what `ops env` tells a person to set.
func (p project) pulumi(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-ec", `eval "$(bin/ops env)"; pulumi "$@"`, "sh"}, args...)...)
	cmd.Dir, cmd.Stdin = p.dir, strings.NewReader(input)
	// What a typed pulumi notes for itself is kept out of the user's home.
	cmd.Env = append(p.environ(), "PULUMI_HOME="+filepath.Join(p.dir, ".weir", "pulumi"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("pulumi %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
