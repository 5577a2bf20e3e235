package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/provision/fleet"
	"weir/provision/kafka"
	"weir/provision/machine"
	"weir/provision/remote"
)

// question is what a process of its own is asked that only looks: are these
// machines, and this topic, as they should be?
type question struct {
	Components []component
	// Topic is looked at where Bootstrap names brokers.
	Topic     kafka.Topic
	Bootstrap []string
}

// lookCommand makes this program answer a question: it reads one on its standard input.
const lookCommand = "look"

// glance is what a process that looked has cost.
type glance struct {
	// took is from the process's start to its end.
	took, processor time.Duration
	// memory is the most that the process had resident, in bytes.
	memory int64
}

// lookPatience bounds one look at up to a hundred machines.
const lookPatience = time.Minute

// look has a new process look at everything: the provisioner with nothing
// around it, from no connection to the verdict. A difference is an error, as
// then it was other work.
func look(ctx context.Context, q question) (glance, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	input, err := json.Marshal(q)
	if err != nil {
		return glance{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return glance{}, err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, self, lookCommand)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &said, &said
	start := time.Now()
	err = cmd.Run()
	g := glance{took: time.Since(start)}
	if err != nil {
		return g, fmt.Errorf("look at %d components: %w\n%s", len(q.Components), err, said.String())
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	g.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	g.memory = usage.Maxrss << 10 // Linux counts in KiB
	return g, nil
}

// answer reads a question and says as an error what is not as it should be.
func answer(ctx context.Context, stdin io.Reader) error {
	var q question
	if err := json.NewDecoder(stdin).Decode(&q); err != nil {
		return fmt.Errorf("read the question: %w", err)
	}
	pool := remote.NewPool()
	defer pool.Close()
	f := &fleet.Fleet{Pool: pool, Holder: "bench"}
	var group errgroup.Group
	for _, targets := range q.Components {
		group.Go(func() error { return unchanged(ctx, f, targets) })
	}
	if len(q.Bootstrap) > 0 {
		group.Go(func() error { return topicUnchanged(ctx, q) })
	}
	return group.Wait()
}

// unchanged looks at a component's machines and compares.
func unchanged(ctx context.Context, f *fleet.Fleet, targets component) error {
	var errs []error
	sights := f.Look(ctx, targets)
	for _, name := range slices.Sorted(maps.Keys(targets)) {
		s := sights[name]
		if s.Err != nil {
			errs = append(errs, s.Err)
			continue
		}
		for _, step := range machine.Diff(name, targets[name].State, s.Observed).Steps {
			errs = append(errs, fmt.Errorf("machine %s differs, though nothing was changed: %s", name, step))
		}
	}
	return errors.Join(errs...)
}

func topicUnchanged(ctx context.Context, q question) error {
	admin, err := askBrokers(q.Bootstrap)
	if err != nil {
		return err
	}
	defer admin.Close()
	is, err := admin.Describe(ctx, q.Topic.Name)
	if err != nil {
		return err
	}
	if change := kafka.Compare(q.Topic, is); !change.Empty() {
		return fmt.Errorf("topic %s differs, though nothing was changed: %s", q.Topic.Name, change)
	}
	return nil
}
