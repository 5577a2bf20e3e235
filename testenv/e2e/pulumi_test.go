package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/testenv"
)

// typedStack is a stack of one machine without services: what people type is
// tried on it from its creation to its end.
const (
	typedStack  = "e2e-typed"
	typedConfig = `config:
  weir:cluster:
    machines:
      - {name: typed-1, address: 172.30.80.11, container: true}
    containers: {subnet: 172.30.80.0/24}
`
)

func TestATypedPulumiRunsAStackFromItsCreationToItsEnd(t *testing.T) {
	sweepTyped(t) // what a killed run left
	p, err := newProject(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sweepTyped(t) })
	if err := p.write(typedStack, typedConfig); err != nil {
		t.Fatal(err)
	}
	shell := newShell(t, p, typedStack)
	shell.must(t, 0, "pulumi stack init "+typedStack)

	wantAll(t, shell.must(t, 0, "pulumi preview").stdout, "3 to create")
	if exists(t) {
		t.Fatal("pulumi preview made the machine")
	}
	wantAll(t, shell.must(t, 0, "pulumi up --yes").stdout, "3 created")
	if !exists(t) {
		t.Fatal("pulumi up made no machine")
	}
	wantTypedRun(t, p, func(r shownRun) bool { return r.Changed.Created == 2 && r.Changed.Steps > 2 })
	wantAll(t, p.mustOps(t, 0, "up", "--stack", typedStack, "--no-verify").stdout, "nothing to change")
	shell.must(t, 0, "pulumi up --yes --expect-no-changes")

	typed := testenv.Machine{Stack: typedStack, Name: "typed-1"}
	on(t, typed, "chmod 700 /etc/weir")
	shell.must(t, expectedNoChanges, "pulumi preview --expect-no-changes")
	shown := shell.must(t, 0, "pulumi preview --diff").stdout
	wantAll(t, shown, "typed-1", `/etc/weir: "0700 root:root" => "0755 root:root"`, "1 to update")
	wantAll(t, shell.must(t, 0, "pulumi refresh --yes").stdout, "1 updated")
	if mode := on(t, typed, "stat -c %a /etc/weir"); strings.TrimSpace(mode) != "700" {
		t.Errorf("pulumi refresh, which only looks, left mode %s, want 700", mode)
	}
	wantAll(t, shell.must(t, 0, "pulumi up --yes").stdout, "1 updated")
	if mode := on(t, typed, "stat -c %a /etc/weir"); strings.TrimSpace(mode) != "755" {
		t.Errorf("pulumi up left mode %s, want 755", mode)
	}
	shell.must(t, 0, "pulumi refresh --yes --expect-no-changes")

	wantAll(t, shell.must(t, 0, "pulumi destroy --preview-only").stdout, "3 to delete")
	if !exists(t) {
		t.Fatal("the preview of pulumi destroy removed the machine")
	}
	wantAll(t, shell.must(t, 0, "pulumi destroy --yes").stdout, "3 deleted")
	wantTypedRun(t, p, func(r shownRun) bool { return r.Changed.Removed > 0 })
	left, err := testenv.Sweep(t.Context(), typedStack)
	if err != nil || len(left) > 0 {
		t.Errorf("pulumi destroy left %v, error %v", left, err)
	}
	shell.must(t, 0, "pulumi stack rm --yes --preserve-config")
	if _, err := os.Stat(filepath.Join(p.dir, "Pulumi."+typedStack+".yaml")); err != nil {
		t.Error(err)
	}
}

// wantTypedRun waits until the newest run is one that was typed past ops, which
// has ended and did what is asked for. Its log ends when its provider does.
func wantTypedRun(t *testing.T, p project, did func(shownRun) bool) {
	t.Helper()
	var list []shownRun
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("ops runs said: %+v", list)
		}
	})
	eventually(t, "ops runs lists what the typed pulumi did", func() bool {
		list = nil
		p.decode(t, &list, "runs", "--stack", typedStack)
		return len(list) > 0 && list[0].Command == "pulumi" && list[0].Outcome == "done" && did(list[0])
	})
}

func TestATypedPulumiAndOpsShareACluster(t *testing.T) {
	p := cluster(t)
	shell := newShell(t, p, stackName)
	shell.must(t, 0, "pulumi preview --expect-no-changes")
	shell.must(t, 0, "pulumi up --yes --expect-no-changes")

	const unit = "weir-kafka.service"
	others := mainPID(t, "weir-1", unit)
	inside(t, "weir-3", "systemctl", "stop", unit)
	shown := shell.must(t, 0, "pulumi preview --diff").stdout
	wantAll(t, shown, "weir-3", unit, `=> "enabled, running"`, "1 to update")
	shell.must(t, 0, "pulumi up --yes")
	if state := inside(t, "weir-3", "systemctl", "is-active", unit); strings.TrimSpace(state) != "active" {
		t.Errorf("pulumi up left %s %s, want active", unit, state)
	}
	if now := mainPID(t, "weir-1", unit); now != others {
		t.Errorf("the broker of weir-1 was restarted (pid %s, now %s), though only weir-3 differed", others, now)
	}
	shell.must(t, 0, "pulumi refresh --yes --expect-no-changes")
	wantAll(t, p.mustOps(t, 0, "up", "--stack", stackName).stdout, "nothing to change")

	wantAll(t, shell.must(t, 0, "pulumi destroy --preview-only").stdout, "to delete")
	if now := mainPID(t, "weir-1", unit); now != others {
		t.Errorf("the preview of pulumi destroy disturbed the broker of weir-1 (pid %s, now %s)", others, now)
	}
}

// expectedNoChanges is how the CLI ends when --expect-no-changes was wrong.
const expectedNoChanges = 7

// shell is what a person has in front of them who typed eval "$(bin/ops env)".
type shell struct {
	p     project
	stack string
	path  string // PATH, with a Go language host on it
}

func newShell(t *testing.T, p project, stack string) shell {
	t.Helper()
	if err := p.addSource(); err != nil {
		t.Fatal(err)
	}
	dir, err := languageHost()
	if err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	if dir != "" {
		t.Log("no pulumi-language-go on PATH, which comes with a full installation of Pulumi; weir/testenv/languagehost stands in for it")
		path = dir + string(os.PathListSeparator) + path
	}
	return shell{p, stack, path}
}

// must types a command and expects an exit code. The shell comes with another
// project's passphrase, as a person's may.
func (s shell) must(t *testing.T, code int, line string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), opsPatience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "sh", "-c", `eval "$(bin/ops env --stack "$1")" && `+line, "sh", s.stack)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.p.dir, &stdout, &stderr
	cmd.Env = append(s.p.environ(), "PATH="+s.path, "PWD="+s.p.dir, "PULUMI_CONFIG_PASSPHRASE=of another project",
		"PULUMI_HOME="+filepath.Join(s.p.dir, ".weir", "pulumi"), "PULUMI_SKIP_UPDATE_CHECK=true")
	cmd.WaitDelay = time.Second // what the shell has started may hold on to the outputs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", line, err)
	}
	r := result{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
	if r.code != code {
		t.Fatalf("%s: exit code %d, want %d\n%s", line, r.code, code, r.all())
	}
	return r
}

// addSource puts into the project what a checkout has besides: the Go module
// that the program of Pulumi.yaml is built from.
func (p project) addSource() error {
	repo, err := repository()
	if err != nil {
		return err
	}
	for _, name := range []string{"go.mod", "go.sum", "infra", "provision", "testenv"} {
		err := os.Symlink(filepath.Join(repo, name), filepath.Join(p.dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// languageHost builds the stand-in for pulumi-language-go and returns its
// directory, or nothing where PATH has the real one.
var languageHost = sync.OnceValues(func() (string, error) {
	const name = "pulumi-language-go"
	if _, err := exec.LookPath(name); err == nil {
		return "", nil
	}
	dir := filepath.Join(shared.dir, "languagehost")
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, name), "weir/testenv/languagehost").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the language host: %w\n%s", err, out)
	}
	return dir, nil
})

func exists(t *testing.T) bool {
	t.Helper()
	status, err := testenv.Inspect(t.Context(), typedStack, "typed-1")
	if err != nil {
		t.Fatal(err)
	}
	return status.Exists
}

func sweepTyped(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), sweepPatience)
	defer cancel()
	if _, err := testenv.Sweep(ctx, typedStack); err != nil {
		t.Fatal(err)
	}
}
