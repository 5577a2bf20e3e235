package drive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3"
)

// interruptGrace is how long the engine may take, once it is asked to stop, to
// let the step in hand end and to save the state. A service that is being
// restarted takes tens of seconds; killed before that, its outcome is unknown.
const interruptGrace = 90 * time.Second

// cli runs Pulumi's CLI for the Automation API. The SDK's own runner kills the
// engine after ten seconds, asks for its version at each start, which costs
// 0.4 s, and hands the user's own PULUMI_ variables on.
type cli struct {
	path string
	vars []Variable
}

// findCLI takes the project's bin first: set-up puts a CLI there only where
// none is installed.
func (p Project) findCLI() (*cli, error) {
	for _, dir := range filepath.SplitList(p.Path(os.Getenv("PATH"))) {
		path := filepath.Join(dir, "pulumi")
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return &cli{path: path, vars: p.variables()}, nil
		}
	}
	return nil, errors.New("the Pulumi CLI is neither in bin nor on PATH; run `make setup`")
}

// Version is that of the SDK, which decides what the CLI is asked to do.
// One that is too old answers with an unknown flag, and that is shown.
func (c *cli) Version() semver.Version { return sdk.Version }

// Run runs one command. The parameters are auto.PulumiCommand's.
func (c *cli) Run(ctx context.Context, dir string, stdin io.Reader, stdouts, stderrs []io.Writer,
	env []string, args ...string,
) (string, string, int, error) {
	if len(args) > 1 && args[0] == "stack" && args[1] == "history" {
		// The Automation API ends each operation by asking for a summary that
		// nobody here reads. The events have told it already, 0.4 s sooner.
		return "[]", "", 0, nil
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, c.path, offline(args)...)
	cmd.Dir, cmd.Stdin = dir, stdin
	cmd.Env = append(append(ours(os.Environ(), c.vars), env...), "PULUMI_AUTOMATION_API=true")
	cmd.Stdout = io.MultiWriter(append(slices.Clone(stdouts), &stdout)...)
	cmd.Stderr = io.MultiWriter(append(slices.Clone(stderrs), &stderr)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = interruptGrace
	apart(cmd)
	// The signal of apart comes when the thread ends that started the CLI.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), err
}

// ask runs a command and returns what it printed.
func (c *cli) ask(ctx context.Context, dir string, args ...string) (string, error) {
	stdout, stderr, _, err := c.Run(ctx, dir, nil, nil, nil, nil, args...)
	if err != nil {
		return "", fmt.Errorf("pulumi %s: %w: %s", strings.Join(args[:min(2, len(args))], " "), err, strings.TrimSpace(stderr))
	}
	return stdout, nil
}

// offline makes the CLI fail where it would ask a question that nobody would
// see, and has it find us by number: for the name localhost, gRPC asks a name
// server for a load balancer, and waits where none answers.
func offline(args []string) []string {
	out := []string{"--non-interactive"}
	for _, arg := range args {
		if port, ok := strings.CutPrefix(arg, "tcp://localhost:"); ok {
			arg = "tcp://127.0.0.1:" + port
		}
		out = append(out, arg)
	}
	return out
}
