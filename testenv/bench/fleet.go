package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"weir/provision/fleet"
	"weir/provision/remote"
	"weir/testenv"
)

// fleetSizes are how many machines are looked at: what it takes must grow with
// them, and no faster.
var fleetSizes = []int{10, 30, 100}

const (
	// fleetRuns is how often each size is looked at.
	fleetRuns = 3
	// fleetMost is what a hundred machines may take, fleetMemory what they may
	// need, in MiB.
	fleetMost   = 4 * time.Second
	fleetMemory = 300
)

// measureFleet looks at many machines. They are SSH servers, each with a port
// and a host key of its own, on one machine of the cluster, whose shell runs
// their commands: what they are asked is the whole of what a machine is asked.
func measureFleet(ctx context.Context, l *lab) (findings, error) {
	s, err := l.ensureInstalled(ctx)
	if err != nil {
		return findings{}, err
	}
	all, err := s.components()
	if err != nil {
		return findings{}, err
	}
	hosts, leave, err := l.gather(ctx, s.cluster.machines[0], fleetSizes[len(fleetSizes)-1])
	if err != nil {
		return findings{}, err
	}
	defer leave()
	var found findings
	var took []*measurement
	for _, size := range fleetSizes {
		rows := fleetRows(size)
		q := crowd(all, s.cluster.machines[0].Name, hosts[:size])
		for range fleetRuns {
			g, err := look(ctx, q)
			if err != nil {
				return findings{}, err
			}
			l.note(rows[0], g.took)
			rows[1].values = append(rows[1].values, g.processor.Seconds())
			rows[2].values = append(rows[2].values, float64(g.memory)/(1<<20))
		}
		found.rows, took = append(found.rows, rows...), append(took, rows[0])
	}
	found.notes = []string{growth(took)}
	return found, nil
}

// growth says how the time grows with the machines, from the fewest to the most.
func growth(took []*measurement) string {
	few, many := fleetSizes[0], fleetSizes[len(fleetSizes)-1]
	times := took[len(took)-1].median() / took[0].median()
	form := "no faster than they"
	if times > float64(many)/float64(few) {
		form = "**faster than they**"
	}
	return fmt.Sprintf("%d machines take %.1f times as long as %d: it grows %s do.", many, times, few, form)
}

// fleetRows are the rows of one size: how long it takes, and what the looking
// process needs.
func fleetRows(size int) []*measurement {
	took := timing(fmt.Sprintf("nothing to change on %d machines: the provisioner looks at all, and compares", size), 0)
	processor := timing("… processors' time of its process", 0)
	memory := &measurement{work: "… memory of its process, at most", unit: mebibytes}
	if size == fleetSizes[len(fleetSizes)-1] {
		took.most, memory.most = fleetMost.Seconds(), fleetMemory
	}
	return []*measurement{took, processor, memory}
}

// crowd asks of each of the hosts what is asked of one machine.
func crowd(all []component, like string, hosts []remote.Host) question {
	var q question
	for _, targets := range all {
		more := component{}
		for _, h := range hosts {
			more[h.Name] = fleet.Target{Host: h, State: targets[like].State}
		}
		q.Components = append(q.Components, more)
	}
	return q
}

// gatherPatience bounds the start of the servers: a key each, and a port.
const gatherPatience = 30 * time.Second

// gather makes one machine many, until leave is called.
func (l *lab) gather(ctx context.Context, m testenv.Machine, size int) (hosts []remote.Host, leave func(), err error) {
	program, err := buildCrowd(ctx, l.dir)
	if err != nil {
		return nil, nil, err
	}
	client, err := remote.Dial(ctx, reached(m))
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = client.Close()
		}
	}()
	if err := upload(ctx, client, program, crowdPath); err != nil {
		return nil, nil, err
	}
	stdin, end := io.Pipe()
	lines, ended := make(chan string, size), make(chan error, 1)
	go func() {
		_, err := client.Run(ctx, remote.Script{
			Step: "crowd", Text: fmt.Sprintf("exec %s -address %s -machines %d", crowdPath, remote.Quote(m.Address), size),
			Stdin: stdin, Line: func(line string) { lines <- line },
		})
		ended <- err
	}()
	hosts, err = hear(lines, ended, size)
	return hosts, func() { _ = end.Close(); <-ended; _ = client.Close() }, err
}

// hear waits until as many machines have said how to reach them.
func hear(lines <-chan string, ended <-chan error, size int) ([]remote.Host, error) {
	patience := time.After(gatherPatience)
	hosts := make([]remote.Host, size)
	for i := range hosts {
		select {
		case line := <-lines:
			if err := json.Unmarshal([]byte(line), &hosts[i]); err != nil {
				return nil, fmt.Errorf("the crowd said %q: %w", line, err)
			}
		case err := <-ended:
			return nil, errors.Join(errors.New("the crowd has left before all of it was there"), err)
		case <-patience:
			return nil, fmt.Errorf("%d of %d machines answer after %s", i, size, gatherPatience)
		}
	}
	return hosts, nil
}

// crowdPath is where the program goes: /run may not hold programs.
const crowdPath = "/tmp/weir-crowd"

// buildCrowd builds the program for a machine without our libraries.
func buildCrowd(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "crowd")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./testenv/bench/crowd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the crowd: %w\n%s", err, out)
	}
	return program, nil
}

// upload brings a program to a machine.
func upload(ctx context.Context, client *remote.Client, program, path string) error {
	f, err := os.Open(program)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = client.Run(ctx, remote.Script{
		Step: "upload", Text: fmt.Sprintf("cat >%[1]s && chmod 0755 %[1]s", remote.Quote(path)), Stdin: f,
	})
	return err
}
