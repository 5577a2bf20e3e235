package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/testenv"
)

// bench runs rounds in a project.
type bench struct {
	project
	progress io.Writer
}

// repeats says how often a round does what it can do more than once.
type repeats struct{ up, provider, status, verify int }

var (
	once  = repeats{1, 1, 1, 1}
	often = repeats{up: 5, provider: 5, status: 5, verify: 3}
)

// nothingToChange is what `ops up` says where it changed nothing.
const nothingToChange = "nothing to change"

// round makes a cluster on fresh machines, measures it, and takes it down.
func (b bench) round(ctx context.Context, m *measurements, n repeats) error {
	if err := b.makeMachines(ctx); err != nil {
		return err
	}
	said, took, err := b.ops(ctx, "up", "--no-verify")
	if err != nil {
		return err
	}
	if strings.Contains(said, nothingToChange) {
		return fmt.Errorf("the first ops up on new machines changed nothing:\n%s", said)
	}
	b.note(&m.firstUp, took)
	if took, err = b.untilHealthy(ctx); err != nil {
		return err
	}
	b.note(&m.healthy, took)
	for _, measure := range []func(context.Context, *measurements, repeats) error{b.repeatUp, b.repeatProvider, b.repeatRest} {
		if err := measure(ctx, m, n); err != nil {
			return err
		}
	}
	_, _, err = b.ops(ctx, "down", "--yes")
	return err
}

// makeMachines makes the stack's machines anew and returns once each has booted
// and answers on SSH: the stack then adopts them.
func (b bench) makeMachines(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for name, address := range machines {
		group.Go(func() error {
			_, err := testenv.Ensure(ctx, testenv.Spec{
				Stack: stack, Name: name, Subnet: subnet, Address: address, KeysDir: filepath.Join(b.dir, ".weir", stack),
			}, nil)
			return err
		})
	}
	return group.Wait()
}

// healthPatience bounds the wait for a new cluster to be healthy: its jobs have
// to have published twice, which takes them a quarter of a minute.
const healthPatience = 3 * time.Minute

// untilHealthy verifies until verify is content, and returns how long that took.
func (b bench) untilHealthy(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	for {
		_, _, err := b.ops(ctx, "verify")
		unhealthy := (*exitError)(nil)
		if err == nil || !errors.As(err, &unhealthy) || time.Since(start) > healthPatience {
			return time.Since(start), err
		}
	}
}

func (b bench) repeatUp(ctx context.Context, m *measurements, n repeats) error {
	for range n.up {
		said, took, err := b.ops(ctx, "up", "--no-verify")
		if err != nil {
			return err
		}
		if !strings.Contains(said, nothingToChange) {
			return fmt.Errorf("an ops up that should have changed nothing said:\n%s", said)
		}
		b.note(&m.secondUp, took)
	}
	return nil
}

func (b bench) repeatProvider(ctx context.Context, m *measurements, n repeats) error {
	exported, err := b.export(ctx)
	if err != nil {
		return err
	}
	resources, err := parseState(exported)
	if err != nil {
		return err
	}
	for range n.provider {
		took, err := b.share(ctx, resources)
		if err != nil {
			return err
		}
		b.note(&m.provider, took.whole)
		b.note(&m.start, took.start)
		b.note(&m.read, took.read)
		b.note(&m.compare, took.compare)
		b.note(&m.processor, took.processor)
	}
	return nil
}

func (b bench) repeatRest(ctx context.Context, m *measurements, n repeats) error {
	for range n.status {
		_, took, err := b.ops(ctx, "status")
		if err != nil {
			return err
		}
		b.note(&m.status, took)
	}
	for range n.verify {
		_, took, err := b.ops(ctx, "verify")
		if err != nil {
			return err
		}
		b.note(&m.verify, took)
	}
	return nil
}

func (b bench) note(m *measurement, took time.Duration) {
	m.took = append(m.took, took)
	if m.work != "" { // a warm-up is nobody's business
		fmt.Fprintf(b.progress, "  %s: %s\n", m.work, seconds(took))
	}
}
