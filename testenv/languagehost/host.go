package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// host answers the engine. What it does not define is answered with
// "unimplemented", which the CLI takes for an older host's answer.
type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	engine string // where the engine listens; programs report to it
	builds string // the directory of what it builds

	stdout, stderr io.Writer

	running context.Context // ends when the programs must end
	end     context.CancelFunc
}

// GetPluginInfo names no version: this is no release of Pulumi's.
func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{}, nil
}

// GetRequiredPackages names none. The engine finds the provider when the
// program asks for its first resource, by Pulumi.yaml.
func (h *host) GetRequiredPackages(context.Context, *pulumirpc.GetRequiredPackagesRequest) (*pulumirpc.GetRequiredPackagesResponse, error) {
	return &pulumirpc.GetRequiredPackagesResponse{}, nil
}

// About tells which Go builds the programs.
func (h *host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	version, err := exec.CommandContext(ctx, path, "env", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOVERSION: %w", err)
	}
	return &pulumirpc.AboutResponse{Executable: path, Version: strings.TrimSpace(string(version))}, nil
}

// Run runs the project's program to its end. It is an error when the program
// cannot be built or started; how it ended is in the response.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.running, cancel)()
	path, err := h.program(ctx, req.GetInfo())
	if err != nil {
		return nil, err
	}
	return h.run(ctx, path, req)
}

// Cancel ends the program that runs: a person has pressed Ctrl-C.
func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.end()
	return &emptypb.Empty{}, nil
}
