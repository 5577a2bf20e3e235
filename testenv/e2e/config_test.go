package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// A config is refused before any machine is asked: nothing answers at these
// addresses, and nobody finds out.
func TestMistakesInAConfigAreAllToldAtOnceAndNothingIsDone(t *testing.T) {
	for _, c := range []struct {
		name, config string
		says         []string
	}{
		{
			"two machines with one address or one name, and unknown keys", `
    machines:
      - {name: a, address: 192.0.2.1}
      - {name: a, address: 192.0.2.1, colour: green}
    ssh: {agent: true, usr: root, insecureIgnoreHostKey: true}
    tropics: []`,
			[]string{
				"machines[1].name: is a, as is that of machines[0]; each machine needs its own",
				"machines[1].address: is 192.0.2.1, as is that of machines[0]; each machine needs its own",
				"machines[1].colour: ", "ssh.usr: ", "did you mean user?", "tropics: ", "did you mean topics?",
			},
		},
		{
			"ids that two machines share, a port that is none, and a machine that is not there", `
    machines:
      - {name: a, address: 192.0.2.1}
      - {name: b, address: 192.0.2.2}
    ssh: {agent: true, insecureIgnoreHostKey: true}
    zookeeper: {members: {a: 7, b: 7, c: 8}}
    kafka: {brokers: {a: 3, b: 3}, port: 70000}`,
			[]string{
				"zookeeper.members.b: is 7, as is that of a; each needs its own", "zookeeper.members.c: names machine \"c\"",
				"kafka.brokers.b: is 3, as is that of a; each needs its own", "kafka.port: is 70000",
			},
		},
		{
			"no way to log in or to verify, and a secret that anyone can read", `
    machines: [{name: a, address: 192.0.2.1}]
  weir:sudoPassword: in-plain-sight`,
			[]string{
				"machines[0].hostKey: is missing", "ssh.knownHosts", "ssh: has no way to log in",
				"weir:sudoPassword: is not encrypted", "pulumi config set --secret weir:sudoPassword",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newTestProject(t)
			if err := p.write("refused", "config:\n  weir:cluster:"+c.config+"\n"); err != nil {
				t.Fatal(err)
			}
			r := p.mustOps(t, 2, "up", "--stack", "refused")
			wantAll(t, r.stderr, append(c.says, "Pulumi.refused.yaml")...)
			wantPresentable(t, r, map[string]string{"sudoPassword": "in-plain-sight"})
			if _, err := os.Stat(filepath.Join(p.dir, ".weir")); !os.IsNotExist(err) {
				t.Errorf("a directory .weir was made (stat says: %v)", err)
			}
		})
	}
}
