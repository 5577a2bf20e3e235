package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/testenv"
)

// The stack is the local one in all but its name and its network. The variables
// let two runs be on one computer: each removes what it finds of its stack.
var (
	stack  = cmp.Or(os.Getenv("WEIR_BENCH_STACK"), "bench")
	subnet = cmp.Or(os.Getenv("WEIR_BENCH_SUBNET"), "172.30.81.0/24")
	prefix = strings.TrimSuffix(subnet, "0/24")
)

const localPrefix = "172.30.77."

// machines are the stack's, with the addresses that its config gives them.
var machines = map[string]string{
	"weir-1": prefix + "11",
	"weir-2": prefix + "12",
	"weir-3": prefix + "13",
}

// project is a project directory of its own, with the programs of the checkout:
// its state, keys and passphrase are no others'.
type project struct{ dir string }

// newProject makes the directory where it is missing.
func newProject(dir string) (project, error) {
	checkout, err := os.Getwd()
	if err != nil {
		return project{}, err
	}
	file, err := os.ReadFile("Pulumi.yaml")
	if err != nil {
		return project{}, fmt.Errorf("%w: run this in the checkout's own directory", err)
	}
	for _, name := range []string{"bin/ops", "bin/pulumi-resource-weir", "bin/jobs"} {
		if _, err := os.Stat(name); err != nil {
			return project{}, fmt.Errorf("%w: run `make build` first, or `make bench`, which does", err)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return project{}, err
	}
	for _, name := range []string{"bin", "infra"} {
		if err := os.Symlink(filepath.Join(checkout, name), filepath.Join(dir, name)); err != nil {
			return project{}, err
		}
	}
	return project{dir}, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), file, 0o644)
}

// configure writes the stack's config: the one that people get for the local
// stack, so that what is measured is what they have.
func (p project) configure(ctx context.Context) error {
	if _, _, err := p.ops(ctx, "init", "--containers", fmt.Sprint(len(machines))); err != nil {
		return err
	}
	path := filepath.Join(p.dir, "Pulumi."+stack+".yaml")
	local, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	moved, err := move(string(local))
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(moved), 0o644)
}

// move puts the local stack's config on the network of this one.
func move(local string) (string, error) {
	const place = "    machines:\n"
	moved := strings.ReplaceAll(local, localPrefix, prefix)
	for name, address := range machines {
		if !strings.Contains(moved, "{name: "+name+", address: "+address+", container: true}") {
			return "", fmt.Errorf("want a config with machine %s at %s%s; ops init wrote\n%s",
				name, localPrefix, strings.TrimPrefix(address, prefix), local)
		}
	}
	return strings.Replace(moved, place, "    containers: {subnet: "+subnet+"}\n"+place, 1), nil
}

// commandPatience bounds one command; each ends within half a minute, even on
// two busy cores.
const commandPatience = 5 * time.Minute

// environ is the environment of all programs that are run in this project.
func (p project) environ() []string {
	return append(os.Environ(), "WEIR_ROOT="+p.dir, "PWD="+p.dir, "NO_COLOR=1", "PULUMI_STACK=")
}

// ops runs bin/ops on the stack and returns its output and how long it took. An
// exit code other than 0 is an exitError.
func (p project) ops(ctx context.Context, args ...string) (stdout string, took time.Duration, err error) {
	return p.run(ctx, filepath.Join(p.dir, "bin", "ops"), append(args, "--stack", stack)...)
}

// export is the stack's state, as a typed pulumi gives it out.
func (p project) export(ctx context.Context) (string, error) {
	const line = `eval "$("$0" env --stack "$1")" && PULUMI_HOME="$2" exec pulumi stack export`
	stdout, _, err := p.run(ctx, "sh", "-c", line, filepath.Join(p.dir, "bin", "ops"), stack, filepath.Join(p.dir, ".weir", "pulumi"))
	return stdout, err
}

// exitError says that a command ended with an exit code other than 0.
type exitError struct {
	command, said string
	code          int
}

func (e *exitError) Error() string {
	return fmt.Sprintf("%s: exit code %d\n%s", e.command, e.code, e.said)
}

func (p project) run(ctx context.Context, program string, args ...string) (string, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.environ(), &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it tidies up
	cmd.WaitDelay = killPatience
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && ctx.Err() == nil {
		err = &exitError{filepath.Base(program) + " " + strings.Join(args, " "), stdout.String() + stderr.String(), exit.ExitCode()}
	}
	return stdout.String(), took, err
}

// killPatience is what an interrupted command gets to release its locks.
const killPatience = 30 * time.Second

// makeMachines makes the stack's machines, or takes those that are there, and
// returns them, by name, once each has booted and answers on SSH.
func makeMachines(ctx context.Context, keysDir string) ([]testenv.Machine, error) {
	names := slices.Sorted(maps.Keys(machines))
	made := make([]testenv.Machine, len(names))
	group, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		group.Go(func() (err error) {
			made[i], err = testenv.Ensure(ctx, testenv.Spec{
				Stack: stack, Name: name, Subnet: subnet, Address: machines[name], KeysDir: keysDir,
			}, nil)
			return err
		})
	}
	return made, group.Wait()
}

// sweepPatience bounds the removal of three containers.
const sweepPatience = 2 * time.Minute

func sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepPatience)
	defer cancel()
	_, err := testenv.Sweep(ctx, stack)
	return err
}
