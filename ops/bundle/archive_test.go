package bundle

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/ops/connect"
	"weir/provision/inventory"
	"weir/provision/remote"
	"weir/provision/remote/remotetest"
	"weir/provision/runlog"
)

// secrets are a stack's: one of each kind that a config may hold, and some that
// texts hold otherwise than they are.
var secrets = []string{
	"correct horse battery", `p"w\d<&`, "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5v\nAAAAMwAAAAtzc2gtZWQyNTUx\n-----END OPENSSH PRIVATE KEY-----\n",
	"grüße & küsse", "a+b/c=d%e",
}

// told is a text that holds a secret in the ways in which logs and configs do.
func told(secret string) string {
	quoted, _ := json.Marshal(map[string]string{"note": secret})
	return "plain " + secret + " end\n" + string(quoted) + "\nbase64 " + base64.StdEncoding.EncodeToString([]byte(secret)) + "\n"
}

type machineOf struct{ *remotetest.Runner }

func (machineOf) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("nowhere")
}

// leaky is a session whose machines repeat every secret in configs and logs.
func leaky(t *testing.T) *connect.Session {
	t.Helper()
	var files, journal strings.Builder
	for _, s := range secrets {
		files.WriteString(told(s))
		line, _ := json.Marshal(map[string]string{"__REALTIME_TIMESTAMP": "1000000", "_SYSTEMD_UNIT": "weir-kafka.service", "MESSAGE": "said " + s})
		journal.WriteString(string(line) + "\n")
	}
	files.WriteString("ssl.keystore.password=unknown-to-the-stack\n\"apiKey\": \"another unknown\"\n--token third-unknown\nsasl.jaas.config=x required username=\"u\" password=\"fourth unknown\";\nlisteners=PLAINTEXT://:9092\n")
	c := inventory.Cluster{Name: "test", Kafka: &inventory.Kafka{Version: "3.9.2", Unit: "weir-kafka.service", Brokers: map[string]int32{"a": 0, "b": 1}}}
	for i, name := range []string{"a", "b"} {
		c.Machines = append(c.Machines, inventory.Machine{Name: name, Address: "127.0.0.1", Host: remote.Host{Name: name, Password: secrets[i]}})
	}
	s, err := connect.Open(t.Context(), c, connect.Options{OnlySSH: true, Connect: func(_ context.Context, h remote.Host) (connect.Connection, error) {
		if h.Name == "b" {
			return nil, &remote.ConnectError{Machine: "b", Err: errors.New("no route, and " + secrets[1])}
		}
		return machineOf{remotetest.New(h.Name).
			On(remotetest.Step("gather"), remotetest.Stdout(files.String())).
			On(remotetest.Step("read the journal"), remotetest.Stdout(journal.String())).
			On(remotetest.Any(), remotetest.Exit(1, "no: "+secrets[0]))}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestABundleHoldsNoSecretOfTheStackAndNoneThatANameTells(t *testing.T) {
	dir := t.TempDir()
	stackFile := filepath.Join(dir, "Pulumi.test.yaml")
	config := "encryptionsalt: v1:c2FsdHNhbHQ=:v1:abcdef\nconfig:\n  weir:sshPassword:\n    secure: v1:Q2lwaGVydGV4dA==\n  weir:cluster:\n    note: " + secrets[0] + "\n"
	if err := os.WriteFile(stackFile, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	runs := runlog.Dir(filepath.Join(dir, "runs"))
	log, err := runs.Begin(runlog.Begin{Stack: "test", Command: "up"}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets {
		log.Write(runlog.Entry{Warning: told(s)})
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(dir, "b.tar.gz")
	a, err := Create(file, time.Unix(1, 0), secrets)
	if err != nil {
		t.Fatal(err)
	}
	if err := Collect(t.Context(), a, Source{Session: leaky(t), Version: "1a2b", StackFile: stackFile, Runs: runs}); err != nil {
		t.Fatal(err)
	}
	missing, err := a.Close()
	if err != nil || len(missing) != 2 {
		t.Errorf("missing %q, %v; want the files and the logs of b", missing, err)
	}

	files := unpack(t, file)
	hidden := append(slices.Clone(secrets), "b3BlbnNzaC1rZXktdjEAAAAABG5v", "unknown-to-the-stack", "another unknown", "third-unknown", "fourth unknown", "Q2lwaGVydGV4dA==", "c2FsdHNhbHQ=")
	for name, text := range files {
		for _, secret := range hidden {
			twice, _ := json.Marshal(forms(secret)[3])
			for _, form := range append(forms(secret), strings.Trim(string(twice), `"`)) {
				if strings.Contains(text, form) {
					t.Errorf("%s holds %q:\n%s", name, form, text)
				}
			}
		}
	}
	for _, want := range []string{"versions.txt", "inventory.json", "stack.yaml", "status.json", "machines/a.txt", "logs/a/weir-kafka.log", "runs.json", "missing.txt"} {
		if files["b/"+want] == "" {
			t.Errorf("there is no %s, or nothing in it", want)
		}
	}
	if text := files["b/machines/a.txt"]; !strings.Contains(text, "listeners=PLAINTEXT://:9092") || !strings.Contains(text, `username="u"`) {
		t.Errorf("too much was taken out:\n%s", text)
	}
}

func unpack(t *testing.T, file string) map[string]string {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the archive's mode is %v, %v; want 0600", info.Mode(), err)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for archive := tar.NewReader(zip); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(text)
	}
}

func TestAnArchiveThatIsThereIsNotWrittenOver(t *testing.T) {
	file := filepath.Join(t.TempDir(), "b.tar.gz")
	a, err := Create(file, time.Unix(1, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file, time.Unix(1, 0), nil); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v, want that it exists", err)
	}
	a.Abandon()
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an archive that was given up is still there: %v", err)
	}
}

func TestALongFileKeepsItsEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "b.tar.gz")
	a, err := Create(file, time.Unix(1, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Add("long", strings.Repeat("x", fileLimit)+"the end"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Close(); err != nil {
		t.Fatal(err)
	}
	text := unpack(t, file)["b/long"]
	if !strings.HasPrefix(text, "[7 bytes before this were left out]") || !strings.HasSuffix(text, "the end") {
		t.Errorf("got %.60q ... %q", text, text[len(text)-10:])
	}
}
