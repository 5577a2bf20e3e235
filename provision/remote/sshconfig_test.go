package remote_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"weir/provision/remote"
)

// peoples is a configuration as people have them. HOME stands for their home.
const peoples = `
# what comes first wins
Host db-1 db-2
    HostName %h.example.org
    User fams

Host db-2
    Port 2202
    User overruled

Host = quoted
    IdentityFile "HOME/.ssh/with space"
    UserKnownHostsFile HOME/nowhere HOME/known/other
    IdentitiesOnly=yes

Host 10.0.0.? !10.0.0.9
    ProxyJump gate
    HostKeyAlias inner

Host gate
    HostName 192.0.2.7
    User guest
    Port 2200
    IdentityFile ~/.ssh/gate

Host far
    HostName fd00::12
    ProxyJump ops@gate:2222,[fd00::1]:2201,second
Host second
    ProxyJump gate
    HostName second.example.org

Host loop
    ProxyJump loop
Host direct
    ProxyJump none
    ProxyCommand none
Host by-agent
    IdentityAgent ~/agent.socket
Match host matched.*
    User matched
Host *
    User everybody
    ServerAliveInterval 15
`

// home has the keys that the configuration names.
func home(t *testing.T, config string) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range []string{".ssh/with space", ".ssh/gate", ".ssh/id_ecdsa", "known/other"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file = filepath.Join(dir, ".ssh", "config")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(config, "HOME", dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

func read(t *testing.T, config string) (*remote.SSHConfig, string) {
	t.Helper()
	dir, file := home(t, config)
	c, err := remote.ReadSSHConfig(file, dir)
	if err != nil {
		t.Fatal(err)
	}
	return c, dir
}

func complete(t *testing.T, c *remote.SSHConfig, h remote.Host, alias string) remote.Host {
	t.Helper()
	h.Address = alias
	h, notes, err := c.Complete(h, alias)
	if err != nil {
		t.Fatal(err)
	}
	if len(notes) > 0 {
		t.Logf("notes: %q", notes)
	}
	return h
}

func TestAHostIsCompletedFromAnSSHConfig(t *testing.T) {
	c, dir := read(t, peoples)
	key, known := filepath.Join(dir, ".ssh/id_ecdsa"), filepath.Join(dir, ".ssh/known_hosts")
	gate := remote.Host{Name: "jump host gate", Address: "192.0.2.7", Port: 2200, User: "guest", PrivateKeyFile: filepath.Join(dir, ".ssh/gate"), KnownHosts: known}
	for name, test := range map[string]struct {
		alias string
		has   remote.Host
		want  remote.Host
	}{
		"that no entry but the last is for": {"unknown", remote.Host{}, remote.Host{Address: "unknown", User: "everybody"}},
		"by the first of two values":        {"db-2", remote.Host{}, remote.Host{Address: "db-2.example.org", Port: 2202, User: "fams"}},
		"that says something itself": {
			"db-2", remote.Host{User: "own", Port: 1, KnownHosts: "/k", PrivateKeyFile: "/p"},
			remote.Host{Address: "db-2.example.org", Port: 1, User: "own", KnownHosts: "/k", PrivateKeyFile: "/p"},
		},
		"with a key and known_hosts of its own": {
			"quoted", remote.Host{},
			remote.Host{Address: "quoted", User: "everybody", PrivateKeyFile: dir + "/.ssh/with space", KnownHosts: dir + "/known/other", IdentitiesOnly: true},
		},
		"behind a jump host":  {"10.0.0.1", remote.Host{}, remote.Host{Address: "10.0.0.1", User: "everybody", HostKeyAlias: "inner", Jump: &gate}},
		"excluded by a \"!\"": {"10.0.0.9", remote.Host{}, remote.Host{Address: "10.0.0.9", User: "everybody"}},
		"with a key that is pinned": {
			"10.0.0.9", remote.Host{HostKey: "ssh-ed25519 AAAA"}, remote.Host{Address: "10.0.0.9", User: "everybody", HostKey: "ssh-ed25519 AAAA", KnownHosts: "none"},
		},
		"without a jump host, as it says": {"direct", remote.Host{}, remote.Host{Address: "direct", User: "everybody"}},
		"by the socket of an agent": {
			"by-agent", remote.Host{}, remote.Host{Address: "by-agent", User: "everybody", Agent: true, AgentSocket: dir + "/agent.socket", PrivateKeyFile: "none"},
		},
		"in a block that matches its name": {"matched.org", remote.Host{}, remote.Host{Address: "matched.org", User: "matched"}},
	} {
		t.Run(name, func(t *testing.T) {
			want := test.want
			defaults := func(field *string, value string) {
				if *field == "" {
					*field = value
				} else if *field == "none" {
					*field = ""
				}
			}
			defaults(&want.PrivateKeyFile, key)
			defaults(&want.KnownHosts, known)
			compare(t, complete(t, c, test.has, test.alias), want)
		})
	}
}

// compare compares two Hosts with all of their jump hosts.
func compare(t *testing.T, got, want remote.Host) {
	t.Helper()
	for at := "the host"; ; at = "the jump host of " + at {
		g, w := got, want
		g.Jump, w.Jump = nil, nil
		if g != w {
			t.Errorf("%s:\ngot  %+v\nwant %+v", at, g, w)
		}
		if (got.Jump == nil) != (want.Jump == nil) {
			t.Fatalf("%s: got jump host %v, want %v", at, got.Jump, want.Jump)
		}
		if got.Jump == nil {
			return
		}
		got, want = *got.Jump, *want.Jump
	}
}

func TestJumpHostsOfAnSSHConfigMakeAChain(t *testing.T) {
	c, _ := read(t, peoples)
	h := complete(t, c, remote.Host{Name: "far", Passphrase: "p", SudoPassword: "s", HostKey: "k"}, "far")
	// "second" has a ProxyJump of its own, which does not count: the list says
	// how it is reached.
	if got, want := h.JumpOption(), "ops@192.0.2.7:2222,everybody@[fd00::1]:2201,everybody@second.example.org:22"; got != want {
		t.Errorf("got the jump hosts %s, want %s", got, want)
	}
	for j := h.Jump; j != nil; j = j.Jump {
		if j.Passphrase != "p" || j.SudoPassword != "" || j.HostKey != "" {
			t.Errorf("%s: want the login of the machine, and neither its key nor its sudo password: %+v", j.Name, *j)
		}
	}
	if h = complete(t, c, remote.Host{}, "second"); h.JumpOption() != "guest@192.0.2.7:2200" {
		t.Errorf("second: got the jump hosts %s", h.JumpOption())
	}
	own := &remote.Host{Address: "10.0.0.3"}
	if h = complete(t, c, remote.Host{Jump: own}, "second"); h.JumpOption() != "guest@192.0.2.7:2200,everybody@10.0.0.3:22" {
		t.Errorf("with a jump host of its own: got the jump hosts %s", h.JumpOption())
	}
}

// TestOpenSSHReadsTheSame asks the real client what it makes of the file.
func TestOpenSSHReadsTheSame(t *testing.T) {
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Skip("OpenSSH's client is not installed")
	}
	c, dir := read(t, peoples)
	for _, alias := range []string{"unknown", "db-1", "db-2", "quoted", "10.0.0.1", "10.0.0.9", "gate", "far", "direct", "matched.org"} {
		t.Run(alias, func(t *testing.T) {
			out, err := exec.CommandContext(t.Context(), ssh, "-G", "-F", filepath.Join(dir, ".ssh", "config"), alias).Output()
			if err != nil {
				t.Fatal(err)
			}
			theirs := map[string]string{}
			for line := range strings.Lines(string(out)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				if _, has := theirs[key]; !has {
					theirs[key] = value
				}
			}
			h := complete(t, c, remote.Host{}, alias)
			port := h.Port
			if port == 0 {
				port = 22
			}
			for key, got := range map[string]string{
				"hostname": h.Address, "port": strconv.Itoa(port), "user": h.User,
				"hostkeyalias": h.HostKeyAlias,
			} {
				if want := theirs[key]; got != want {
					t.Errorf("%s: got %q, OpenSSH has %q", key, got, want)
				}
			}
			if named := theirs["identityfile"]; strings.HasPrefix(named, dir) && named != h.PrivateKeyFile {
				t.Errorf("got key %s, OpenSSH has %s", h.PrivateKeyFile, named)
			}
			if (h.Jump != nil) != (theirs["proxyjump"] != "" && theirs["proxyjump"] != "none") {
				t.Errorf("got jump hosts %q, OpenSSH has %q", h.JumpOption(), theirs["proxyjump"])
			}
		})
	}
}

func TestWhatIsNotFollowedInAnSSHConfigIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		config string
		says   string
		fails  bool
	}{
		"a proxy command":                      {"ProxyCommand nc %h %p", "ProxyCommand nc %h %p is not supported: use ProxyJump", true},
		"a loop of jump hosts":                 {"ProxyJump db", "is there a loop", true},
		"a jump host without a name":           {"ProxyJump me@", "names no host", true},
		"a jump host's port that is none":      {"ProxyJump gate:ssh", `"ssh" is not a port`, true},
		"a port that is none":                  {"Port 70000", "port 70000 is not between", true},
		"a token":                              {"IdentityFile ~/%C", "%C, which weir does not know", true},
		"a variable that is not set":           {"UserKnownHostsFile ${WEIR_NOT_SET}/known", "not set", true},
		"host keys that are not to be asked":   {"StrictHostKeyChecking no", "host keys are always verified", false},
		"a certificate":                        {"CertificateFile ~/cert", "CertificateFile ~/cert is not followed", false},
		"ciphers":                              {"Ciphers aes128-ctr", "Ciphers aes128-ctr is not followed", false},
		"two keys that are both there":         {"IdentityFile HOME/.ssh/gate\nIdentityFile HOME/.ssh/id_ecdsa", "one file is used", false},
		"what a jump host's entry says":        {"ProxyJump other\nHost other\nCiphers aes128-ctr", "host other: Ciphers aes128-ctr is not followed", false},
		"nothing, where all of it is followed": {"User fams\nServerAliveInterval 3\nLogLevel DEBUG", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := read(t, "Host db\n"+test.config+"\n")
			_, notes, err := c.Complete(remote.Host{Address: "db"}, "db")
			said := strings.Join(notes, "\n")
			if err != nil {
				said = err.Error()
			}
			if test.fails != (err != nil) || !strings.Contains(said, test.says) || test.says == "" && said != "" {
				t.Errorf("got %q, want %q (an error: %v)", said, test.says, test.fails)
			}
		})
	}
}

func TestAnSSHConfigThatCannotBeJudgedIsRefused(t *testing.T) {
	for name, config := range map[string]string{
		"by a command":    "Match exec true\n User x\n",
		"by a user":       "Match user anna\n User x\n",
		"of a whole film": strings.Repeat("# frames\n", 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := home(t, config)
			if _, err := remote.ReadSSHConfig(file, dir); err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("got %v, want an error that names %s", err, file)
			}
		})
	}
}

func FuzzSSHConfig(f *testing.F) {
	f.Add(peoples, "far")
	f.Add("Host *\nProxyJump [", "x")
	f.Add("Host *\nProxyJump a@b:1,,ssh://c\nIdentityFile %", "x")
	f.Fuzz(func(t *testing.T, config, alias string) {
		if strings.Contains(strings.ToLower(config), "include") {
			return // reads other files
		}
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := remote.ReadSSHConfig(file, "/nowhere")
		if err != nil {
			return
		}
		if h, _, err := c.Complete(remote.Host{Address: alias}, alias); err == nil && (h.Port < 0 || h.Port > 65535) {
			t.Errorf("got port %d of\n%s", h.Port, config)
		}
	})
}
