package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// repository is the checkout whose bin/ was built by `make build`.
func repository() (string, error) {
	dir, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	for _, program := range []string{"ops", "pulumi-resource-weir", "jobs"} {
		if _, err := os.Stat(filepath.Join(dir, "bin", program)); err != nil {
			return "", errors.New("bin/" + program + " is not there: run `make build` first, or `make test`, which does")
		}
	}
	return dir, nil
}

// project is a project directory of its own, with the programs of the checkout:
// its state, keys and passphrase are no others'.
type project struct{ dir string }

func newProject(dir string) (project, error) {
	repo, err := repository()
	if err != nil {
		return project{}, err
	}
	file, err := os.ReadFile(filepath.Join(repo, "Pulumi.yaml"))
	if err != nil {
		return project{}, err
	}
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), file, 0o644); err != nil {
		return project{}, err
	}
	for _, name := range []string{"bin", "infra"} {
		link := filepath.Join(dir, name)
		// A kept project's may be another checkout's.
		if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
			return project{}, err
		}
		if err := os.Symlink(filepath.Join(repo, name), link); err != nil {
			return project{}, err
		}
	}
	return project{dir}, nil
}

// newTestProject is a project that ends with its test.
func newTestProject(t *testing.T) project {
	t.Helper()
	p, err := newProject(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes the config of a stack.
func (p project) write(stack, config string) error {
	return os.WriteFile(filepath.Join(p.dir, "Pulumi."+stack+".yaml"), []byte(config), 0o644)
}

// result is what a command said and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

func (r result) all() string { return r.stdout + r.stderr }

// opsPatience bounds one command of ops: a first install on two busy cores
// takes half a minute, a roll of three brokers a whole one.
const opsPatience = 8 * time.Minute

// command is bin/ops in this project, not yet started.
func (p project) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(p.dir, "bin", "ops"), args...)
	cmd.Dir = p.dir
	cmd.Env = p.environ()
	return cmd
}

// environ is the environment of all programs that are run in this project.
func (p project) environ() []string {
	return append(os.Environ(), "WEIR_ROOT="+p.dir, "NO_COLOR=1", "PULUMI_STACK=")
}

// ops runs bin/ops and waits for it.
func (p project) ops(ctx context.Context, args ...string) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, opsPatience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := p.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		err = nil
	}
	return r, err
}

// mustOps runs bin/ops and expects an exit code.
func (p project) mustOps(t *testing.T, code int, args ...string) result {
	t.Helper()
	r, err := p.ops(t.Context(), args...)
	if err != nil {
		t.Fatalf("ops %s: %v\n%s", strings.Join(args, " "), err, r.all())
	}
	if r.code != code {
		t.Fatalf("ops %s: exit code %d, want %d\n%s", strings.Join(args, " "), r.code, code, r.all())
	}
	return r
}

// wantAll checks that a text says each of some things.
func wantAll(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("want a text that says %q, got:\n%s", part, text)
		}
	}
}

// wantNone checks that a text says none of some things.
func wantNone(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(text, part) {
			t.Errorf("want a text without %q, got:\n%s", part, text)
		}
	}
}

// killAll kills, without warning, every process that was started for this project.
func (p project) killAll() error { return p.kill("") }

// kill kills those of one program.
func (p project) kill(program string) error {
	pids, err := p.processes(program)
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// processes are those that were started for this project: ops, the Pulumi CLI and
// the provider plugin, which lead process groups of their own. program is the
// name of its file; empty is all.
func (p project) processes(program string) ([]int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		return nil, err
	}
	mark := []byte("WEIR_ROOT=" + p.dir + "\x00")
	var pids []int
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(environ, mark) {
			continue // ended meanwhile, or another's
		}
		words, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		name, _, _ := strings.Cut(string(words), "\x00")
		if program != "" && filepath.Base(name) != program {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
