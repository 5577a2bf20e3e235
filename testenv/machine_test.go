package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
)

// testStack and testSubnet belong to this package's tests alone; other tests
// may run at the same time.
const (
	testStack  = "testenv"
	testSubnet = "10.231.77.0/28"
	// testTimeout bounds one test; the slowest boots three machines.
	testTimeout = 2 * time.Minute
)

// TestMain removes what killed runs left, and what this one leaves.
func TestMain(m *testing.M) {
	os.Exit(func() int {
		ctx, cancel := context.WithTimeout(context.Background(), imageTimeout)
		defer cancel()
		if _, err := SweepOrphans(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "these tests make machines in containers, and cannot:", err)
			return 1
		}
		if _, err := EnsureImage(ctx, func(line string) { fmt.Fprintln(os.Stderr, line) }); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _, _ = Sweep(context.WithoutCancel(ctx), testStack) }()
		return m.Run()
	}())
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

func testSpec(keysDir string, number int) Spec {
	return Spec{
		Stack: testStack, Name: fmt.Sprintf("m%d", number), Subnet: testSubnet,
		Address: fmt.Sprintf("10.231.77.%d", 1+number), KeysDir: keysDir, Disposable: true,
	}
}

// sweep empties the stack before and after a test.
func sweep(t *testing.T) {
	t.Helper()
	clear := func() {
		if _, err := Sweep(context.WithoutCancel(t.Context()), testStack); err != nil {
			t.Error(err)
		}
	}
	clear()
	t.Cleanup(clear)
}

func ensure(t *testing.T, ctx context.Context, s Spec) Machine {
	t.Helper()
	m, err := Ensure(ctx, s, func(line string) { t.Log(line) })
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run runs a command over SSH as user, with the host key verified against
// known_hosts: the way everybody else comes in.
func run(t *testing.T, m Machine, user, command string) string {
	t.Helper()
	c := dial(t, m, user)
	defer c.Close()
	session, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	output, err := session.CombinedOutput(command)
	if err != nil {
		t.Fatalf("%s as %s on %s: %v\n%s", command, user, m.Name, err, output)
	}
	return strings.TrimSpace(string(output))
}

func dial(t *testing.T, m Machine, user string) *ssh.Client {
	t.Helper()
	pem, err := os.ReadFile(m.PrivateKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	known, err := knownhosts.New(m.KnownHosts)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort(m.Address, "22")
	c, err := ssh.Dial("tcp", address, &ssh.ClientConfig{
		User: user, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: known.HostKeyCallback(), HostKeyAlgorithms: known.HostKeyAlgorithms(address),
		Timeout: greetTimeout,
	})
	if err != nil {
		t.Fatalf("dial %s as %s: %v", m.Name, user, err)
	}
	return c
}

func TestAMachineIsASmallServer(t *testing.T) {
	sweep(t)
	ctx := testContext(t)
	m := ensure(t, ctx, testSpec(t.TempDir(), 1))

	for _, check := range []struct{ name, user, command, want string }{
		{"systemd has booted without a failed unit", "root", "systemctl is-system-running", "running"},
		{"root logs in", "root", "id -un", "root"},
		{"ops becomes root without a password", "ops", "sudo -n id -un", "root"},
		{"its host name is the machine's", "ops", "hostname", "m1"},
		{"the locale is UTF-8", "root", ". /etc/default/locale; echo $LANG", "C.UTF-8"},
		{"java runs", "root", "java -version 2>&1 | grep -c 'version \"17'", "1"},
		{"programs may be run from /tmp", "root", "findmnt -no OPTIONS /tmp | grep -c noexec || true", "0"},
		{"sshd knows the method password", "root", "sshd -T | grep ^passwordauthentication", "passwordauthentication yes"},
		{"it has the address it was given", "root", "hostname -I", m.Address},
		{"no apt timer is on", "root", "systemctl list-timers --no-legend 'apt-*' | wc -l", "0"},
		{"packages may start their services", "root", "ls /usr/sbin/policy-rc.d 2>&1 | grep -c 'No such file'", "1"},
		{"a unit gets a cgroup of its own", "root", "systemd-run -qP --slice=probe.slice cat /proc/self/cgroup | grep -c probe.slice >/dev/null; echo $?", "0"},
	} {
		t.Run(check.name, func(t *testing.T) {
			if got := run(t, m, check.user, check.command); got != check.want {
				t.Errorf("%s as %s: got %q, want %q", check.command, check.user, got, check.want)
			}
		})
	}
}

func TestThreeMachinesAtOnceThenAgain(t *testing.T) {
	sweep(t)
	ctx := testContext(t)
	keysDir := t.TempDir()
	start := time.Now()
	first := ensureThree(t, ctx, keysDir)
	t.Logf("three machines in %s", time.Since(start))

	t.Run("they reach each other", func(t *testing.T) {
		run(t, first[0], "root", "ping -c1 -W2 "+first[2].Address)
	})
	t.Run("each has an identity of its own", func(t *testing.T) {
		a, b := run(t, first[0], "root", "cat /etc/machine-id"), run(t, first[1], "root", "cat /etc/machine-id")
		if a == b || first[0].HostKey == first[1].HostKey {
			t.Errorf("machine-ids %q and %q, host keys %q and %q", a, b, first[0].HostKey, first[1].HostKey)
		}
	})
	t.Run("a second ensure of all finds the same machines", func(t *testing.T) {
		if again := ensureThree(t, ctx, keysDir); again != first {
			t.Errorf("got %+v, want %+v", again, first)
		}
	})
	t.Run("a cut is silent, spares the others and heals", func(t *testing.T) { cutAndHeal(t, ctx, first) })
	t.Run("a sweep leaves nothing, and a second one finds nothing", func(t *testing.T) {
		removed, err := Sweep(ctx, testStack)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(removed, " "), "weir-testenv weir-testenv-m1 weir-testenv-m2 weir-testenv-m3"; got != want {
			t.Errorf("removed %q, want %q", got, want)
		}
		if again, err := Sweep(ctx, testStack); len(again) > 0 || err != nil {
			t.Errorf("second sweep: got %q, %v, want nothing", again, err)
		}
		for i := range first {
			if status, err := Inspect(ctx, testStack, first[i].Name); status.Exists || err != nil {
				t.Errorf("after the sweep: got %+v, %v", status, err)
			}
		}
	})
}

func ensureThree(t *testing.T, ctx context.Context, keysDir string) (machines [3]Machine) {
	t.Helper()
	var group sync.WaitGroup
	var errs [3]error
	for i := range machines {
		group.Go(func() { machines[i], errs[i] = Ensure(ctx, testSpec(keysDir, 1+i), nil) })
	}
	group.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	return machines
}

func cutAndHeal(t *testing.T, ctx context.Context, m [3]Machine) {
	reaches := func(from, to Machine) bool {
		_, err := from.Exec(ctx, "ping", "-c1", "-W1", to.Address)
		return err == nil
	}
	if err := m[0].Cut(ctx, m[1].Address); err != nil {
		t.Fatal(err)
	}
	if reaches(m[0], m[1]) || reaches(m[1], m[0]) {
		t.Error("packets cross the cut")
	}
	if !reaches(m[0], m[2]) || !reaches(m[0], m[0]) {
		t.Error("the cut hits others too")
	}
	if err := m[0].Cut(ctx); err != nil {
		t.Fatal(err)
	}
	if reaches(m[0], m[2]) || !reaches(m[0], m[0]) {
		t.Error("cut off from everybody: want no packets to others, all to itself")
	}
	if err := m[0].Heal(ctx); err != nil {
		t.Fatal(err)
	}
	if !reaches(m[0], m[1]) || !reaches(m[1], m[0]) || !reaches(m[0], m[2]) {
		t.Error("not healed")
	}
	if err := m[0].Cut(ctx, "; reboot"); err == nil {
		t.Error("cut takes what is no address")
	}
}

func TestEnsureAdoptsAMachineInEveryState(t *testing.T) {
	sweep(t)
	ctx := testContext(t)
	keysDir := t.TempDir()
	spec := testSpec(keysDir, 1)

	halfMade(t, ctx, spec)
	first := ensure(t, ctx, spec)
	id := run(t, first, "root", "echo kept > /root/data; cat /etc/machine-id")

	for _, state := range []struct {
		name string
		to   func() error
	}{
		{"running", func() error { return nil }},
		{"paused", func() error { return first.Pause(ctx) }},
		{"stopped in order, as by a reboot", func() error { return first.Stop(ctx) }},
		{"killed", func() error { return first.Kill(ctx) }},
		{"stopped, its network removed", func() error { return errors.Join(first.Stop(ctx), removeTestNetwork(ctx)) }},
	} {
		t.Run(state.name, func(t *testing.T) {
			if err := state.to(); err != nil {
				t.Fatal(err)
			}
			if again := ensure(t, ctx, spec); again != first {
				t.Errorf("got %+v, want %+v", again, first)
			}
			if got := run(t, first, "root", "cat /root/data /etc/machine-id"); got != "kept\n"+id {
				t.Errorf("data and machine-id: got %q, want %q", got, "kept\n"+id)
			}
			if got := run(t, first, "root", "systemctl is-system-running"); got != "running" {
				t.Errorf("systemd is %q", got)
			}
		})
	}
	t.Run("running, its keys lost here", func(t *testing.T) {
		if err := os.RemoveAll(keysDir); err != nil {
			t.Fatal(err)
		}
		again := ensure(t, ctx, spec)
		if got := run(t, again, "ops", "sudo cat /root/data"); got != "kept" || again.ContainerID != first.ContainerID {
			t.Errorf("got data %q in container %s, want the first one's", got, again.ContainerID)
		}
	})
	t.Run("removed and made anew, it keeps its host key and nothing else", func(t *testing.T) {
		before := ensure(t, ctx, spec)
		if err := Remove(ctx, testStack, spec.Name); err != nil {
			t.Fatal(err)
		}
		again := ensure(t, ctx, spec)
		if again.HostKey != before.HostKey || again.ContainerID == before.ContainerID {
			t.Errorf("got %+v, want another container with the host key of %+v", again, before)
		}
	})
}

// halfMade leaves what a run leaves that is killed between making and starting
// a container.
func halfMade(t *testing.T, ctx context.Context, s Spec) {
	t.Helper()
	e := testEngine(t, ctx)
	where, err := s.parse()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.settle(ctx, s, where, debian.imageRef()); err != nil {
		t.Fatal(err)
	}
	if status, err := Inspect(ctx, s.Stack, s.Name); !status.Exists || status.Running || status.Address != s.Address || err != nil {
		t.Fatalf("half made: got %+v, %v", status, err)
	}
}

func testEngine(t *testing.T, ctx context.Context) *engine {
	t.Helper()
	e, err := open(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.close)
	return e
}

func removeTestNetwork(ctx context.Context) error {
	e, err := open(ctx)
	if err != nil {
		return err
	}
	defer e.close()
	_, err = e.api.NetworkRemove(ctx, networkName(testStack), client.NetworkRemoveOptions{})
	return err
}

func TestAMachineThatDoesNotBootShowsItsConsole(t *testing.T) {
	sweep(t)
	ctx := testContext(t)
	spec := testSpec(t.TempDir(), 1)
	m := ensure(t, ctx, spec)
	if _, err := m.Exec(ctx, "ln", "-sf", "/bin/false", "/lib/systemd/systemd"); err != nil {
		t.Fatal(err)
	}
	if err := m.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	_, err := Ensure(ctx, spec, nil)
	boot := (*BootError)(nil)
	if !errors.As(err, &boot) {
		t.Fatalf("got %v, want a BootError", err)
	}
	if !strings.Contains(err.Error(), "exit code 1") || !strings.Contains(boot.Console, "Multi-User System") {
		t.Errorf("got %q, want the exit code and the console of the last boot", err)
	}
	if strings.ContainsAny(boot.Console, "\x1b\r") {
		t.Errorf("the console has control sequences: %q", boot.Console)
	}
}

func TestWhatIsNotOursIsRefusedAndLeftAlone(t *testing.T) {
	sweep(t)
	ctx := testContext(t)
	e := testEngine(t, ctx)
	spec := testSpec(filepath.Join(t.TempDir(), "keys"), 1)
	where, err := spec.parse()
	if err != nil {
		t.Fatal(err)
	}
	docker := func(do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(t *testing.T, err error, kind, reason string) {
		t.Helper()
		foreign := (*ForeignError)(nil)
		if !errors.As(err, &foreign) || foreign.Kind != kind || !strings.Contains(foreign.Reason, reason) {
			t.Errorf("got %v, want a ForeignError of a %s that %s", err, kind, reason)
		}
	}
	t.Run("a network of our name", func(t *testing.T) {
		docker(func() error {
			_, err := e.api.NetworkCreate(ctx, networkName(testStack), client.NetworkCreateOptions{})
			return err
		})
		defer docker(func() error { return removeTestNetwork(ctx) })
		_, err := Ensure(ctx, spec, nil)
		refused(t, err, "network", "was not made by weir")
		if removed, err := Sweep(ctx, testStack); len(removed) > 0 || err != nil {
			t.Errorf("sweep: got %q, %v, want nothing", removed, err)
		}
	})
	t.Run("a container of our name", func(t *testing.T) {
		var id string
		docker(func() error {
			c, err := e.api.ContainerCreate(ctx, client.ContainerCreateOptions{Image: debian.imageRef(), Name: containerName(testStack, "m1")})
			id = c.ID
			return err
		})
		defer docker(func() error { return e.removeContainer(ctx, id) })
		_, err := Ensure(ctx, spec, nil)
		refused(t, err, "container", "was not made by weir")
		refused(t, Remove(ctx, testStack, "m1"), "container", "was not made by weir")
		_, err = Inspect(ctx, testStack, "m1")
		refused(t, err, "container", "was not made by weir")
	})
	t.Run("our own at another address or in another subnet", func(t *testing.T) {
		if _, _, err := e.settle(ctx, spec, where, debian.imageRef()); err != nil {
			t.Fatal(err)
		}
		moved := spec
		moved.Address = "10.231.77.9"
		_, err := Ensure(ctx, moved, nil)
		refused(t, err, "container", "has address 10.231.77.2, not 10.231.77.9")
		renamed := spec
		renamed.Name = "m9"
		_, err = Ensure(ctx, renamed, nil)
		refused(t, err, "container", "has address 10.231.77.2")
		other := testSpec(spec.KeysDir, 2)
		other.Subnet, other.Address = "10.231.78.0/28", "10.231.78.3"
		_, err = Ensure(ctx, other, nil)
		refused(t, err, "network", "has subnet [10.231.77.0/28], not 10.231.78.0/28")
	})
	t.Run("another stack's subnet", func(t *testing.T) {
		other := testSpec(t.TempDir(), 2)
		other.Stack = testStack + "-2"
		_, err := Ensure(ctx, other, nil)
		if err == nil || !strings.Contains(err.Error(), "choose another subnet for stack testenv-2") {
			t.Errorf("got %v, want advice to choose another subnet", err)
		}
	})
}

func TestOrphansAreSweptAndTheLivingAreNot(t *testing.T) {
	sweep(t)
	ctx := testContext(t)
	e := testEngine(t, ctx)
	spec := testSpec(t.TempDir(), 1)
	where, err := spec.parse()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.settle(ctx, spec, where, debian.imageRef()); err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	dead := fmt.Sprintf("%s/%s/%d/1", host, bootID(), os.Getpid())
	orphan, err := e.api.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name: "weir-testenv-orphan", Image: debian.imageRef(),
		Config: &container.Config{Labels: map[string]string{labelStack: "testenv-orphan", labelMachine: "orphan", labelOwner: dead}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.removeContainer(context.WithoutCancel(ctx), orphan.ID) })
	removed, err := SweepOrphans(ctx) // other packages' orphans may be among them
	if err != nil || !slices.Contains(removed, "weir-testenv-orphan") || slices.Contains(removed, containerName(testStack, "m1")) {
		t.Errorf("got %q, %v, want the orphan without the machine whose owner lives", removed, err)
	}
	for name, test := range map[string]struct {
		owner string
		want  bool
	}{
		"this process":                           {owner(), false},
		"a process of this id before":            {dead, true},
		"a process before the computer's reboot": {host + "/0/1/1", true},
		"another computer's process":             {"elsewhere/0/1/1", false},
		"what is no owner":                       {"x", false},
	} {
		if got := ended(test.owner); got != test.want {
			t.Errorf("%s (%s): ended = %t, want %t", name, test.owner, got, test.want)
		}
	}
}
