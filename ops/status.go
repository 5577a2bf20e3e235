package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/status"
)

// statusInterval is how often --watch looks: a person sees a leader move, and
// three machines spend well below a hundredth of their time on it.
const statusInterval = 2 * time.Second

func (a *app) statusCommand() *cobra.Command {
	format := asTable
	var watch bool
	var interval time.Duration
	c := &cobra.Command{
		Use:   "status",
		Short: "Show machines, services, versions, leaders, topics and jobs",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if interval <= 0 {
				return usageError{errors.New("--interval must be longer than nothing")}
			}
			s, err := a.session(c.Context())
			if err != nil {
				return err
			}
			defer s.Close() //nolint:errcheck // all is said
			if watch {
				return a.watchStatus(c.Context(), s, interval, format)
			}
			return a.showStatus(c.Context(), s, format)
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "look again and again, until Ctrl-C")
	c.Flags().DurationVar(&interval, "interval", statusInterval, "how often --watch looks")
	return c
}

func (a *app) showStatus(ctx context.Context, s *connect.Session, f format) error {
	found := status.Collect(ctx, s)
	if f == asJSON {
		return status.WriteJSON(a.console.Out, found)
	}
	return status.WriteTable(a.console.Out, found, a.console.OutStyle)
}

// clearScreen puts the cursor home and clears behind it (ECMA-48).
const clearScreen = "\x1b[H\x1b[2J"

// watchStatus shows the status again and again: on a terminal in its place,
// elsewhere one behind the other.
func (a *app) watchStatus(ctx context.Context, s *connect.Session, interval time.Duration, f format) error {
	for ctx.Err() == nil {
		found := status.Collect(ctx, s)
		if ctx.Err() != nil { // what was collected is cut off
			break
		}
		if f == asJSON {
			if err := status.WriteJSON(a.console.Out, found); err != nil {
				return err
			}
		} else {
			if isTerminal(a.console.Out) {
				fmt.Fprint(a.console.Out, clearScreen)
			}
			if err := status.WriteTable(a.console.Out, found, a.console.OutStyle); err != nil {
				return err
			}
			fmt.Fprintln(a.console.Out)
		}
		select {
		case <-ctx.Done():
		case <-time.After(interval):
		}
	}
	return nil
}
