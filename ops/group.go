package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/group"
	"weir/ops/status/table"
)

func (a *app) groupCommand() *cobra.Command {
	c := &cobra.Command{Use: "group", Short: "List, describe and reset consumer groups; show their lag"}
	return needsVerb(c, a.listGroupsCommand(), a.describeGroupCommand(), a.lagCommand(), a.resetGroupCommand())
}

func (a *app) listGroupsCommand() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List consumer groups with their states", Args: cobra.NoArgs}
	format := outputFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.talk(c.Context(), lookPatience, func(ctx context.Context, s *connect.Session) error {
			list, err := group.Look(ctx, s)
			if err != nil {
				return err
			}
			err = a.show(*format, list, func(w io.Writer, style table.Style) error { return group.WriteList(w, list, style) })
			if err != nil {
				return err
			}
			return partly(list.Problems)
		})
	}
	return c
}

func (a *app) describeGroupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "describe GROUP",
		Short: "Show a group's members, and how far they have read",
		Args:  cobra.ExactArgs(1), ValidArgsFunction: a.completeGroup,
	}
	format := outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.talk(c.Context(), lookPatience, func(ctx context.Context, s *connect.Session) error {
			d, err := group.Describe(ctx, s, args[0])
			if err != nil {
				return err
			}
			err = a.show(*format, d, func(w io.Writer, style table.Style) error { return group.Write(w, d, style) })
			if err != nil {
				return err
			}
			return partly(d.Problems)
		})
	}
	return c
}

func (a *app) lagCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "lag [GROUP...]",
		Short:             "Show how many records groups are behind, by partition",
		ValidArgsFunction: a.completeGroups,
	}
	format := outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.talk(c.Context(), lookPatience, func(ctx context.Context, s *connect.Session) error {
			all, problems, err := group.LookAtLag(ctx, s, args)
			if err != nil {
				return err
			}
			err = a.show(*format, all, func(w io.Writer, style table.Style) error { return group.WriteLag(w, all, style) })
			if err != nil {
				return err
			}
			return partly(problems)
		})
	}
	return c
}

func (a *app) resetGroupCommand() *cobra.Command {
	var target group.Target
	var offset, shift int64
	var when string
	var topics []string
	c := &cobra.Command{
		Use:   "reset GROUP",
		Short: "Set where a group goes on reading",
		Long: `reset shows, for each partition, where the group would go on reading and how many
records it reads again or skips, asks, and sets it. It refuses while the group has
members: stop them first. Without --topic, it moves all that the group has committed.`,
		Example: `  ops group reset billing --to-earliest
  ops group reset billing --topic clicks --to-time 2026-11-20T08:00:00Z
  ops group reset billing --shift=-100 --dry-run`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeGroup,
	}
	k := consentFlags(c)
	format := outputFlag(c)
	f := c.Flags()
	f.BoolVar(&target.Earliest, "to-earliest", false, "the first record that is kept")
	f.BoolVar(&target.Latest, "to-latest", false, "the end: only what comes then")
	f.Int64Var(&offset, "to-offset", 0, "this `offset` of each partition")
	f.Int64Var(&shift, "shift", 0, "so many records on; back where it is negative")
	f.StringVar(&when, "to-time", "", "the first record of this `time` or later (2006-01-02T15:04:05Z), or so long ago (90m)")
	f.StringSliceVar(&topics, "topic", nil, "these topics only")
	_ = c.RegisterFlagCompletionFunc("topic", a.completeTopics)
	c.RunE = func(c *cobra.Command, args []string) error {
		if f.Changed("to-offset") {
			target.Offset = &offset
		}
		if f.Changed("shift") {
			target.Shift = &shift
		}
		if f.Changed("to-time") {
			at, err := parseTime(when, a.console.Now())
			if err != nil {
				return usageError{err}
			}
			target.Time = &at
		}
		if err := target.Validate(); err != nil {
			return usageError{err}
		}
		return a.talk(c.Context(), changePatience, func(ctx context.Context, s *connect.Session) error {
			return a.resetGroup(ctx, s, k, *format, args[0], target, topics)
		})
	}
	return c
}

func (a *app) resetGroup(ctx context.Context, s *connect.Session, k *consent, f format, name string, target group.Target, topics []string) error {
	d, err := group.Describe(ctx, s, name)
	if err != nil && (len(topics) == 0 || !errors.Is(err, group.ErrNoGroup)) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w; a group is there once a consumer has committed", err)
	}
	if d.Live() {
		return fmt.Errorf("group %s is %s with %s: stop its consumers first; ops group describe %[1]s shows who they are",
			name, d.State, table.Count(len(d.Members), "member"))
	}
	moves, err := d.Plan(ctx, s, target, topics)
	if err != nil {
		return fmt.Errorf("group %s: %w", name, err)
	}
	err = a.show(f, moves, func(w io.Writer, style table.Style) error { return group.WriteMoves(w, moves, style) })
	if err != nil {
		return err
	}
	if ok, err := a.agree(k, fmt.Sprintf("set %s of group %s", table.Count(len(moves), "offset"), name)); !ok {
		return err
	}
	if err := d.Reset(ctx, s, moves); err != nil {
		return err
	}
	fmt.Fprintf(a.console.Err, "group %s goes on from there\n", name)
	return nil
}

// parseTime reads a time, or how long ago it was.
func parseTime(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time (2006-01-02T15:04:05Z) nor a duration (90m)", text)
}
