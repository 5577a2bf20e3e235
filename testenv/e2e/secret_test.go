package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostOnly is a stack of one machine that nothing runs on: the smallest that
// changes a machine.
const hostOnly = `config:
  weir:cluster:
    machines:
      - {name: bare-3, address: {{.machine.Address}}, hostKey: {{.machine.HostKey}}, user: {{.user}}}
`

func TestSecretsAppearInNoOutputAndInNoFileOfTheProject(t *testing.T) {
	m := bare(t, 3)
	newUsers(t, m)
	key, err := os.ReadFile(m.PrivateKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	p := newTestProject(t)
	if err := p.write("secretive", fill(t, hostOnly, map[string]any{"machine": m, "user": "anna"})); err != nil {
		t.Fatal(err)
	}
	p.pulumi(t, "", "stack", "init", "--no-select", "secretive")
	p.secrets(t, "secretive", map[string]string{"sshPrivateKey": string(key), "sudoPassword": usersPassword})

	var said strings.Builder
	run := func(args ...string) result {
		r := p.mustOps(t, 0, append(args, "--stack", "secretive")...)
		said.WriteString(r.all())
		return r
	}
	run("up", "--no-verify")
	on(t, m, "chmod 0700 /etc/weir")
	wantAll(t, run("preview").stdout, "/etc/weir", "0700")
	for range 2 { // after a refresh has kept it, too
		drifted := p.mustOps(t, 10, "drift", "--stack", "secretive")
		wantAll(t, drifted.stdout, "bare-3  directory /etc/weir: 0700 root:root; expected 0755 root:root", "1 difference;")
		said.WriteString(drifted.all())
		wantAll(t, run("refresh").stdout, "1 difference;")
	}
	state := p.pulumi(t, "", "stack", "export", "--stack", "secretive")
	wantAll(t, state, "weir:index:Host", "bare-3")
	said.WriteString(state)
	secrets := append(bodyLines(string(key)), usersPassword)
	wantNoFileWith(t, p.dir, secrets)
	run("down", "--yes")
	wantNone(t, said.String(), secrets...)
}

func TestAMachineOfAnotherClusterIsRefused(t *testing.T) {
	machines := bares(t, 1, 3)
	free, taken := machines[0], machines[1]
	p := newTestProject(t)
	values := map[string]any{"free": free, "machine": taken, "user": "root"}
	login := "    ssh: {privateKeyFile: {{.machine.PrivateKeyFile}}}\n"
	if err := p.write("first", fill(t, hostOnly+login, values)); err != nil {
		t.Fatal(err)
	}
	second := hostOnly + "      - {name: bare-1, address: {{.free.Address}}, hostKey: {{.free.HostKey}}}\n" + login + "    zookeeper: {}\n    kafka: {}\n"
	if err := p.write("second", fill(t, second, values)); err != nil {
		t.Fatal(err)
	}
	p.mustOps(t, 0, "up", "--stack", "first", "--no-verify")
	before := []string{fingerprint(t, free), fingerprint(t, taken)}
	r := p.mustOps(t, 1, "up", "--stack", "second")
	wantAll(t, r.stderr, "machine bare-3", `belongs to cluster "first"`, `expected none, or cluster "second"`, "/var/lib/weir/manifest/host.json", "take it out of that cluster first")
	wantPresentable(t, r, nil)
	wantUnchanged(t, free, before[0])
	wantUnchanged(t, taken, before[1])
	p.mustOps(t, 0, "down", "--stack", "first", "--yes")
	if left := on(t, taken, "find /etc/weir /opt/weir /var/lib/weir /etc/sysctl.d/*weir* /etc/systemd/system/*weir* -not -type d 2>/dev/null || true"); left != "" {
		t.Errorf("down left on the machine:\n%s", left)
	}
}

// bodyLines are the lines of a key in PEM form between its first and its last.
func bodyLines(pem string) []string {
	lines := strings.Split(strings.TrimSpace(pem), "\n")
	return lines[1 : len(lines)-1]
}

// wantNoFileWith looks into every file that the project has made.
func wantNoFileWith(t *testing.T, dir string, secrets []string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		seen++
		text, err := os.ReadFile(path)
		for _, secret := range secrets {
			if strings.Contains(string(text), secret) {
				t.Errorf("%s holds the secret %.12s... in plain text", path, secret)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 5 { // the config, the passphrase, a checkpoint, its backups, the history
		t.Errorf("looked into %d files only: is the state kept elsewhere now?", seen)
	}
}
