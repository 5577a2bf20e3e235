package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/provision/remote"
	"weir/testenv"
)

// way is one way to reach a machine, as a person writes it into a stack, and
// what has to be there for it on the machines and on this computer.
type way struct {
	name string
	// machine is the machine's line in the stack behind its name and address,
	// sshAddress included; ssh is the section of that name.
	machine, ssh string
	secrets      map[string]string
	// arrange closes every other way and opens this one.
	arrange func(t *testing.T, net reachable)
	// up changes something that way; elsewhere preflight, which becomes root by
	// the same connection, is shown alone, as it takes a third of the time.
	up bool
}

// reachable are the machines of these tests: gate and second may pass
// connections on to inner, which is the one that is set up.
type reachable struct {
	gate, second, inner testenv.Machine
	// key opens all of them; encrypted is the same with passphrase.
	key, encrypted string
	values         map[string]any
}

const (
	passphrase = "open sesame, $(really) 'now'"
	// otherPort is where a second sshd listens.
	otherPort = "2222"
	// limitsFile is one of the files that weir puts on every machine: where it is
	// back after it was removed, root was there.
	limitsFile = "/etc/security/limits.d/60-weir.conf"
)

const reachedConfig = `config:
  weir:cluster:
    machines: [{name: inner, address: {{.inner.Address}}, MACHINE}]
    ssh: {SSH}
`

var ways = []way{
	{
		name:    "a jump host, the only one whom the machine lets in",
		machine: "hostKey: {{.inner.HostKey}}",
		ssh:     "privateKeyFile: {{.key}}, jump: {address: {{.gate.Address}}, hostKey: {{.gate.HostKey}}}",
		arrange: func(t *testing.T, n reachable) { letsIn(t, n.inner, "22", n.gate.Address) },
	},
	{
		up:      true,
		name:    "a chain of two jump hosts, with a user and a port of their own",
		machine: "hostKey: {{.inner.HostKey}}",
		ssh: "privateKeyFile: {{.key}}, jump: {address: {{.second.Address}}, hostKey: {{.second.HostKey}}, user: ops, port: " + otherPort + ", " +
			"jump: {address: {{.gate.Address}}, hostKey: {{.gate.HostKey}}}}",
		arrange: func(t *testing.T, n reachable) {
			listens(t, n.second, otherPort)
			letsIn(t, n.second, otherPort, n.gate.Address)
			letsIn(t, n.inner, "22", n.second.Address)
		},
	},
	{
		name:    "an agent that holds the key, which is in no file",
		machine: "hostKey: {{.inner.HostKey}}",
		ssh:     "agent: true",
		arrange: func(t *testing.T, n reachable) { startAgent(t, n.key) },
	},
	{
		name:    "an encrypted key that the agent holds, through a jump host",
		machine: "hostKey: {{.inner.HostKey}}",
		ssh:     "agent: true, privateKeyFile: {{.encrypted}}, jump: {address: {{.gate.Address}}, hostKey: {{.gate.HostKey}}}",
		arrange: func(t *testing.T, n reachable) {
			startAgent(t, n.key)
			letsIn(t, n.inner, "22", n.gate.Address)
		},
	},
	{
		name:    "an encrypted key, with its passphrase among the stack's secrets",
		machine: "hostKey: {{.inner.HostKey}}",
		ssh:     "privateKeyFile: {{.encrypted}}",
		secrets: map[string]string{"sshPassphrase": passphrase},
	},
	{
		name:    "an IPv6 address, from a known_hosts file",
		machine: `sshAddress: "{{.six}}"`,
		ssh:     "privateKeyFile: {{.key}}, knownHosts: {{.known}}",
		arrange: func(t *testing.T, n reachable) { letsIn(t, n.inner, "22", "127.0.0.1") },
	},
	{
		name:    "another port, and a user of the machine's own whose sudo asks for nothing",
		machine: "hostKey: {{.inner.HostKey}}, port: " + otherPort + ", user: ops",
		ssh:     "privateKeyFile: {{.key}}, user: nobody-there",
		arrange: func(t *testing.T, n reachable) {
			listens(t, n.inner, otherPort)
			letsIn(t, n.inner, "22", "127.0.0.1")
		},
	},
	{
		up:      true,
		name:    "a password, which sudo takes too",
		machine: "hostKey: {{.inner.HostKey}}, user: anna",
		ssh:     "",
		secrets: map[string]string{"sshPassword": usersPassword, "sudoPassword": usersPassword},
		arrange: func(t *testing.T, n reachable) { newUsers(t, n.inner) },
	},
	{
		name:    "the OpenSSH client's own configuration: names, users, ports, keys, known hosts and a chain of jump hosts",
		machine: "sshAddress: the-inner-one",
		ssh:     "config: ~/.ssh/config",
		arrange: func(t *testing.T, n reachable) {
			listens(t, n.inner, otherPort)
			letsIn(t, n.inner, otherPort, n.second.Address)
			letsIn(t, n.second, "22", n.gate.Address)
			newHome(t, n)
		},
	},
}

// forgetHost takes off a machine what weir puts on each.
const forgetHost = "rm -rf /var/lib/weir /etc/weir " + limitsFile + " /etc/sysctl.d/60-weir-host.conf /etc/systemd/system/weir-*; systemctl daemon-reload"

// Where up is shown, it begins with the machine being changed by hand, and ends
// with that undone: that it had nothing to do would prove little.
func TestAMachineIsReachedInEveryWay(t *testing.T) {
	machines := bares(t, 1, 2, 3)
	n := reachable{gate: machines[0], second: machines[1], inner: machines[2], key: machines[2].PrivateKeyFile}
	n.encrypted = encryptedKey(t, n.key)
	n.values = map[string]any{"gate": n.gate, "second": n.second, "inner": n.inner, "key": n.key, "encrypted": n.encrypted}
	six := ipv6(t, n.inner)
	n.values["six"], n.values["known"] = six, newFile(t, "known_hosts", six+" "+n.inner.HostKey+"\n")
	p := newTestProject(t)
	p.pulumi(t, "", "stack", "init", "--no-select", "reached")
	undo(t, n.inner, forgetHost)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			w.write(t, p, n.values)
			if w.arrange != nil {
				w.arrange(t, n)
			}
			if !w.up {
				wantPresentable(t, p.preflight(t, 0, "--stack", "reached").result, w.secrets)
				return
			}
			on(t, n.inner, "rm -f "+limitsFile)
			r := p.mustOps(t, 0, "up", "--stack", "reached", "--no-verify")
			wantPresentable(t, r, w.secrets)
			on(t, n.inner, "test -s "+limitsFile)
		})
	}
}

func (w way) write(t *testing.T, p project, values map[string]any) {
	t.Helper()
	config := strings.NewReplacer("MACHINE", w.machine, "SSH", w.ssh).Replace(reachedConfig)
	if err := p.write("reached", fill(t, config, values)); err != nil {
		t.Fatal(err)
	}
	p.secrets(t, "reached", w.secrets)
}

// ipv6 is an IPv6 address of a machine. A computer whose kernel or engine has
// none fails here: the tests of it are not passed over.
func ipv6(t *testing.T, m testenv.Machine) string {
	t.Helper()
	address, err := m.IPv6(t.Context())
	if err != nil {
		t.Fatalf("no IPv6 address for %s: %v; on this computer nothing of IPv6 is shown (see /proc/sys/net/ipv6/conf/all/disable_ipv6, and the engine's ip6tables)", m.Name, err)
	}
	eventually(t, "sshd answers on IPv6", func() bool {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "22"), commandPatience)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return address
}

// letsIn has a machine's firewall refuse everybody but one address at a port
// until the test ends, and shows that it refuses this computer.
func letsIn(t *testing.T, m testenv.Machine, port, from string) {
	t.Helper()
	rule := "INPUT -p tcp --dport " + port + " ! -s " + from + " -j REJECT --reject-with tcp-reset"
	undo(t, m, "iptables -w -D "+rule)
	on(t, m, "iptables -w -I "+rule)
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(m.Address, port), settling)
	if err == nil {
		_ = conn.Close()
		t.Fatalf("port %s of %s is open to this computer in spite of the firewall", port, m.Name)
	}
}

// listens has another sshd listen at a port until the test ends.
func listens(t *testing.T, m testenv.Machine, port string) {
	t.Helper()
	undo(t, m, "systemctl stop other-sshd")
	on(t, m, "systemd-run --quiet --unit other-sshd /usr/sbin/sshd -D -p "+port+"\n"+
		"for i in $(seq 100); do ss -Hltn | grep -q ':"+port+" ' && exit; sleep 0.05; done; exit 1")
}

// encryptedKey is a copy of a key that its passphrase opens.
func encryptedKey(t *testing.T, key string) string {
	t.Helper()
	text, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	path := newFile(t, "encrypted", string(text))
	command(t, "ssh-keygen", "-q", "-p", "-f", path, "-P", "", "-N", passphrase)
	return path
}

// startAgent starts OpenSSH's own agent with a key, as a person's session has it.
func startAgent(t *testing.T, key string) {
	t.Helper()
	// Below /tmp itself: the path of a socket has 108 bytes at most.
	dir, err := os.MkdirTemp("", "weir-agent-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "agent")
	agent := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatalf("%v: install openssh-client, as `make setup` does", err)
	}
	t.Cleanup(func() { _ = agent.Process.Kill(); _ = agent.Wait() })
	eventually(t, "the agent listens", func() bool { _, err := os.Stat(socket); return err == nil })
	t.Setenv("SSH_AUTH_SOCK", socket)
	command(t, "ssh-add", "-q", key)
}

// newHome is a home directory whose ~/.ssh has what a person keeps there.
func newHome(t *testing.T, n reachable) {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(n.key)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"id_of_the_inner": string(key),
		"id_ed25519":      string(key),
		"known_hosts": "{{.gate.Address}} {{.gate.HostKey}}\nsecond-by-alias {{.second.HostKey}}\n" +
			"[{{.inner.Address}}]:" + otherPort + " {{.inner.HostKey}}\n",
		"config": `Host the-inner-*
    HostName {{.inner.Address}}
    Port ` + otherPort + `
    User ops
    IdentityFile ~/.ssh/id_of_the_inner
    ProxyJump gate,second
Host gate
    HostName {{.gate.Address}}
Host second
    HostName {{.second.Address}}
    HostKeyAlias second-by-alias
    User ops
Host *
    User root
`,
	} {
		if err := os.WriteFile(filepath.Join(home, ".ssh", name), []byte(fill(t, text, n.values)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HOME", home)
}

// commandPatience bounds programs of OpenSSH that do their work at once: one
// that asks a person something would wait for ever.
const commandPatience = 30 * time.Second

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandPatience)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, remote.QuoteAll(args...), err, out)
	}
}
