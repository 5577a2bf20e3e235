package stack_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/infra/stack"
	"weir/provision/problem"
	"weir/testenv/golden"
)

func source(name string) stack.Source {
	return stack.Source{Stack: name, Root: "/project", Home: "/home/fams"}
}

// Each file of testdata/config is a whole Pulumi.<stack>.yaml; its golden file
// lists its problems, else shows the complete config and its inventory.
func TestParseFile(t *testing.T) {
	files, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test files: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			golden.File(t, strings.TrimSuffix(file, ".yaml")+".golden", outcome(t, name, text))
		})
	}
}

func outcome(t *testing.T, name string, text []byte) string {
	t.Helper()
	c, err := stack.ParseFile(source(name), text)
	if err != nil {
		if _, ok := err.(*problem.Error); !ok {
			t.Fatalf("got error of type %T, want *problem.Error", err)
		}
		return err.Error() + "\n"
	}
	var b strings.Builder
	for _, w := range c.Warnings() {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	for _, part := range []any{c, c.Inventory("/project")} {
		shown, err := json.MarshalIndent(part, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(shown, '\n'))
	}
	return b.String()
}

func TestAFileThatIsNotThereIsAProblem(t *testing.T) {
	src := source("demo")
	src.Exists = func(path string) bool { return path == "/home/fams/.ssh/known_hosts" }
	src.Cluster = []byte(`{"machines": [{"name": "a", "address": "10.0.0.1"}],
		"ssh": {"privateKeyFile": "keys/id", "knownHosts": "~/.ssh/known_hosts"}}`)
	_, err := stack.Parse(src)
	want := "ssh.privateKeyFile: names /project/keys/id, which cannot be read; write the path of a file of yours"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAPathBelowHomeNeedsAHome(t *testing.T) {
	src := source("demo")
	src.Home = ""
	src.Cluster = []byte(`{machines: [{name: a, address: 10.0.0.1}], ssh: {agent: true, knownHosts: ~/.ssh/known_hosts}}`)
	_, err := stack.Parse(src)
	if err == nil || !strings.Contains(err.Error(), "no home directory") {
		t.Errorf("got %v, want a problem with the home directory", err)
	}
}

func TestParseRefusesWhatIsNoConfig(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":        " \n",
		"a broken text":  "{",
		"a bare word":    "cluster",
		"a list":         "[]",
		"only a comment": "# nothing",
	} {
		t.Run(name, func(t *testing.T) {
			src := source("demo")
			src.Cluster = []byte(text)
			if _, err := stack.Parse(src); err == nil {
				t.Errorf("Parse(%q) gave no error", text)
			}
		})
	}
}

func TestTheStackNameStandsInForTheClusters(t *testing.T) {
	for name, want := range map[string]string{"demo": "", "My_Stack": "name: is missing"} {
		src := source(name)
		src.Cluster = []byte(`machines: [{name: a, address: 172.30.77.11, container: true}]`)
		c, err := stack.Parse(src)
		if want == "" && (err != nil || c.Name != name) {
			t.Errorf("stack %s: got name %q and error %v", name, c.Name, err)
		}
		if want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("stack %s: got %v, want %s...", name, err, want)
		}
	}
}

func TestNoFormShowsASecret(t *testing.T) {
	const text = "correct horse"
	c := stack.Config{Secrets: stack.Secrets{SSHPassword: stack.NewSecret(text)}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{c, &c, c.Secrets, c.Secrets.SSHPassword} {
			if shown := fmt.Sprintf(verb, value); strings.Contains(shown, text) || strings.Contains(shown, fmt.Sprintf("%x", text)) {
				t.Errorf("%s of %T shows the secret: %s", verb, value, shown)
			}
		}
	}
	encoded, err := json.Marshal(c)
	if err != nil || strings.Contains(string(encoded), text) {
		t.Errorf("JSON shows the secret: %s (error %v)", encoded, err)
	}
	if got := c.Secrets.SSHPassword.Reveal(); got != text {
		t.Errorf("Reveal() = %q, want %q", got, text)
	}
}

// Whatever is written, Parse answers: with problems, or with a config that it
// reads again to the same end.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/config/*.yaml")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("config: {weir:cluster: &a {machines: [*a], ssh: *a}}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := stack.ParseFile(source("fuzz"), text)
		if err != nil {
			return
		}
		for _, j := range c.Jobs {
			if _, err := c.Inventory("/").Machine(j.Machine); err != nil {
				t.Errorf("a config without problems has a job on an unknown machine: %v", err)
			}
		}
		if c.Kafka != nil && len(c.Inventory("/").Bootstrap()) != len(c.Kafka.Brokers) {
			t.Error("a config without problems has a broker without an address")
		}
	})
}
