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
// resources, checks the declared ones and compares. A difference is an error:
// then it was other work.
func (p project) share(ctx context.Context, resources []resource) (share, error) {
	var took share
	start := time.Now()
	served, err := p.serve(ctx)
	if err != nil {
		return took, err
	}
	took.start = time.Since(start)
	now, err := served.readAll(ctx, resources)
	took.read = time.Since(start) - took.start
	if err == nil {
		err = served.compareAll(ctx, resources, now)
	}
	took.whole = time.Since(start)
	took.compare = took.whole - took.read - took.start
	processor, stopErr := served.stop()
	took.processor = processor
	return took, errors.Join(err, stopErr)
}

// shares does that several times for the stack's resources as they are now.
func (p project) shares(ctx context.Context, times int) ([]share, error) {
	exported, err := p.export(ctx)
	if err != nil {
		return nil, err
	}
	resources, err := parseState(exported)
	if err != nil {
		return nil, err
	}
	var all []share
	for range times {
		took, err := p.share(ctx, resources)
		if err != nil {
			return all, err
		}
		all = append(all, took)
	}
	return all, nil
}

// share is how long the provider took: as a whole, and for its parts.
type share struct {
	whole, start, read, compare time.Duration
	// processor is the time of the processors that its process used.
	processor time.Duration
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
	_, err = s.Configure(ctx, &pulumirpc.ConfigureRequest{Args: &structpb.Struct{}, AcceptSecrets: true, AcceptResources: true})
	if err != nil {
		_, stopErr := s.stop()
		return nil, fmt.Errorf("configure the provider: %w", errors.Join(err, stopErr))
	}
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

// readAll reads all resources as a refresh does.
func (s *served) readAll(ctx context.Context, resources []resource) ([]*pulumirpc.ReadResponse, error) {
	now := make([]*pulumirpc.ReadResponse, len(resources))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(engineParallel * runtime.GOMAXPROCS(0))
	for i, r := range resources {
		group.Go(func() (err error) {
			now[i], err = s.Read(ctx, &pulumirpc.ReadRequest{Id: r.id, Urn: r.urn, Properties: r.outputs, Inputs: r.inputs})
			if err != nil {
				return fmt.Errorf("read %s: %w", r.urn, err)
			}
			return nil
		})
	}
	return now, group.Wait()
}

// compareAll goes through the resources as the program declares them, one after
// the other.
func (s *served) compareAll(ctx context.Context, resources []resource, now []*pulumirpc.ReadResponse) error {
	for i, r := range resources {
		if err := s.compare(ctx, r, now[i]); err != nil {
			return fmt.Errorf("%s: %w", r.urn, err)
		}
	}
	return nil
}

// compare checks what is declared and compares it with what is there.
func (s *served) compare(ctx context.Context, r resource, now *pulumirpc.ReadResponse) error {
	if now.GetId() == "" { // so the protocol says it
		return errors.New("it is gone")
	}
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
