// Package command runs one command on several machines at once.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"weir/ops/connect"
	"weir/ops/internal/indent"
	"weir/ops/status/table"
	"weir/provision/remote"
)

const (
	// kept bounds what is shown of one machine's output, in bytes: more is for a
	// file there.
	kept = 1 << 20
	// endless bounds what is read and thrown away behind that: a command that
	// writes for ever is stopped.
	endless = 1 << 30
)

// Outcome is how a command went on one machine.
type Outcome struct {
	Machine string `json:"machine"`
	// Output is what it wrote, standard error among it.
	Output string `json:"output"`
	// Dropped are lines that were too many to keep.
	Dropped int `json:"droppedLines,omitempty"`
	// ExitCode is -1 where it did not end by itself, or did not begin.
	ExitCode int     `json:"exitCode"`
	Error    string  `json:"error,omitempty"`
	Seconds  float64 `json:"seconds"`
}

// Options say how to run it.
type Options struct {
	// Line is what the machine's shell reads.
	Line string
	// Root runs it as root, else as the user who logs in.
	Root bool
	// Timeout bounds it on each machine.
	Timeout time.Duration
}

// Run runs a command on all machines at once. The outcomes are in their order.
func Run(ctx context.Context, s *connect.Session, machines []string, o Options) []Outcome {
	outcomes := make([]Outcome, len(machines))
	var wg sync.WaitGroup
	for i, m := range machines {
		wg.Go(func() { outcomes[i] = one(ctx, s, m, o) })
	}
	wg.Wait()
	return outcomes
}

func one(ctx context.Context, s *connect.Session, machine string, o Options) Outcome {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, o.Timeout, fmt.Errorf("it did not end within %v", o.Timeout))
	defer cancel()
	out := Outcome{Machine: machine}
	var text strings.Builder
	_, err := s.Run(ctx, machine, remote.Script{
		Step: "run the command", Root: o.Root, Limit: endless,
		Text: "exec 2>&1 </dev/null\neval " + remote.Quote(o.Line) + "\n",
		Line: func(line string) {
			if text.Len()+len(line) > kept {
				out.Dropped++
				return
			}
			text.WriteString(line + "\n")
		},
	})
	out.Output, out.Seconds = text.String(), time.Since(began).Seconds()
	var failed *remote.CommandError
	switch {
	case err == nil:
	case errors.As(err, &failed) && failed.ExitCode >= 0:
		out.ExitCode = failed.ExitCode
	default:
		out.ExitCode, out.Error = -1, err.Error()
	}
	return out
}

// Failed counts the machines on which it did not exit 0.
func Failed(outcomes []Outcome) int {
	n := 0
	for _, o := range outcomes {
		if o.ExitCode != 0 {
			n++
		}
	}
	return n
}

// WriteJSON writes the outcomes as an indented array.
func WriteJSON(w io.Writer, outcomes []Outcome) error { return indent.JSON(w, outcomes) }

// Write writes the output of each machine below its name.
func Write(w io.Writer, outcomes []Outcome, style table.Style) error {
	var out strings.Builder
	for _, o := range outcomes {
		head := o.Machine
		switch {
		case o.Error != "":
			head = style.Bad(o.Machine + ": " + table.Clean(o.Error))
		case o.ExitCode != 0:
			head = style.Bad(fmt.Sprintf("%s: exit code %d", o.Machine, o.ExitCode))
		}
		fmt.Fprintf(&out, "== %s\n", head)
		for line := range strings.Lines(o.Output) {
			out.WriteString(table.Printable(line) + "\n")
		}
		if o.Dropped > 0 {
			fmt.Fprintf(&out, "%s\n", style.Faint(fmt.Sprintf("(%s more)", table.Count(o.Dropped, "line"))))
		}
	}
	_, err := io.WriteString(w, out.String())
	return err
}
