package e2e

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"golang.org/x/crypto/ssh"

	"weir/testenv"
)

// refusal is a mistake, or a machine that is not fit, and what `ops up` and `ops
// preflight` say of it. Every stack has a second machine that is in order: it is not touched
// either, as nothing is changed anywhere when something is refused.
type refusal struct {
	name string
	// second, ssh and rest are parts of the config; empty parts are in order.
	second, ssh, rest string
	secrets           map[string]string
	// arrange makes the second machine unfit and sees to it that it is fit again.
	arrange func(t *testing.T, first, second testenv.Machine)
	// says is what the message must hold: the machine or the path in the
	// config, what was found, what was expected or what to do.
	says []string
	// check is the one of preflight that finds it on the second machine; "ssh"
	// where it is not said.
	check string
	// long ones are in the soak alone: they wait for time to pass, or differ from
	// another in a little.
	long bool
}

// The parts of a config that is in order.
const (
	secondInOrder = "{name: bare-2, address: {{.second.Address}}, hostKey: {{.second.HostKey}}}"
	sshInOrder    = "{privateKeyFile: {{.second.PrivateKeyFile}}}"
	restInOrder   = `
    zookeeper: {heap: 256m}
    kafka: {heap: 256m}`
)

const refusedConfig = `config:
  weir:cluster:
    machines:
      - {name: bare-1, address: {{.first.Address}}, hostKey: {{.first.HostKey}}}
      - SECOND
    ssh: SSHREST
`

// usersPassword is that of the users anna and bert.
const usersPassword = "correct-horse-battery"

var refusals = []refusal{
	{
		name: "a machine that nobody answers for", long: true,
		second: "{name: bare-2, address: {{.nobody}}, hostKey: {{.second.HostKey}}}",
		says:   []string{"machine bare-2 ({{.nobody}}:22)", "unreachable", "is the machine on"},
	},
	{
		name:   "a machine with another host key than the pinned one",
		second: "{name: bare-2, address: {{.second.Address}}, hostKey: {{.first.HostKey}}}",
		says:   []string{"machine bare-2 ({{.second.Address}}:22)", "host key mismatch: offered ", "expected ", "ssh-keyscan"},
	},
	{
		name: "a machine that is not in known_hosts", long: true,
		ssh: "{privateKeyFile: {{.second.PrivateKeyFile}}, knownHosts: {{.empty}}}", second: "{name: bare-2, address: {{.second.Address}}}",
		says: []string{"machine bare-2", "unknown host", "{{.empty}}", "ssh-keyscan"},
	},
	{
		name: "a private key that the machines do not know",
		ssh:  "{privateKeyFile: {{.stranger}}}",
		says: []string{"machine bare-1", "machine bare-2", "authentication failed for user root", "tried publickey", "authorized_keys"},
	},
	{
		name: "a wrong password", long: true, ssh: "{}",
		second:  "{name: bare-2, address: {{.second.Address}}, hostKey: {{.second.HostKey}}, user: anna}",
		secrets: map[string]string{"sshPassword": "wrong-password-of-anna"},
		says:    []string{"machine bare-2", "authentication failed for user anna", "password", "check user and password"},
	},
	{
		name: "a user who may not use sudo", long: true,
		second:  "{name: bare-2, address: {{.second.Address}}, hostKey: {{.second.HostKey}}, user: bert}",
		secrets: map[string]string{"sudoPassword": usersPassword},
		says:    []string{"machine bare-2", "user bert cannot become root", "the user may not use sudo", "group sudo"},
	},
	{
		name:   "a user whose sudo asks for a password that is not set",
		second: "{name: bare-2, address: {{.second.Address}}, hostKey: {{.second.HostKey}}, user: anna}",
		says:   []string{"machine bare-2", "user anna cannot become root", "sudo asks for a password", "set sudoPassword"},
	},
	{
		name: "a wrong password for sudo", long: true,
		second:  "{name: bare-2, address: {{.second.Address}}, hostKey: {{.second.HostKey}}, user: anna}",
		secrets: map[string]string{"sudoPassword": "wrong-password-of-anna"},
		says:    []string{"machine bare-2", "user anna cannot become root", "sudo does not accept the password", "set sudoPassword"},
	},
	{
		name: "a machine without sudo", long: true,
		second: "{name: bare-2, address: {{.second.Address}}, hostKey: {{.second.HostKey}}, user: anna}",
		arrange: func(t *testing.T, _, second testenv.Machine) {
			undo(t, second, "mv /usr/bin/sudo.away /usr/bin/sudo")
			on(t, second, "mv /usr/bin/sudo /usr/bin/sudo.away")
		},
		says: []string{"machine bare-2", "user anna cannot become root", "sudo is not installed", "install sudo"},
	},
	{
		name:    "a machine without Java, and no source to install it from",
		arrange: withoutJava,
		says:    []string{"machine bare-2", "openjdk-17-jre-headless cannot be installed", "E: ", "give the machine a package source"},
		check:   "java",
	},
	{
		name: "a port that another program listens on",
		arrange: func(t *testing.T, _, second testenv.Machine) {
			undo(t, second, "systemctl stop squatter")
			on(t, second, "systemd-run --quiet --unit squatter /usr/sbin/sshd -D -p 2181\n"+
				"for i in $(seq 100); do ss -Hltn | grep -q ':2181 ' && exit; sleep 0.05; done; exit 1")
		},
		says:  []string{"machine bare-2", "port 2181", "weir-zookeeper.service", "taken by sshd (pid ", "choose another port"},
		check: "ports",
	},
	{
		name: "a disk that is too small",
		rest: "\n    zookeeper: {heap: 256m}\n    kafka: {heap: 256m, dataDir: /srv/small/kafka}",
		arrange: func(t *testing.T, _, second testenv.Machine) {
			undo(t, second, "umount /srv/small; rmdir /srv/small")
			on(t, second, "mkdir -p /srv/small; mount -t tmpfs -o size=64m small /srv/small")
		},
		says:  []string{"machine bare-2", "/srv/small/kafka has 64 MiB free", "expected at least 1.0 GiB", "choose another directory"},
		check: "space",
	},
	{
		name: "machines that do not reach each other's ports",
		arrange: func(t *testing.T, first, second testenv.Machine) {
			t.Cleanup(func() { heal(t, second) })
			if err := second.Cut(t.Context(), first.Address); err != nil {
				t.Fatal(err)
			}
		},
		says:  []string{"machine bare-2", "no answer from {{.first.Address}}:2181, {{.first.Address}}:2888, {{.first.Address}}:3888", "firewall"},
		check: "reach",
	},
}

func TestMachinesThatAreNotFitAreRefusedAndNoneIsChanged(t *testing.T) {
	machines := bares(t, 1, 2)
	first, second := machines[0], machines[1]
	newUsers(t, second)
	values := map[string]any{
		"first": first, "second": second, "nobody": bareAddress(t, 250),
		"empty": newFile(t, "known_hosts", ""), "stranger": strangersKey(t),
	}
	// One stack does for all: nothing that is refused becomes a part of it.
	p := newTestProject(t)
	p.pulumi(t, "", "stack", "init", "--no-select", "refused")
	for _, c := range refusals {
		if c.long && !thorough {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			c.write(t, p, values)
			if c.arrange != nil {
				c.arrange(t, first, second)
			}
			before := []string{fingerprint(t, first), fingerprint(t, second)}
			r := p.mustOps(t, 1, "up", "--stack", "refused")
			for _, part := range c.says {
				wantAll(t, r.stderr, fill(t, part, values))
			}
			wantPresentable(t, r, c.secrets)
			checked := p.preflight(t, 10, "--stack", "refused")
			wantPresentable(t, checked.result, c.secrets)
			found := checked.refusal(cmp.Or(c.check, "ssh"), second.Name).Found
			if c.check == "" {
				// The network's own words differ with how long it was waited for.
				found, _, _ = strings.Cut(found, ": ")
			}
			// A child of sshd's holds its port for a moment too.
			found, _, _ = strings.Cut(found, " (pid ")
			if found == "" || !strings.Contains(r.stderr, found) {
				t.Errorf("want check %s to find of %s what up says; got %q of\n%s", cmp.Or(c.check, "ssh"), second.Name, found, checked.stdout)
			}
			wantUnchanged(t, first, before[0])
			wantUnchanged(t, second, before[1])
		})
	}
	if state := p.pulumi(t, "", "stack", "export", "--stack", "refused"); strings.Contains(state, "weir:index:") {
		t.Errorf("the state holds resources of what was refused:\n%s", state)
	}
}

// write writes the stack of the case, with its secrets.
func (c refusal) write(t *testing.T, p project, values map[string]any) {
	t.Helper()
	config := strings.NewReplacer(
		"SECOND", cmp.Or(c.second, secondInOrder), "SSH", cmp.Or(c.ssh, sshInOrder), "REST", cmp.Or(c.rest, restInOrder),
	).Replace(refusedConfig)
	if err := p.write("refused", fill(t, config, values)); err != nil {
		t.Fatal(err)
	}
	p.secrets(t, "refused", c.secrets)
}

// wantPresentable checks that a message is made for people, and tells no secret.
func wantPresentable(t *testing.T, r result, secrets map[string]string) {
	t.Helper()
	bad := []string{"goroutine ", "panic:", "runtime error", ".go:", "%!", "<nil>", "PRIVATE KEY", usersPassword}
	for _, value := range secrets {
		bad = append(bad, value)
	}
	wantNone(t, r.all(), bad...)
}

// newUsers makes anna, whose password sudo asks for, and bert, who may not use
// sudo. Both may log in with the key.
func newUsers(t *testing.T, m testenv.Machine) {
	t.Helper()
	undo(t, m, "userdel --remove anna 2>/dev/null; userdel --remove bert 2>/dev/null; rm -f /etc/sudoers.d/anna")
	on(t, m, `for user in anna bert; do
  useradd --create-home --shell /bin/bash "$user"
  install -d -m 0700 -o "$user" -g "$user" "/home/$user/.ssh"
  install -m 0600 -o "$user" -g "$user" /root/.ssh/authorized_keys "/home/$user/.ssh/authorized_keys"
done
printf '%s\n' anna:`+usersPassword+` bert:`+usersPassword+` | chpasswd
echo 'anna ALL=(ALL) ALL' >/etc/sudoers.d/anna`)
}

// withoutJava makes a machine as if no Java had ever been installed, with no
// place to get one from.
func withoutJava(t *testing.T, _, m testenv.Machine) {
	t.Helper()
	undo(t, m, "cd /root/java; cp -p status /var/lib/dpkg/status; mv java /usr/bin/java; cp -a apt/. /etc/apt/; cd /; rm -rf /root/java")
	on(t, m, `mkdir /root/java; cd /root/java
cp -p /var/lib/dpkg/status status
cp -a /etc/apt apt
mv /usr/bin/java java
awk 'BEGIN { RS = ""; ORS = "\n\n" } $2 !~ /^openjdk/' status >/var/lib/dpkg/status
find /etc/apt -type f \( -name '*.list' -o -name '*.sources' \) -delete`)
}

func heal(t *testing.T, m testenv.Machine) {
	t.Helper()
	if err := m.Heal(withoutEnd(t)); err != nil {
		t.Errorf("machine %s stays cut off: %v", m.Name, err)
	}
}

// fill puts a case's addresses, keys and files into a text.
func fill(t *testing.T, text string, values map[string]any) string {
	t.Helper()
	var b bytes.Buffer
	if err := template.Must(template.New("").Option("missingkey=error").Parse(text)).Execute(&b, values); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func newFile(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// strangersKey is a file with a private key that opens nothing.
func strangersKey(t *testing.T) string {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "stranger")
	if err != nil {
		t.Fatal(err)
	}
	return newFile(t, "stranger", string(pem.EncodeToMemory(block)))
}
