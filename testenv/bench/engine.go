package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// engine is a program that reads a topic from its beginning and counts.
type engine struct {
	name string
	// warm is the part of the messages, in hundredths, that counts for nothing:
	// virtual machines compile meanwhile.
	warm int64
	// command reads a topic; dir is empty, and for whatever the program keeps.
	command func(in *input, dir string) []string
	// counted is asked at each line of the program how many messages are counted
	// by then; false is a line that does not tell.
	counted func(line string) (int64, bool)
	// conclude ends the program, which has counted everything, and returns its
	// sums; nil sums where it has none.
	conclude func(c *counting) (map[string]string, error)
}

// counting is an engine at work.
type counting struct {
	*exec.Cmd
	dir     string
	in      *input
	lines   *bufio.Scanner
	reports []report
	said    bytes.Buffer
}

// report is what was counted at a time, and had been spent by then.
type report struct {
	counted   int64
	at        time.Time
	processor time.Duration
}

// countPatience bounds one run of the slowest engine over the longest topic.
const countPatience = 15 * time.Minute

// count runs an engine once over all of a topic, on one core of its own, and
// wants the sums to be those that the producer of the topic wrote down.
func (l *lab) count(ctx context.Context, e engine, in *input) ([]report, error) {
	ctx, cancel := context.WithTimeout(ctx, countPatience)
	defer cancel()
	dir, err := os.MkdirTemp(l.dir, "engine-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	c, err := l.start(ctx, e.command(in, dir), in, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.name, err)
	}
	defer c.kill()
	sums, err := c.follow(e)
	if err == nil && sums != nil {
		err = same(sums, in.sums)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", e.name, err, c.said.String())
	}
	return c.reports, nil
}

// lastCore has a command run on one core, the last: brokers have the others.
func lastCore(command []string) []string {
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() == 1 {
		return command
	}
	return append([]string{"taskset", "-c", strconv.Itoa(runtime.NumCPU() - 1)}, command...)
}

func (l *lab) start(ctx context.Context, command []string, in *input, dir string) (*counting, error) {
	return l.startAnywhere(ctx, lastCore(command), in, dir)
}

func (l *lab) startAnywhere(ctx context.Context, command []string, in *input, dir string) (*counting, error) {
	c := &counting{Cmd: exec.CommandContext(ctx, command[0], command[1:]...), in: in, dir: dir}
	c.Stderr = &c.said
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewScanner(out)
	c.reports = []report{{at: time.Now()}}
	return c, c.Start()
}

// kill ends what has not ended by itself.
func (c *counting) kill() {
	if c.ProcessState == nil {
		_ = c.Process.Kill()
		_ = c.Wait()
	}
}

// follow reads what the program says until it has counted everything.
func (c *counting) follow(e engine) (map[string]string, error) {
	for c.lines.Scan() {
		n, ok := e.counted(c.lines.Text())
		if !ok {
			continue
		}
		r := report{counted: n, at: time.Now()}
		var err error
		if r.processor, err = processorTime(c.Process.Pid); err != nil {
			return nil, err
		}
		if c.reports = append(c.reports, r); n >= c.in.messages {
			return e.conclude(c)
		}
	}
	return nil, fmt.Errorf("it ended before it had counted %d messages: %v", c.in.messages, c.Wait())
}

// processorTime is what a process has used, all threads together; see proc(5).
func processorTime(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	const user, system = 11, 12 // counted from the state, which is the third field
	if len(fields) <= system {
		return 0, fmt.Errorf("/proc/%d/stat has %d fields: %s", pid, len(fields), stat)
	}
	const tick = time.Second / 100 // USER_HZ, on every Linux that Go runs on
	return time.Duration(number(fields[user])+number(fields[system])) * tick, nil
}

// window is what messages in the middle took: from the first report after the
// warm-up to the last before the end, as what comes at the end may have waited for
// nothing but an interval. A run too short for that counts whole.
func window(reports []report, warm, messages int64) (counted int64, wall, processor time.Duration) {
	first, last := reports[0], reports[len(reports)-1]
	for _, r := range reports {
		if r.counted >= max(1, warm) {
			first = r
			break
		}
	}
	for _, r := range reports {
		if r.counted < messages {
			last = r
		}
	}
	if last.counted <= first.counted {
		first, last = reports[0], reports[len(reports)-1]
	}
	return last.counted - first.counted, last.at.Sub(first.at), last.processor - first.processor
}

// same wants two programs to have the same sums.
func same(got, want map[string]string) error {
	if len(got) != len(want) {
		return fmt.Errorf("it has sums of %d pages, the producer of %d", len(got), len(want))
	}
	for page, sums := range want {
		if got[page] != sums {
			return fmt.Errorf("%s: it has the sums %q, the producer %q", page, got[page], sums)
		}
	}
	return nil
}

// saysCounted reads "counted N".
func saysCounted(line string) (int64, bool) {
	text, ok := strings.CutPrefix(line, "counted ")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

// sayNothing is for a program that has no sums; it ends by itself.
func sayNothing(c *counting) (map[string]string, error) { return nil, c.Wait() }

// saySums reads "sum PAGE N CLICKS STAY LIKE" until the program ends.
func saySums(c *counting) (map[string]string, error) {
	sums := map[string]string{}
	for c.lines.Scan() {
		if text, ok := strings.CutPrefix(c.lines.Text(), "sum "); ok {
			page, rest, _ := strings.Cut(text, " ")
			sums[page] = rest
		}
	}
	return sums, c.Wait()
}
