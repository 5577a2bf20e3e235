package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// endGrace is how long a program may take to end once it is interrupted. It
// only declares resources, and holds nothing that it would have to save.
const endGrace = 5 * time.Second

// program returns the executable to run: the runtime's option `binary`, or
// what is built from the program's directory. Each directory has its file, so that
// a build of what has not changed takes no time.
func (h *host) program(ctx context.Context, info *pulumirpc.ProgramInfo) (string, error) {
	if binary := info.GetOptions().GetFields()["binary"].GetStringValue(); binary != "" {
		path, err := exec.LookPath(binary)
		if err != nil {
			return "", fmt.Errorf("the runtime's option binary in Pulumi.yaml: %w", err)
		}
		return path, nil
	}
	dir := info.GetProgramDirectory()
	path := filepath.Join(h.builds, fmt.Sprintf("program-%x", sha256.Sum256([]byte(dir))))
	build := exec.CommandContext(ctx, "go", "build", "-o", path, ".")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build in %s: %w\n%s", dir, err, out)
	}
	return path, nil
}

// run runs a program and tells how it ended: well, with an error that the
// program has told the engine itself, or with any other.
func (h *host) run(ctx context.Context, path string, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	environ, err := environment(os.Environ(), h.engine, req)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, req.GetArgs()...)
	cmd.Dir, cmd.Env = req.GetPwd(), environ
	cmd.Stdout, cmd.Stderr = h.stdout, h.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = endGrace
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}, nil
	case !errors.As(err, &exit):
		return nil, fmt.Errorf("run %s: %w", path, err)
	case exit.ExitCode() == constant.ExitStatusLoggedError:
		return &pulumirpc.RunResponse{Bail: true}, nil
	}
	return &pulumirpc.RunResponse{Error: fmt.Sprintf("the program ended with %v", exit)}, nil
}

// environment is base with what the SDK's pulumi.Run reads from it.
func environment(base []string, engine string, req *pulumirpc.RunRequest) ([]string, error) {
	config, err := json.Marshal(req.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("hand on the config: %w", err)
	}
	secret, err := json.Marshal(req.GetConfigSecretKeys())
	if err != nil {
		return nil, fmt.Errorf("hand on the names of secrets: %w", err)
	}
	environ := base[:len(base):len(base)]
	for _, v := range [][2]string{
		{pulumi.EnvOrganization, req.GetOrganization()},
		{pulumi.EnvProject, req.GetProject()},
		{pulumi.EnvPulumiRootDirectory, req.GetInfo().GetRootDirectory()},
		{pulumi.EnvStack, req.GetStack()},
		{pulumi.EnvConfig, string(config)},
		{pulumi.EnvConfigSecretKeys, string(secret)},
		{pulumi.EnvDryRun, strconv.FormatBool(req.GetDryRun())},
		{pulumi.EnvParallel, strconv.Itoa(int(req.GetParallel()))},
		{pulumi.EnvMonitor, req.GetMonitorAddress()},
		{pulumi.EnvEngine, engine},
	} {
		environ = append(environ, v[0]+"="+v[1])
	}
	return environ, nil
}
