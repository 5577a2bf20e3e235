package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// pagesMost is what is promised of ten million messages of many pages: 1.5
	// million a second.
	pagesMost = 20 * time.Second / 3
	// restartMost is what is promised of a start with a large state.
	restartMost = 5 * time.Second
)

// measurePages counts a million distinct pages, and then starts again and again
// with their sums, each time after a kill -9.
func measurePages(ctx context.Context, l *lab) (findings, error) {
	in, err := l.input(ctx, manyPages, millions*million/2) // each of the pages twenty times
	if err != nil {
		return findings{}, err
	}
	took := timing("count ten million messages of 1,000,000 pages, all-time sums, durable every 2 s, on one core: `weir-popularity`", pagesMost)
	processor := timing("… processors' time", 0)
	// Sums are published once a minute, as is said to people who have so many.
	calculator, err := newCalculator("--keep-minutes", "0", "--keep-hours", "0", "--snapshot-interval", "1m")
	if err != nil {
		return findings{}, err
	}
	kept := ""
	calculator.conclude = keeping(calculator.conclude, &kept, l.dir)
	for range runsOfOne {
		if err := l.measureCount(ctx, calculator, in, took, processor); err != nil {
			return findings{}, err
		}
	}
	restart, memory, err := l.measureRestarts(ctx, in, kept)
	if err != nil {
		return findings{}, err
	}
	note := fmt.Sprintf("With 1,000,000 pages: %d messages in three partitions, --keep-minutes 0 --keep-hours 0 --snapshot-interval 1m; "+
		"the sums of all pages equal those of the producer in every run.", in.messages)
	return findings{rows: []*measurement{took, processor, restart, memory}, notes: []string{note}}, nil
}

// keeping keeps the state of a calculator that has ended.
func keeping(conclude func(*counting) (map[string]string, error), kept *string, dir string) func(*counting) (map[string]string, error) {
	return func(c *counting) (map[string]string, error) {
		sums, err := conclude(c)
		if err == nil && *kept == "" {
			*kept = filepath.Join(dir, "kept")
			err = os.CopyFS(*kept, os.DirFS(c.dir))
		}
		return sums, err
	}
}

// measureRestarts kills a calculator and starts it again: its first result is the
// first top that it prints.
func (l *lab) measureRestarts(ctx context.Context, in *input, state string) (restart, memory *measurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, countPatience)
	defer cancel()
	restart = timing("from kill -9 and a start to the first result, with 1,000,000 pages", restartMost)
	memory = &measurement{work: "… memory of its process by then", unit: mebibytes}
	for range runsOfOne {
		command := []string{job("popularity"), "--bootstrap-server", in.brokers, "--topic", in.topic, "--state-dir", state,
			"--keep-minutes", "0", "--keep-hours", "0", "--snapshot-interval", "1m", "--metrics-address", "127.0.0.1:0"}
		c, err := l.startAnywhere(ctx, command, in, state)
		if err != nil {
			return nil, nil, err
		}
		for c.lines.Scan() && !strings.HasPrefix(c.lines.Text(), "(page") {
		}
		took := time.Since(c.reports[0].at)
		resident, err := residentMost(c.Process.Pid)
		c.kill()
		if err != nil {
			return nil, nil, fmt.Errorf("%w\n%s", err, c.said.String())
		}
		if signal := c.ProcessState.Sys().(syscall.WaitStatus).Signal(); signal != syscall.SIGKILL {
			return nil, nil, fmt.Errorf("the calculator ended by itself:\n%s", c.said.String())
		}
		l.note(restart, took)
		memory.values = append(memory.values, float64(resident)/(1<<20))
	}
	return restart, memory, nil
}

// residentMost is the most that a process has had resident, in bytes.
func residentMost(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	return int64(number(field(string(status), "VmHWM"))) << 10, nil
}
