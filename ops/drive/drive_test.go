package drive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/events"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"weir/ops/drive"
)

// cliPath finds the CLI that set-up puts into bin, or an installed one.
func cliPath(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"../../bin/pulumi", "pulumi"} {
		if path, err := exec.LookPath(name); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path
			}
		}
	}
	t.Skip("Pulumi's CLI is neither in bin nor on PATH: run `make build`")
	return ""
}

// newProject makes a project in a directory whose name needs quoting.
func newProject(t *testing.T) drive.Project {
	t.Helper()
	root := filepath.Join(t.TempDir(), "a project with spaces")
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(cliPath(t), filepath.Join(root, "bin", "pulumi")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "Pulumi.yaml"), "name: weir\nruntime: go\nmain: .\noptions: {refresh: always}\n")
	write(t, filepath.Join(root, "Pulumi.demo.yaml"), "config:\n  # kept\n  weir:cluster: {name: demo}\n")
	return drive.Project{Root: root}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func newStack(t *testing.T, p drive.Project, program pulumi.RunFunc) (*drive.Stack, *[]string) {
	t.Helper()
	var said []string
	s, err := drive.New(p, "demo", program, func(line string) { said = append(said, line) })
	if err != nil {
		t.Fatal(err)
	}
	return s, &said
}

// declare exports a cluster as the project's program does.
func declare(ctx *pulumi.Context) error {
	ctx.Export("cluster", pulumi.ToSecret(pulumi.String(`{"name":"demo","machines":[{"name":"a","address":"10.0.0.1","host":{"name":"a","password":"pw"}}]}`)))
	return nil
}

func TestAStackComesUpTellsItsClusterAndGoes(t *testing.T) {
	p := newProject(t)
	s, _ := newStack(t, p, declare)
	ctx := t.Context()
	if _, err := s.Cluster(ctx); !errors.Is(err, drive.ErrNoStack) {
		t.Errorf("before up, Cluster() gave %v, want ErrNoStack", err)
	}
	if _, err := s.Look(ctx, nil); !errors.Is(err, drive.ErrNoStack) {
		t.Errorf("before up, Look() gave %v, want ErrNoStack", err)
	}
	seen := 0
	if _, err := s.Up(ctx, func(events.EngineEvent) { seen++ }); err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("up told no event")
	}
	c, err := s.Cluster(ctx)
	if err != nil || c.Name != "demo" || len(c.Machines) != 1 || c.Machines[0].Host.Password != "pw" {
		t.Errorf("Cluster() = %+v, %v", c, err)
	}
	if text, _ := os.ReadFile(stateFile(p)); bytes.Contains(text, []byte(`"pw"`)) || len(text) == 0 {
		t.Errorf("the state holds the password in the clear: %s", text)
	}
	started := time.Now()
	changes, err := s.Up(ctx, nil)
	t.Logf("up without a change took %v", time.Since(started))
	if err != nil || changes.Any() {
		t.Errorf("a second up: got changes %v and error %v, want none", changes, err)
	}
	if changes, err := s.Plan(ctx, nil); err != nil || changes.Any() {
		t.Errorf("a plan without a change: got %v, error %v, want none", changes, err)
	}
	saved, err := os.ReadFile(stateFile(p))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := s.Look(ctx, nil); err != nil || len(found) != 0 {
		t.Errorf("a look at a stack without resources: got %+v, %v", found, err)
	}
	if now, err := os.ReadFile(stateFile(p)); err != nil || !bytes.Equal(now, saved) {
		t.Errorf("a look saved something (error %v)", err)
	}
	if _, err := s.Refresh(ctx, nil); err != nil {
		t.Error(err)
	}
	if _, err := s.Destroy(ctx, nil); err != nil {
		t.Error(err)
	}
	if err := s.Forget(); err != nil || s.Exists() {
		t.Errorf("after Forget (error %v) the stack exists: %v", err, s.Exists())
	}
	text, err := os.ReadFile(p.StackFile("demo"))
	if err != nil || !bytes.Contains(text, []byte("# kept")) {
		t.Errorf("the stack's config lost a comment: %s, error %v", text, err)
	}
}

// Each question to the CLI costs half a second: what the files tell is not asked.
func TestTheFirstUpAsksTheCLIForNothingElse(t *testing.T) {
	p := newProject(t)
	cli, log := filepath.Join(p.Root, "bin", "pulumi"), filepath.Join(t.TempDir(), "asked")
	if err := os.Remove(cli); err != nil {
		t.Fatal(err)
	}
	write(t, cli, fmt.Sprintf("#!/bin/sh\necho \"$2 $3\" >>%q\nexec %q \"$@\"\n", log, cliPath(t)))
	if err := os.Chmod(cli, 0o755); err != nil {
		t.Fatal(err)
	}
	s, _ := newStack(t, p, func(ctx *pulumi.Context) error {
		ctx.Export("cluster", pulumi.String(`{"name":"demo","machines":[{"name":"a","address":"10.0.0.1","host":{"name":"a"}}]}`))
		return nil
	})
	if _, err := s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Cluster(t.Context()); err != nil || c.Name != "demo" || len(c.Machines) != 1 {
		t.Errorf("Cluster() = %+v, %v", c, err)
	}
	if asked, err := os.ReadFile(log); err != nil || string(asked) != "up --yes\n" {
		t.Errorf("asked (error %v):\n%swant up --yes alone", err, asked)
	}
	if text, _ := os.ReadFile(p.StackFile("demo")); !bytes.Contains(text, []byte("encryptionsalt:")) {
		t.Errorf("the stack has no salt for its secrets:\n%s", text)
	}
}

func TestAStackThatWasBegunAndGotNoFurtherIsAsGoodAsAny(t *testing.T) {
	for name, op := range map[string]func(*drive.Stack) error{
		"look":    func(s *drive.Stack) error { _, err := s.Look(t.Context(), nil); return err },
		"refresh": func(s *drive.Stack) error { _, err := s.Refresh(t.Context(), nil); return err },
		"destroy": func(s *drive.Stack) error { _, err := s.Destroy(t.Context(), nil); return err },
		"up":      func(s *drive.Stack) error { _, err := s.Up(t.Context(), nil); return err },
		"cluster": func(s *drive.Stack) error {
			if _, err := s.Cluster(t.Context()); err == nil || !strings.Contains(err.Error(), "was not brought up to its end") {
				return fmt.Errorf("got %v, want that it was not brought up to its end", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			write(t, stateFile(p), `{"version":3,"checkpoint":{"stack":"organization/weir/demo"}}`)
			s, _ := newStack(t, p, declare)
			if err := op(s); err != nil {
				t.Error(err)
			}
		})
	}
}

func stateFile(p drive.Project) string {
	return filepath.Join(p.Root, ".weir/state/.pulumi/stacks/weir/demo.json")
}

func TestAProgramThatFailsIsQuoted(t *testing.T) {
	s, _ := newStack(t, newProject(t), func(*pulumi.Context) error { return errors.New("the moon is full") })
	_, err := s.Up(t.Context(), nil)
	var engine *drive.EngineError
	if !errors.As(err, &engine) || !strings.Contains(err.Error(), "the moon is full") {
		t.Fatalf("got %v, want an EngineError that quotes the program", err)
	}
	if strings.Count(err.Error(), "the moon is full") != 1 {
		t.Errorf("says it more than once: %v", err)
	}
}

// The engine fails before its first event: the stream is never closed.
func TestAFailureBeforeTheFirstEventEnds(t *testing.T) {
	p := newProject(t)
	s, _ := newStack(t, p, declare)
	if _, err := s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	write(t, stateFile(p), "{ this is no state")
	_, err := s.Up(t.Context(), nil)
	var engine *drive.EngineError
	if !errors.As(err, &engine) || len(engine.Messages) == 0 {
		t.Errorf("got %v, want an EngineError with what the CLI said", err)
	}
	if err := s.Forget(); err != nil || s.Exists() {
		t.Errorf("Forget of a damaged state: %v; exists %v", err, s.Exists())
	}
}

func TestTheLockOfADeadRunIsCleared(t *testing.T) {
	p := newProject(t)
	s, said := newStack(t, p, declare)
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	write(t, lockFile(p), lockText(t, dead.Process.Pid, hostname(t)))
	if _, err := s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if len(*said) != 1 || !strings.Contains((*said)[0], "cleared the lock") {
		t.Errorf("said %q, want one line about the lock", *said)
	}
}

func TestTheLockOfAnotherComputerIsRespected(t *testing.T) {
	p := newProject(t)
	s, _ := newStack(t, p, declare)
	write(t, lockFile(p), lockText(t, 1, "elsewhere"))
	_, err := s.Up(t.Context(), nil)
	var locked *drive.LockedError
	if !errors.As(err, &locked) || !strings.Contains(err.Error(), "elsewhere") {
		t.Errorf("got %v, want a LockedError that names the computer", err)
	}
}

func lockFile(p drive.Project) string {
	return filepath.Join(p.Root, ".weir/state/.pulumi/locks/organization/weir/demo/x.json")
}

func lockText(t *testing.T, pid int, host string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"pid": pid, "username": "u", "hostname": host, "timestamp": time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func hostname(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCreationsLeftPendingAreDoneAgain(t *testing.T) {
	p := newProject(t)
	s, said := newStack(t, p, declare)
	if _, err := s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(stateFile(p))
	if err != nil {
		t.Fatal(err)
	}
	const urn = "urn:pulumi:demo::weir::pulumi:pulumi:Stack::weir-demo"
	pending := fmt.Sprintf(`"pending_operations": [{"type": "creating", "resource": {"urn": %q, "custom": false, "type": "pulumi:pulumi:Stack"}}], "resources"`, urn)
	broken := strings.Replace(string(text), `"resources"`, pending, 1)
	write(t, stateFile(p), broken)
	if _, err := s.Up(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if len(*said) != 1 || !strings.Contains((*said)[0], "killed") {
		t.Errorf("said %q, want one line about the killed run", *said)
	}
	if text, _ := os.ReadFile(stateFile(p)); bytes.Contains(text, []byte("pending_operations")) {
		t.Errorf("the state still has pending operations: %s", text)
	}
}

func TestAnInterruptedUpIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, _ := newStack(t, newProject(t), func(p *pulumi.Context) error {
		cancel()
		<-p.Context().Done()
		return p.Context().Err()
	})
	_, err := s.Up(ctx, nil)
	if !drive.IsInterrupted(err) {
		t.Errorf("got %v, want an interruption", err)
	}
}

func TestFindLooksUpwards(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "Pulumi.yaml"), "name: weir\n")
	deep := filepath.Join(root, "a", "b")
	write(t, filepath.Join(deep, "x"), "")
	p, err := drive.Find(deep)
	if err != nil || p.Root != root {
		t.Errorf("Find(%s) = %v, %v; want %s", deep, p.Root, err, root)
	}
	if p, err := drive.Find(filepath.Dir(root)); err == nil {
		t.Errorf("Find outside of a project gave %s, want an error", p.Root)
	}
}

func TestNamesThatLeaveTheDirectoryAreNoStacks(t *testing.T) {
	for _, name := range []string{"", "../x", "a/b", ".hidden", "a b", strings.Repeat("a", 101)} {
		if drive.CheckName(name) == nil {
			t.Errorf("CheckName(%q) accepts it", name)
		}
	}
	if err := drive.CheckName("article-2.test_x"); err != nil {
		t.Error(err)
	}
}
