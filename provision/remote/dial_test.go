package remote_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

const secret = "correct horse battery staple"

func newKey(t *testing.T, passphrase string) (ssh.Signer, string) {
	t.Helper()
	signer, text, err := remotetest.NewKey(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return signer, text
}

func ecdsaKey(t *testing.T) ssh.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func knownHostsFile(t *testing.T, h remote.Host, keys ...ssh.Signer) string {
	t.Helper()
	var lines strings.Builder
	for _, key := range keys {
		address := net.JoinHostPort(h.Address, strconv.Itoa(h.Port))
		lines.WriteString(knownhosts.Line([]string{address}, key.PublicKey()) + "\n")
	}
	return writeFile(t, lines.String())
}

// mustRun shows that a connection works.
func mustRun(t *testing.T, r remote.Runner) {
	t.Helper()
	result, err := r.Run(t.Context(), remote.Script{Step: "test", Text: "echo hello"})
	if err != nil || string(result.Stdout) != "hello\n" {
		t.Fatalf("run: got %q, %v; want hello", result.Stdout, err)
	}
}

func TestDialLetsIn(t *testing.T) {
	extra, extraText := newKey(t, "")
	locked, lockedText := newKey(t, secret)
	hostKeys := []ssh.Signer{ecdsaKey(t), first(newKey(t, ""))}
	base := remotetest.Config{HostKeys: hostKeys, AuthorizedKeys: []ssh.PublicKey{extra.PublicKey(), locked.PublicKey()}}
	password := remotetest.Config{HostKeys: hostKeys, User: "fams", Password: secret}
	interactive := password
	interactive.Interactive = true

	for name, test := range map[string]struct {
		config remotetest.Config
		change func(t *testing.T, h *remote.Host)
	}{
		"by a key in PEM form":            {base, func(*testing.T, *remote.Host) {}},
		"by a key file":                   {base, func(t *testing.T, h *remote.Host) { h.PrivateKey, h.PrivateKeyFile = "", writeFile(t, extraText) }},
		"by an encrypted key":             {base, func(_ *testing.T, h *remote.Host) { h.PrivateKey, h.Passphrase = lockedText, secret }},
		"by the agent":                    {base, func(t *testing.T, h *remote.Host) { h.PrivateKey, h.Agent = "", true; startAgent(t, extraText) }},
		"by the key when the agent fails": {base, func(t *testing.T, h *remote.Host) { h.Agent = true; startAgent(t, second(newKey(t, ""))) }},
		"by an encrypted key whose passphrase is in a file": {base, func(t *testing.T, h *remote.Host) {
			h.PrivateKey, h.PassphraseFile = lockedText, writeFile(t, secret+"\r\nand more\n")
		}},
		"by an encrypted key whose passphrase is in the environment": {base, func(t *testing.T, h *remote.Host) {
			h.PrivateKey = lockedText
			t.Setenv(remote.PassphraseVariable, secret)
		}},
		"by an encrypted key that the agent holds open": {base, func(t *testing.T, h *remote.Host) {
			h.PrivateKey, h.PrivateKeyFile, h.Agent = "", writeFile(t, lockedText), true
			startAgent(t, lockedText)
		}},
		"by the agent's key of which only the public half is on the disk": {base, func(t *testing.T, h *remote.Host) {
			path := writeFile(t, lockedText)
			if err := errors.Join(os.Remove(path), os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(locked.PublicKey()), 0o600)); err != nil {
				t.Fatal(err)
			}
			h.PrivateKey, h.PrivateKeyFile, h.Agent = "", path, true
			startAgent(t, lockedText)
		}},
		"by the named one of more keys than the machine lets try": {base, func(t *testing.T, h *remote.Host) {
			h.PrivateKey, h.PrivateKeyFile, h.Agent = "", writeFile(t, lockedText), true
			startAgent(t, append(strangers(t, 8), lockedText)...)
		}},
		"by no other key of the agent": {base, func(t *testing.T, h *remote.Host) {
			h.PrivateKey, h.PrivateKeyFile, h.Agent, h.IdentitiesOnly = "", writeFile(t, extraText), true, true
			startAgent(t, strangers(t, 8)...)
		}},
		"by the agent at a socket of its own": {base, func(t *testing.T, h *remote.Host) {
			startAgent(t, extraText)
			h.PrivateKey, h.Agent, h.AgentSocket = "", true, os.Getenv("SSH_AUTH_SOCK")
			t.Setenv("SSH_AUTH_SOCK", "/nonexistent")
		}},
		"by password":                    {password, func(*testing.T, *remote.Host) {}},
		"by a question for the password": {interactive, func(*testing.T, *remote.Host) {}},
		"with known_hosts": {base, func(t *testing.T, h *remote.Host) {
			h.HostKey, h.KnownHosts = "", knownHostsFile(t, *h, hostKeys...)
		}},
		"with known_hosts that has one of the machine's two keys": {base, func(t *testing.T, h *remote.Host) {
			h.HostKey, h.KnownHosts = "", knownHostsFile(t, *h, hostKeys[1])
		}},
		"with known_hosts that has it by another name": {base, func(t *testing.T, h *remote.Host) {
			h.HostKey, h.HostKeyAlias = "", "kafka-1"
			h.KnownHosts = writeFile(t, "kafka-1 "+remotetest.AuthorizedKeys(hostKeys[0]))
		}},
		"with one of the machine's two keys pinned": {base, func(_ *testing.T, h *remote.Host) {
			h.HostKey = remotetest.AuthorizedKeys(hostKeys[0])
		}},
		"with a line of ssh-keyscan pinned": {base, func(_ *testing.T, h *remote.Host) {
			h.HostKey = "# a comment\n\n[" + h.Address + "]:2222 " + remotetest.AuthorizedKeys(hostKeys[1])
		}},
		"with files named from the home directory": {base, func(t *testing.T, h *remote.Host) {
			key, known := writeFile(t, extraText), knownHostsFile(t, *h, hostKeys...)
			t.Setenv("HOME", filepath.Dir(filepath.Dir(key)))
			h.PrivateKey, h.HostKey = "", ""
			h.PrivateKeyFile, h.KnownHosts = homeRelative(key), homeRelative(known)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			server := remotetest.Start(t, test.config)
			h := server.Host()
			test.change(t, &h)
			client, err := remote.Dial(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close() //nolint:errcheck // never fails
			mustRun(t, client)
		})
	}
}

func TestDialRefuses(t *testing.T) {
	_, strange := newKey(t, "")
	_, locked := newKey(t, secret)
	other := first(newKey(t, ""))
	for name, test := range map[string]struct {
		config remotetest.Config
		change func(t *testing.T, h *remote.Host)
		check  func(err error) bool
		says   string
	}{
		"a machine without any host key": {
			change: func(_ *testing.T, h *remote.Host) { h.HostKey = "" },
			check:  is(remote.ErrNoHostKey), says: "ssh-keyscan -p ",
		},
		"another host key than the pinned one": {
			change: func(_ *testing.T, h *remote.Host) { h.HostKey = remotetest.AuthorizedKeys(other) },
			check:  as[*remote.HostKeyError], says: "expected ssh-ed25519 " + ssh.FingerprintSHA256(other.PublicKey()),
		},
		"another host key than the known one": {
			change: func(t *testing.T, h *remote.Host) { h.HostKey, h.KnownHosts = "", knownHostsFile(t, *h, other) },
			check:  as[*remote.HostKeyError], says: "offered ssh-ed25519 SHA256:",
		},
		"a host key of another type than the pinned one": {
			config: remotetest.Config{HostKeys: []ssh.Signer{ecdsaKey(t)}},
			change: func(_ *testing.T, h *remote.Host) { h.HostKey = remotetest.AuthorizedKeys(other) },
			check:  as[*remote.HostKeyError], says: "offered ecdsa-sha2-nistp256 SHA256:",
		},
		"a machine that known_hosts does not know": {
			change: func(t *testing.T, h *remote.Host) { h.HostKey, h.KnownHosts = "", writeFile(t, "") },
			check:  as[*remote.UnknownHostError], says: ">> ",
		},
		"a known_hosts file that is not there": {
			change: func(_ *testing.T, h *remote.Host) { h.HostKey, h.KnownHosts = "", "/nonexistent" },
			check:  is(os.ErrNotExist), says: "knownHosts",
		},
		"another host key than the one known by its alias": {
			change: func(t *testing.T, h *remote.Host) {
				h.HostKey, h.HostKeyAlias = "", "kafka-1"
				h.KnownHosts = writeFile(t, "kafka-1 "+remotetest.AuthorizedKeys(other))
			},
			check: as[*remote.HostKeyError], says: "ssh-keygen -R kafka-1 -f ",
		},
		"a machine that known_hosts does not know by its alias": {
			change: func(t *testing.T, h *remote.Host) {
				h.HostKey, h.HostKeyAlias, h.KnownHosts = "", "it's/kafka", writeFile(t, "")
			},
			check: as[*remote.UnknownHostError], says: `sed 's/^[^ ]*/its\/kafka/'`,
		},
		"a revoked key": {
			config: remotetest.Config{HostKeys: []ssh.Signer{other}},
			change: func(t *testing.T, h *remote.Host) {
				h.HostKey, h.KnownHosts = "", writeFile(t, "@revoked * "+remotetest.AuthorizedKeys(other))
			},
			check: as[*remote.HostKeyError], says: "revoked",
		},
		"a key that is not authorized": {
			change: func(_ *testing.T, h *remote.Host) { h.PrivateKey = strange },
			check:  as[*remote.AuthError], says: "authorized_keys",
		},
		"a wrong password": {
			config: remotetest.Config{Password: "another"},
			change: func(_ *testing.T, h *remote.Host) { h.Password = secret },
			check:  as[*remote.AuthError], says: "check user and password",
		},
		"a user that is not there": {
			change: func(_ *testing.T, h *remote.Host) { h.User = "nobody" },
			check:  as[*remote.AuthError], says: "user nobody",
		},
		"an encrypted key without passphrase": {
			change: func(_ *testing.T, h *remote.Host) { h.PrivateKey = locked },
			check:  is(remote.ErrPassphraseMissing), says: "set passphrase or passphraseFile",
		},
		"an encrypted key with a wrong passphrase": {
			change: func(_ *testing.T, h *remote.Host) { h.PrivateKey, h.Passphrase = locked, secret+"!" },
			check:  is(remote.ErrPassphraseWrong), says: "does not open",
		},
		"an encrypted key that the agent does not hold": {
			change: func(t *testing.T, h *remote.Host) { h.PrivateKey, h.Agent = locked, true; startAgent(t, strange) },
			check:  is(remote.ErrPassphraseMissing), says: "ssh-add",
		},
		"an encrypted key whose passphrase file is not there": {
			change: func(_ *testing.T, h *remote.Host) { h.PrivateKey, h.PassphraseFile = locked, "/nonexistent" },
			check:  is(os.ErrNotExist), says: "passphraseFile",
		},
		"an agent that is not there": {
			change: func(_ *testing.T, h *remote.Host) { h.Agent, h.AgentSocket = true, "/nonexistent" },
			check:  is(os.ErrNotExist), says: "ssh-agent",
		},
		"a private key that is none": {
			change: func(_ *testing.T, h *remote.Host) { h.PrivateKey = secret },
			check:  func(error) bool { return true }, says: "not a private key",
		},
		"no way to authenticate": {
			change: func(_ *testing.T, h *remote.Host) { h.PrivateKey = "" },
			check:  is(remote.ErrNoCredentials), says: "set privateKeyFile",
		},
		"a port where nothing listens": {
			change: func(t *testing.T, h *remote.Host) { h.Port = freePort(t) },
			check:  as[*remote.UnreachableError], says: "does sshd listen there",
		},
		"an address with a port in it": {
			change: func(_ *testing.T, h *remote.Host) { h.Address = "127.0.0.1:22" },
			check:  func(error) bool { return true }, says: "set it as port",
		},
		"a loop of jump hosts": {
			change: func(_ *testing.T, h *remote.Host) { h.Jump = h },
			check:  func(error) bool { return true }, says: "loop",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := remotetest.Start(t, test.config)
			h := server.Host()
			h.Name = "kafka-1"
			test.change(t, &h)
			client, err := remote.Dial(t.Context(), h)
			if err == nil {
				_ = client.Close()
				t.Fatal("got a connection")
			}
			if !test.check(err) || !as[*remote.ConnectError](err) {
				t.Errorf("wrong cause: %#v", err)
			}
			for _, want := range []string{"machine kafka-1", test.says} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message lacks %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "PRIVATE KEY") {
				t.Errorf("the message holds a secret: %v", err)
			}
		})
	}
}

func TestDialIsBounded(t *testing.T) {
	mute := remotetest.Start(t, remotetest.Config{Mute: true}).Host()
	t.Run("by its own bound on the handshake", func(t *testing.T) {
		_, err := remote.Dial(t.Context(), mute, remote.WithTimeouts(time.Second, 50*time.Millisecond))
		if !as[*remote.UnreachableError](err) || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want an UnreachableError with a deadline", err)
		}
	})
	t.Run("by the context", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := remote.Dial(ctx, mute)
		if !errors.Is(err, context.DeadlineExceeded) || as[*remote.UnreachableError](err) {
			t.Errorf("got %v, want the context's error alone", err)
		}
	})
}

func TestInsecureWarnsOnEveryConnection(t *testing.T) {
	server := remotetest.Start(t, remotetest.Config{})
	h := server.Host()
	h.HostKey, h.InsecureIgnoreHostKey = "", true
	var log bytes.Buffer
	for range 2 {
		client, err := remote.Dial(t.Context(), h, remote.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		if err != nil {
			t.Fatal(err)
		}
		_ = client.Close()
	}
	if got := strings.Count(log.String(), "level=WARN"); got != 2 {
		t.Errorf("got %d warnings, want 2:\n%s", got, log.String())
	}
}

func TestJump(t *testing.T) {
	bastion := remotetest.Start(t, remotetest.Config{Name: "bastion"})
	middle := remotetest.Start(t, remotetest.Config{Name: "middle"})
	inner := remotetest.Start(t, remotetest.Config{Name: "inner"})
	outermost, between, h := bastion.Host(), middle.Host(), inner.Host()
	between.Jump = &outermost
	h.Jump = &between

	t.Run("reaches a machine behind two others", func(t *testing.T) {
		client, err := remote.Dial(t.Context(), h)
		if err != nil {
			t.Fatal(err)
		}
		mustRun(t, client)
		_ = client.Close()
		if _, err := client.Run(t.Context(), remote.Script{Text: "true"}); !errors.Is(err, remote.ErrClosed) {
			t.Errorf("after Close: got %v, want ErrClosed", err)
		}
	})
	t.Run("names the jump host that refuses", func(t *testing.T) {
		bad := outermost
		bad.PrivateKey = second(newKey(t, ""))
		broken := h
		broken.Jump = &bad
		_, err := remote.Dial(t.Context(), broken)
		if !as[*remote.AuthError](err) || !strings.Contains(err.Error(), "machine inner, jump host: machine bastion") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("says that the machine is not reachable from the jump host", func(t *testing.T) {
		broken := h
		broken.Port = freePort(t)
		_, err := remote.Dial(t.Context(), broken)
		if !as[*remote.UnreachableError](err) || !strings.Contains(err.Error(), "from machine middle") {
			t.Errorf("got %v", err)
		}
	})
}

func TestIPv6(t *testing.T) {
	for _, address := range []string{"::1", "[::1]"} {
		h := remote.Host{Address: address, Port: freePort(t), HostKey: remotetest.AuthorizedKeys(first(newKey(t, ""))), Password: "x"}
		_, err := remote.Dial(t.Context(), h)
		var connect *remote.ConnectError
		if !errors.As(err, &connect) || connect.Address != "[::1]:"+strconv.Itoa(h.Port) {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

func startAgent(t *testing.T, keyTexts ...string) {
	t.Helper()
	ring := agent.NewKeyring()
	for _, text := range keyTexts {
		key, err := ssh.ParseRawPrivateKeyWithPassphrase([]byte(text), []byte(secret))
		if err != nil {
			key, err = ssh.ParseRawPrivateKey([]byte(text))
		}
		if err == nil {
			err = ring.Add(agent.AddedKey{PrivateKey: key})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "agent") // t.TempDir can be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	t.Setenv("SSH_AUTH_SOCK", listener.Addr().String())
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, conn) //nolint:errcheck // ends with the client
		}
	}()
}

// strangers are keys that open nothing.
func strangers(t *testing.T, n int) []string {
	t.Helper()
	var texts []string
	for range n {
		texts = append(texts, second(newKey(t, "")))
	}
	return texts
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // only its port matters
	return listener.Addr().(*net.TCPAddr).Port
}

func homeRelative(path string) string {
	return "~/" + filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func as[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func first[A, B any](a A, _ B) A  { return a }
func second[A, B any](_ A, b B) B { return b }
