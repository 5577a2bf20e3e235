package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"
)

// opsRows are what a person waits for, in the order in which they are shown.
type opsRows struct {
	firstUp, healthy, secondUp                *measurement
	provider, start, read, compare, processor *measurement
	status, verify                            *measurement
}

func newOpsRows() opsRows {
	return opsRows{
		firstUp:   timing("first `ops up` on three ready machines, caches warm", 20*time.Second),
		healthy:   timing("from its end until `ops verify` finds the cluster healthy", 0),
		secondUp:  timing("`ops up` with nothing to change, which looks at every machine", 4*time.Second),
		provider:  timing("the provider's own share of it", 500*time.Millisecond),
		start:     timing("… of which to start its program", 0),
		read:      timing("… of which to look at the machines", 0),
		compare:   timing("… of which to compare", 0),
		processor: timing("… processors' time in all this", 0),
		status:    timing("`ops status`", time.Second),
		verify:    timing("`ops verify`", 10*time.Second),
	}
}

func (m opsRows) all() []*measurement {
	return []*measurement{
		m.firstUp, m.healthy, m.secondUp,
		m.provider, m.start, m.read, m.compare, m.processor,
		m.status, m.verify,
	}
}

// measureOps warms the caches in a round that does not count, and runs the others.
func measureOps(ctx context.Context, l *lab) (findings, error) {
	p, err := newProject(filepath.Join(l.dir, "ops"))
	if err != nil {
		return findings{}, err
	}
	if err := p.configure(ctx); err != nil {
		return findings{}, err
	}
	fmt.Fprintln(l.progress, "  warm up: a round that does not count")
	if err := (round{lab: &lab{progress: io.Discard}, project: p, rows: newOpsRows()}).run(ctx, once); err != nil {
		return findings{}, err
	}
	rows := newOpsRows()
	for i := range l.rounds {
		fmt.Fprintf(l.progress, "  round %d of %d\n", i+1, l.rounds)
		if err := (round{lab: l, project: p, rows: rows}).run(ctx, often); err != nil {
			return findings{}, err
		}
	}
	return findings{rows: rows.all()}, nil
}

// round is a cluster with all of its jobs, from bare machines to its end.
type round struct {
	project
	lab  *lab
	rows opsRows
}

// repeats says how often a round does what it can do more than once.
type repeats struct{ up, provider, status, verify int }

var (
	once  = repeats{1, 1, 1, 1}
	often = repeats{up: 5, provider: 5, status: 5, verify: 3}
)

// nothingToChange is what `ops up` says where it changed nothing.
const nothingToChange = "nothing to change"

// run makes a cluster on fresh machines, measures it, and takes it down.
func (r round) run(ctx context.Context, n repeats) error {
	// The stack adopts what is there already.
	if _, err := makeMachines(ctx, filepath.Join(r.dir, ".weir", stack)); err != nil {
		return err
	}
	said, took, err := r.ops(ctx, "up", "--no-verify")
	if err != nil {
		return err
	}
	if strings.Contains(said, nothingToChange) {
		return fmt.Errorf("the first ops up on new machines changed nothing:\n%s", said)
	}
	r.lab.note(r.rows.firstUp, took)
	if took, err = r.untilHealthy(ctx); err != nil {
		return err
	}
	r.lab.note(r.rows.healthy, took)
	for _, measure := range []func(context.Context, repeats) error{r.repeatUp, r.repeatProvider, r.repeatRest} {
		if err := measure(ctx, n); err != nil {
			return err
		}
	}
	_, _, err = r.ops(ctx, "down", "--yes")
	return err
}

// healthPatience bounds the wait for a new cluster to be healthy: its jobs have
// to have published twice, which takes them a quarter of a minute.
const healthPatience = 3 * time.Minute

// untilHealthy verifies until verify is content, and returns how long that took.
func (r round) untilHealthy(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	for {
		_, _, err := r.ops(ctx, "verify")
		unhealthy := (*exitError)(nil)
		if err == nil || !errors.As(err, &unhealthy) || time.Since(start) > healthPatience {
			return time.Since(start), err
		}
	}
}

func (r round) repeatUp(ctx context.Context, n repeats) error {
	for range n.up {
		said, took, err := r.ops(ctx, "up", "--no-verify")
		if err != nil {
			return err
		}
		if !strings.Contains(said, nothingToChange) {
			return fmt.Errorf("an ops up that should have changed nothing said:\n%s", said)
		}
		r.lab.note(r.rows.secondUp, took)
	}
	return nil
}

func (r round) repeatProvider(ctx context.Context, n repeats) error {
	shares, err := r.shares(ctx, n.provider)
	for _, took := range shares {
		r.lab.note(r.rows.provider, took.whole)
		r.lab.note(r.rows.start, took.start)
		r.lab.note(r.rows.read, took.read)
		r.lab.note(r.rows.compare, took.compare)
		r.lab.note(r.rows.processor, took.processor)
	}
	return err
}

func (r round) repeatRest(ctx context.Context, n repeats) error {
	for range n.status {
		_, took, err := r.ops(ctx, "status")
		if err != nil {
			return err
		}
		r.lab.note(r.rows.status, took)
	}
	for range n.verify {
		_, took, err := r.ops(ctx, "verify")
		if err != nil {
			return err
		}
		r.lab.note(r.rows.verify, took)
	}
	return nil
}
