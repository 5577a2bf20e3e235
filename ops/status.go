package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/status"
	"weir/ops/status/table"
)

// statusInterval is how often --watch looks: a person sees a leader move, and
// three machines spend well below a hundredth of their time on it.
const statusInterval = 2 * time.Second

func (a *app) statusCommand() *cobra.Command {
	var watch bool
	var interval time.Duration
	c := &cobra.Command{
		Use:   "status",
		Short: "Show machines, services, versions, leaders, topics and jobs",
		Long: `status shows machines, services, versions, leaders, topics and jobs as they are now.
It judges nothing, which verify does. It exits with 0 where all that is declared was
found at work, with 10 where a machine did not answer, a unit does not run, a member,
a broker or a job does not answer, or a topic is missing: each is named at the end.
With --watch it goes on whatever it finds, and the last look makes the exit code.`,
		Args: cobra.NoArgs,
	}
	format := outputFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if interval <= 0 {
			return usageError{errors.New("--interval must be longer than nothing")}
		}
		s, err := a.session(c.Context())
		if err != nil {
			return err
		}
		defer s.Close() //nolint:errcheck // all is said
		if watch {
			return a.watchStatus(c.Context(), s, interval, *format)
		}
		return a.showStatus(status.Collect(c.Context(), s), *format)
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "look again and again, until Ctrl-C")
	c.Flags().DurationVar(&interval, "interval", statusInterval, "how often --watch looks")
	return c
}

// showStatus ends with a code where something was not found at work.
func (a *app) showStatus(found status.Status, f format) error {
	err := a.show(f, found, func(w io.Writer, style table.Style) error { return status.WriteTable(w, found, style) })
	if err == nil && len(found.Away) > 0 {
		err = codeError(exitDrifted)
	}
	return err
}

// clearScreen puts the cursor home and clears behind it (ECMA-48).
const clearScreen = "\x1b[H\x1b[2J"

// watchStatus shows the status again and again: on a terminal in its place,
// elsewhere one behind the other.
func (a *app) watchStatus(ctx context.Context, s *connect.Session, interval time.Duration, f format) (last error) {
	for ctx.Err() == nil {
		found := status.Collect(ctx, s)
		if ctx.Err() != nil { // what was collected is cut off
			break
		}
		if f == asTable && isTerminal(a.console.Out) {
			fmt.Fprint(a.console.Out, clearScreen)
		}
		a.beginDocument(f.String())
		last = a.showStatus(found, f)
		if last != nil && !errors.As(last, new(codeError)) {
			return last
		}
		if f == asTable {
			fmt.Fprintln(a.console.Out)
		}
		pause(ctx, interval)
	}
	return last
}
