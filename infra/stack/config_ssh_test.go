package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/infra/stack"
)

// withSSHConfig is a stack whose ssh.config names a file with that text, and
// whose machines are given.
func withSSHConfig(t *testing.T, text, machines, ssh string) (stack.Config, error) {
	t.Helper()
	src := source("demo")
	src.Home = t.TempDir()
	file := filepath.Join(src.Home, ".ssh", "config")
	for path, content := range map[string]string{file: text, filepath.Join(src.Home, ".ssh", "id_ed25519"): ""} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src.Cluster = []byte("machines: [" + machines + "]\nssh: {config: ~/.ssh/config" + ssh + "}\n")
	return stack.Parse(src)
}

func TestAnSSHConfigSaysWhatTheStackDoesNot(t *testing.T) {
	const text = "Host db-*\n  HostName %h.example.org\n  Port 2200\n  User fams\n  ProxyJump gate\nHost gate\n  User guest\n"
	for name, test := range map[string]struct {
		machine, ssh string
		address      string
		port         int
		user, jumps  string
	}{
		"everything":                 {"{name: a, address: 10.0.0.1, sshAddress: db-1}", "", "db-1.example.org", 2200, "fams", "guest@gate:22"},
		"but a machine's own values": {"{name: a, address: 10.0.0.1, sshAddress: db-1, port: 22, user: own}", "", "db-1.example.org", 22, "own", "guest@gate:22"},
		"but the stack's own values": {
			"{name: a, address: 10.0.0.1, sshAddress: db-1}", ", user: anna, port: 23, jump: {address: gate, port: 24}",
			"db-1.example.org", 23, "anna", "anna@gate:24",
		},
		"nothing of a machine that it does not name": {"{name: a, address: 10.0.0.1}", "", "10.0.0.1", 22, "root", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := withSSHConfig(t, text, test.machine, test.ssh)
			if err != nil {
				t.Fatal(err)
			}
			h := c.Inventory("/project").Machines[0].Host
			if h.Address != test.address || h.Port != test.port || h.User != test.user || h.JumpOption() != test.jumps {
				t.Errorf("got %s@%s port %d through %q, want %s@%s port %d through %q",
					h.User, h.Address, h.Port, h.JumpOption(), test.user, test.address, test.port, test.jumps)
			}
			for at := &h; at != nil; at = at.Jump {
				if !strings.HasSuffix(at.PrivateKeyFile, "/.ssh/id_ed25519") || !strings.HasSuffix(at.KnownHosts, "/.ssh/known_hosts") {
					t.Errorf("%s: want OpenSSH's usual key and known_hosts, got %q and %q", at.Name, at.PrivateKeyFile, at.KnownHosts)
				}
			}
		})
	}
}

func TestAnSSHConfigThatCannotBeFollowedIsAProblemOfItsMachine(t *testing.T) {
	const machines = "{name: a, address: 10.0.0.1}, {name: b, address: 10.0.0.2}"
	_, err := withSSHConfig(t, "Host 10.0.0.2\n  ProxyCommand nc %h %p\n", machines, "")
	if err == nil || !strings.Contains(err.Error(), "machines[1]: cannot be reached as ssh.config says") || !strings.Contains(err.Error(), "use ProxyJump") {
		t.Errorf("got %v, want a problem of machines[1] that names ProxyCommand", err)
	}
	_, err = withSSHConfig(t, "Match exec true\n", machines, "")
	if err == nil || !strings.Contains(err.Error(), "ssh.config: cannot be followed") {
		t.Errorf("got %v, want a problem of ssh.config", err)
	}
	c, err := withSSHConfig(t, "Host *\n  StrictHostKeyChecking no\n", machines, "")
	if err != nil {
		t.Fatal(err)
	}
	warned := c.Warnings()
	if len(warned) != 2 || !strings.Contains(warned[0].String(), "host keys are always verified") {
		t.Errorf("got warnings %v, want one for each machine", warned)
	}
}
