package remote_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

// fakeSudo behaves as sudo 1.9 does with the options that are used, and says
// what it says. It asks where FAKE_SUDO_PASSWORD is set.
const fakeSudo = `#!/bin/sh
stdin= noask=
while :; do
  case $1 in
  -S) stdin=1; shift ;;
  -n) noask=1; shift ;;
  -k) shift ;;
  -p) shift 2 ;;
  --) shift; break ;;
  *) break ;;
  esac
done
if [ -n "$FAKE_SUDO_STRANGER" ] && [ -z "$noask" ]; then
  read -r password
  echo "fams is not in the sudoers file." >&2; exit 1
fi
if [ -n "$FAKE_SUDO_PASSWORD" ]; then
  [ -z "$noask" ] || { echo "sudo: a password is required" >&2; exit 1; }
  tries=0
  while IFS= read -r password; do
    tries=$((tries + 1))
    [ "$password" = "$FAKE_SUDO_PASSWORD" ] && break
    echo "Sorry, try again." >&2; password=
  done
  [ -n "$password" ] || { echo "sudo: $tries incorrect password attempt" >&2; exit 1; }
fi
FAKE_ROOT=yes exec "$@"
`

func sudoPath(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "sudo"), []byte(fakeSudo), 0o755); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
	return "PATH=" + dir + ":" + os.Getenv("PATH")
}

func TestRunAsRoot(t *testing.T) {
	const script = `read -r line; echo "$FAKE_ROOT $line"`
	for name, test := range map[string]struct {
		env      []string
		password string
		root     bool
		want     string
	}{
		"without sudo where the script does not ask":             {want: " input\n"},
		"with sudo that does not ask":                            {root: true, want: "yes input\n"},
		"with sudo that does not ask though there is a password": {root: true, password: secret, want: "yes input\n"},
		"with sudo that asks":                                    {env: []string{"FAKE_SUDO_PASSWORD=" + secret}, root: true, password: secret, want: "yes input\n"},
	} {
		t.Run(name, func(t *testing.T) {
			server := remotetest.Start(t, remotetest.Config{User: "fams", Env: append(test.env, sudoPath(t))})
			h := server.Host()
			h.SudoPassword = test.password
			client, err := remote.Dial(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close() //nolint:errcheck // never fails
			for range 2 {
				result, err := client.Run(t.Context(), remote.Script{Text: script, Root: test.root, Stdin: strings.NewReader("input\n")})
				if err != nil || string(result.Stdout) != test.want {
					t.Errorf("got %q, %v; want %q", result.Stdout, err, test.want)
				}
			}
			if commands := strings.Join(server.Commands(), "\n"); strings.Contains(commands, secret) {
				t.Errorf("the password is in a command line:\n%s", commands)
			}
		})
	}
}

func TestRunCannotBecomeRoot(t *testing.T) {
	for name, test := range map[string]struct {
		env      string
		password string
		cause    error
		says     string
	}{
		"where sudo needs a password":           {"FAKE_SUDO_PASSWORD=" + secret, "", remote.ErrSudoNeedsPassword, "set sudoPassword"},
		"where sudo does not take the password": {"FAKE_SUDO_PASSWORD=" + secret, "wrong", remote.ErrSudoWrongPassword, "does not accept the password (Sorry, try again.; sudo: 1 incorrect"},
		"where the user is not in sudoers":      {"FAKE_SUDO_PASSWORD=x FAKE_SUDO_STRANGER=1", "x", remote.ErrNotInSudoers, "group sudo"},
		"where there is no sudo":                {"PATH=/nonexistent", "", remote.ErrSudoMissing, "install sudo"},
	} {
		t.Run(name, func(t *testing.T) {
			env := strings.Fields(strings.ReplaceAll(test.env, secret, "secret"))
			if test.cause == remote.ErrSudoMissing {
				env = append(env, "PATH="+withoutSudo(t))
			} else {
				env = append(env, sudoPath(t))
			}
			server := remotetest.Start(t, remotetest.Config{User: "fams", Env: env})
			h := server.Host()
			h.SudoPassword = test.password
			client, err := remote.Dial(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close() //nolint:errcheck // never fails
			_, err = client.Run(t.Context(), remote.Script{Step: "observe", Text: "true", Root: true})
			if !errors.Is(err, test.cause) || !as[*remote.SudoError](err) || !as[*remote.CommandError](err) {
				t.Fatalf("got %v, want %v", err, test.cause)
			}
			for _, want := range []string{"observe failed", test.says} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message lacks %q: %v", want, err)
				}
			}
		})
	}
}

// withoutSudo is a PATH with what the probe needs, and no sudo.
func withoutSudo(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, tool := range []string{"env", "sh", "dd"} {
		target, err := filepath.EvalSymlinks("/bin/" + tool)
		if err != nil {
			target = "/usr/bin/" + tool
		}
		if err := os.Symlink(target, filepath.Join(dir, tool)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
