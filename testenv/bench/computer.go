package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// computer is what the figures were measured on, and what else it was doing.
type computer struct {
	processor string
	cores     int
	memory    int64 // bytes
	kernel    string
	// load is the load average over the last minute, and busy the part of the
	// processors' time, from 0 to 1, that others used just before the start:
	// a load average still remembers a build that has ended.
	load, busy float64
}

// busyFor is how long the computer is watched to see what else it does.
const busyFor = 3 * time.Second

// lookAround describes this computer; it takes busyFor.
func lookAround(ctx context.Context) (computer, error) {
	before, err := os.ReadFile("/proc/stat")
	if err != nil {
		return computer{}, fmt.Errorf("this measures on Linux only: %w", err)
	}
	select {
	case <-time.After(busyFor):
	case <-ctx.Done():
		return computer{}, ctx.Err()
	}
	after, err1 := os.ReadFile("/proc/stat")
	model, err2 := os.ReadFile("/proc/cpuinfo")
	memory, err3 := os.ReadFile("/proc/meminfo")
	kernel, err4 := os.ReadFile("/proc/sys/kernel/osrelease")
	load, err5 := os.ReadFile("/proc/loadavg")
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return computer{}, err
	}
	return computer{
		processor: field(string(model), "model name"),
		cores:     runtime.NumCPU(),
		memory:    int64(number(field(string(memory), "MemTotal"))) << 10,
		kernel:    strings.TrimSpace(string(kernel)),
		load:      number(string(load)),
		busy:      busy(string(before), string(after)),
	}, nil
}

// field is the first value of a name in a file of lines "name : value".
func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// number is what a text begins with; 0 where that is no number.
func number(text string) float64 {
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	n, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return 0
	}
	return n
}

// busy is the part of the processors' time that was used between two readings
// of /proc/stat; see proc(5).
func busy(before, after string) float64 {
	allBefore, idleBefore := ticks(before)
	allAfter, idleAfter := ticks(after)
	if allAfter <= allBefore {
		return 0
	}
	return 1 - (idleAfter-idleBefore)/(allAfter-allBefore)
}

// ticks adds up the line of all processors: user, nice, system, idle, iowait,
// irq, softirq, steal. Waiting for a disk is idle; guests are in user already.
func ticks(stat string) (all, idle float64) {
	line, _, _ := strings.Cut(stat, "\n")
	for i, word := range strings.Fields(line) {
		if i == 0 || i > 8 {
			continue
		}
		n := number(word)
		all += n
		if i == 4 || i == 5 {
			idle += n
		}
	}
	return all, idle
}

func (c computer) String() string {
	processor := c.processor
	if processor == "" { // arm64 has no model name
		processor = runtime.GOARCH
	}
	return fmt.Sprintf("%d cores (%s), %d GiB of memory, Linux %s, load average %.2f at the start",
		c.cores, processor, (c.memory+1<<29)>>30, c.kernel, c.load)
}

// idleEnough is how much of the processors' time others may use: a desktop's
// clock and the like.
const idleEnough = 0.05

// warning says why the figures are not to be trusted; it is empty where the
// computer had nothing else to do.
func (c computer) warning() string {
	if c.busy <= idleEnough {
		return ""
	}
	return fmt.Sprintf("This computer was busy: others used %.0f%% of its processors before the start. The figures are too high.", 100*c.busy)
}
