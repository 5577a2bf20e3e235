package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store/disk"
)

// tenMillion is what times of counting are given for.
const tenMillion = 10_000_000

// measureCalculator compares the calculator with the least that a program can do
// which fetches the same records.
func measureCalculator(ctx context.Context, l *lab) (findings, error) {
	drain, err := l.drain(ctx)
	if err != nil {
		return findings{}, err
	}
	return l.beside(ctx, drain, "a loop that fetches with sarama and touches every record", 0.8, 0)
}

// beside measures the calculator and another engine over the same topic: ours,
// theirs, theirs, ours, and so on. The least ratios are those of time and of
// processors' time.
func (l *lab) beside(ctx context.Context, other engine, what string, least, leastProcessor float64) (findings, error) {
	in, err := l.input(ctx, articlePages, millions*million)
	if err != nil {
		return findings{}, err
	}
	ours := timing("count ten million messages on one core, durable every 2 s: `weir-popularity`", 0)
	theirs := slower("… "+what, ours, least)
	oursCPU := timing("… processors' time of `weir-popularity`", 0)
	theirsCPU := slower("… processors' time of "+what, oursCPU, leastProcessor)
	calculator, err := newCalculator()
	if err != nil {
		return findings{}, err
	}
	for i := range 2 * runsOfOne {
		e, wall, processor := calculator, ours, oursCPU
		if i%4 == 1 || i%4 == 2 {
			e, wall, processor = other, theirs, theirsCPU
		}
		if err := l.measureCount(ctx, e, in, wall, processor); err != nil {
			return findings{}, err
		}
	}
	note := fmt.Sprintf("Counted are %d messages of %d pages in three partitions. The sums of `weir-popularity`, and of the other where it has sums, equal those of the producer, in every run.", in.messages, articlePages)
	if other.warm > 0 {
		note += fmt.Sprintf(" The first %d%% of them are the virtual machine's warm-up, and count for nothing.", other.warm)
	}
	return findings{rows: []*measurement{ours, theirs, oursCPU, theirsCPU}, notes: []string{note}}, nil
}

// measureCount runs an engine once.
func (l *lab) measureCount(ctx context.Context, e engine, in *input, wall, processor *measurement) error {
	reports, err := l.count(ctx, e, in)
	if err != nil {
		return err
	}
	counted, took, used := window(reports, in.messages*e.warm/100, in.messages)
	per := func(d time.Duration) time.Duration { return time.Duration(float64(d) / float64(counted) * tenMillion) }
	l.note(wall, per(took))
	l.note(processor, per(used))
	return nil
}

// newCalculator is the calculator as people run it, but for where its metrics are.
func newCalculator(args ...string) (engine, error) {
	metrics, err := freeAddress()
	if err != nil {
		return engine{}, err
	}
	return engine{
		name: "weir-popularity",
		command: func(in *input, dir string) []string {
			return append([]string{job("popularity"), "--bootstrap-server", in.brokers, "--topic", in.topic, "--state-dir", dir,
				"--rebuild", "--metrics-address", metrics}, args...) // a run before has left offsets with the group
		},
		counted: func(line string) (int64, bool) {
			if !strings.HasPrefix(line, "Time: ") { // follows a commit
				return 0, false
			}
			n, err := records(metrics)
			return n, err == nil
		},
		conclude: func(c *counting) (map[string]string, error) {
			c.kill() // what is committed is there, however it ends
			return stored(c.dir)
		},
	}, nil
}

// freeAddress is one that nobody listens on now.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

var recordsTotal = regexp.MustCompile(`(?m)^weir_popularity_records_total (\S+)$`)

// records is what a calculator has counted and committed.
func records(metrics string) (int64, error) {
	response, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	const most = 1 << 20
	page, err := io.ReadAll(io.LimitReader(response.Body, most))
	found := recordsTotal.FindStringSubmatch(string(page))
	if err != nil || found == nil {
		return 0, errors.Join(err, errors.New("the metrics tell no weir_popularity_records_total"))
	}
	return int64(number(found[1])), nil // written with an exponent, and exact up to 2^53
}

// stored are the sums of a state, over all partitions.
func stored(dir string) (sums map[string]string, err error) {
	ctx := context.Background()
	s, err := disk.Open(dir, false, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	positions, err := s.Positions(ctx)
	if err != nil {
		return nil, err
	}
	totals := map[string]*behavior.Sums{}
	for partition := range positions {
		err := s.Pages(ctx, partition, func(page []byte, more behavior.Sums, _ int64) error {
			total := totals[string(page)]
			if total == nil {
				total = &behavior.Sums{}
				totals[string(page)] = total
			}
			return total.Add(more)
		})
		if err != nil {
			return nil, err
		}
	}
	sums = make(map[string]string, len(totals))
	for page, total := range totals {
		sums[page] = written(*total)
	}
	return sums, nil
}

// drain builds the loop that does nothing but fetch and touch.
func (l *lab) drain(ctx context.Context) (engine, error) {
	program := filepath.Join(l.dir, "drain")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./testenv/bench/drain")
	if out, err := cmd.CombinedOutput(); err != nil {
		return engine{}, fmt.Errorf("build drain: %w\n%s", err, out)
	}
	return engine{
		name: "drain",
		command: func(in *input, _ string) []string {
			return []string{program, "-bootstrap-server", in.brokers, "-topic", in.topic, "-messages", fmt.Sprint(in.messages)}
		},
		counted: saysCounted, conclude: sayNothing,
	}, nil
}
