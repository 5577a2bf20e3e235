package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/structpb"
)

// share does what an `ops up` that changes nothing asks of the provider, and
// nothing else: it starts the provider's program as the engine does, reads all
// resources, checks the declared ones and compares. It returns how long that
// took and how much time of the processors it used. A difference is an error:
// then it was other work.
func (p project) share(ctx context.Context, resources []resource) (took, processor time.Duration, err error) {
	start := time.Now()
	served, err := p.serve(ctx)
	if err != nil {
		return 0, 0, err
	}
	err = served.lookAt(ctx, resources)
	took = time.Since(start)
	processor, stopErr := served.stop()
	return took, processor, errors.Join(err, stopErr)
}

// served is the provider's program under way.
type served struct {
	pulumirpc.ResourceProviderClient
	conn   *grpc.ClientConn
	cmd    *exec.Cmd
	stderr *bytes.Buffer
}

// serve starts the provider without an engine, whose only part would be to
// show what the provider logs.
func (p project) serve(ctx context.Context) (*served, error) {
	s := &served{stderr: &bytes.Buffer{}}
	s.cmd = exec.CommandContext(ctx, filepath.Join(p.dir, "bin", "pulumi-resource-weir"))
	s.cmd.Dir, s.cmd.Env, s.cmd.Stderr = p.dir, p.environ(), s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	port, err := bufio.NewReader(stdout).ReadString('\n') // the first line of any provider
	if err == nil {
		s.conn, err = grpc.NewClient("127.0.0.1:"+strings.TrimSpace(port), grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if err != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		return nil, fmt.Errorf("start the provider: %w\n%s", err, s.stderr)
	}
	s.ResourceProviderClient = pulumirpc.NewResourceProviderClient(s.conn)
	return s, nil
}

// stop ends the provider as the engine does, and returns the processors' time
// that it has used, from its start to its end.
func (s *served) stop() (processor time.Duration, err error) {
	err = errors.Join(s.conn.Close(), s.cmd.Process.Signal(os.Interrupt))
	if err := errors.Join(err, s.cmd.Wait()); err != nil {
		return 0, fmt.Errorf("stop the provider: %w\n%s", err, s.stderr)
	}
	return s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime(), nil
}

// engineParallel is how many resources the engine's workers look at at once,
// for each processor, where nobody says otherwise.
const engineParallel = 4

// lookAt reads all resources as a refresh does, and then goes through them as
// the program declares them.
func (s *served) lookAt(ctx context.Context, resources []resource) error {
	_, err := s.Configure(ctx, &pulumirpc.ConfigureRequest{Args: &structpb.Struct{}, AcceptSecrets: true, AcceptResources: true})
	if err != nil {
		return fmt.Errorf("configure the provider: %w", err)
	}
	now := make([]*pulumirpc.ReadResponse, len(resources))
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(engineParallel * runtime.GOMAXPROCS(0))
	for i, r := range resources {
		group.Go(func() (err error) {
			now[i], err = s.Read(reading, &pulumirpc.ReadRequest{Id: r.id, Urn: r.urn, Properties: r.outputs, Inputs: r.inputs})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("read the resources: %w", err)
	}
	for i, r := range resources {
		if err := s.compare(ctx, r, now[i]); err != nil {
			return fmt.Errorf("%s: %w", r.urn, err)
		}
	}
	return nil
}

// compare checks what is declared and compares it with what is there.
func (s *served) compare(ctx context.Context, r resource, now *pulumirpc.ReadResponse) error {
	checked, err := s.Check(ctx, &pulumirpc.CheckRequest{Urn: r.urn, Olds: now.GetInputs(), News: r.inputs})
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if failures := checked.GetFailures(); len(failures) > 0 {
		return fmt.Errorf("check: %s: %s", failures[0].GetProperty(), failures[0].GetReason())
	}
	diff, err := s.Diff(ctx, &pulumirpc.DiffRequest{
		Id: now.GetId(), Urn: r.urn, Olds: now.GetProperties(), OldInputs: now.GetInputs(), News: checked.GetInputs(),
	})
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	if diff.GetChanges() != pulumirpc.DiffResponse_DIFF_NONE {
		return fmt.Errorf("it differs, though nothing was changed: %v", diff.GetDetailedDiff())
	}
	return nil
}
