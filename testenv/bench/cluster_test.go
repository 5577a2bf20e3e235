package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	program "weir/infra/stack"
	"weir/provision/kafka"
	"weir/provision/machine"
	"weir/testenv"
	"weir/testenv/golden"
)

// paper is a cluster of machines that are not there.
func paper() cluster {
	c := cluster{digest: strings.Repeat("ab", 32), retention: 24, jvmOptions: quickStart}
	for i, name := range []string{"weir-1", "weir-2", "weir-3"} {
		c.machines = append(c.machines, testenv.Machine{
			Name: name, Address: "192.0.2.1" + string(rune('1'+i)), HostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4nUs6ZgHXlvdOAtmVyRvUO3cMEKS0YMIj1Mo1hjwGx",
			PrivateKeyFile: "/keys/id", KnownHosts: "/keys/known_hosts",
		})
	}
	return c
}

// What both sides are compared with is what the program declares for the config
// that `ops up` is given.
func TestTheConfigIsThatOfTheClusterThatIsCompared(t *testing.T) {
	key := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(key, []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := paper()
	for i := range c.machines {
		c.machines[i].PrivateKeyFile = key
	}
	golden.File(t, "testdata/config.yaml", strings.ReplaceAll(c.config(), key, "/keys/id"))
	_, section, _ := strings.Cut(c.config(), "  weir:cluster:\n")
	cfg, err := program.Parse(program.Source{
		Stack: "bench", Root: t.TempDir(), Cluster: []byte(section),
		Exists: func(path string) bool { _, err := os.Stat(path); return err == nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.Kafka.Config; got[retentionKey] != "24" || len(cfg.Machines) != 3 || len(cfg.Topics) != 1 || len(cfg.Jobs) != 0 {
		t.Errorf("got %+v, want three machines, one topic, no jobs, and %s of 24", cfg, retentionKey)
	}
}

func TestARollChangesOneLineOfOneFile(t *testing.T) {
	c := paper()
	before, err := c.components()
	if err != nil {
		t.Fatal(err)
	}
	c.retention++
	after, err := c.components()
	if err != nil {
		t.Fatal(err)
	}
	var changed []string
	for i := range before {
		was, is := before[i]["weir-2"].State.AllFiles(), after[i]["weir-2"].State.AllFiles()
		for n := range was {
			if was[n].Content != is[n].Content {
				changed = append(changed, was[n].Path+":\n"+difference(was[n].Content, is[n].Content))
			}
		}
	}
	want := "/etc/weir/kafka/server.properties:\n- offsets.retention.minutes=24\n+ offsets.retention.minutes=25\n"
	if got := strings.Join(changed, ""); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRemainsNameAllThatTheStatesDeclare(t *testing.T) {
	all, err := paper().components()
	if err != nil {
		t.Fatal(err)
	}
	var states []machine.State
	for _, targets := range all {
		states = append(states, targets["weir-1"].State)
	}
	script := remainsScript(states)
	for _, s := range states {
		for _, f := range s.AllFiles() {
			if !strings.Contains(script, f.Path) {
				t.Errorf("%s is not looked at", f.Path)
			}
		}
	}
	if !strings.Contains(script, kafka.Unit) {
		t.Errorf("%s is not looked at", kafka.Unit)
	}
}
