package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/describe"
	"weir/ops/group"
	"weir/ops/status/table"
)

func (a *app) describeCommand() *cobra.Command {
	c := &cobra.Command{Use: "describe", Short: "Show one page about a broker, a topic, a group or a job, and what belongs to it"}
	return needsVerb(c,
		a.pageCommand("broker ID|MACHINE", "Show a broker: service, partitions, disks, settings made while it ran, groups", brokerIDs,
			func(ctx context.Context, s *connect.Session, name string) (page, error) {
				id, machine, err := describe.FindBroker(s, name)
				if err != nil {
					return page{}, usageError{err}
				}
				b, err := describe.LookAtBroker(ctx, s, id, machine)
				return page{b, func(w io.Writer, style table.Style) error { return describe.WriteBroker(w, b, style) }, b.Problems}, err
			}),
		a.pageCommand("topic TOPIC", "Show a topic, and the jobs and groups that use it", topicNames,
			func(ctx context.Context, s *connect.Session, name string) (page, error) {
				t, err := describe.LookAtTopic(ctx, s, name)
				return page{t, func(w io.Writer, style table.Style) error { return describe.WriteTopic(w, t, style) }, t.Problems}, err
			}),
		a.pageCommand("group GROUP", "Show a group: its members, and how far they have read", groupNames,
			func(ctx context.Context, s *connect.Session, name string) (page, error) {
				d, err := group.Describe(ctx, s, name)
				return page{d, func(w io.Writer, style table.Style) error { return group.Write(w, d, style) }, d.Problems}, err
			}),
		a.pageCommand("job JOB", "Show a job: service, topics, counters", jobNames,
			func(ctx context.Context, s *connect.Session, name string) (page, error) {
				j, err := describe.LookAtJob(ctx, s, name)
				return page{j, func(w io.Writer, style table.Style) error { return describe.WriteJob(w, j, style) }, j.Problems}, err
			}),
	)
}

// page is what is shown of one thing.
type page struct {
	data     any
	people   func(io.Writer, table.Style) error
	problems []string
}

func (a *app) pageCommand(use, short string, names func(context.Context, *connect.Session) ([]string, error),
	look func(context.Context, *connect.Session, string) (page, error)) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1)}
	c.ValidArgsFunction = func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.completion(c.Context(), names)
	}
	format := outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.talk(c.Context(), lookPatience, func(ctx context.Context, s *connect.Session) error {
			p, err := look(ctx, s, args[0])
			if err != nil {
				return err
			}
			if err := a.show(*format, p.data, p.people); err != nil {
				return err
			}
			return partly(p.problems)
		})
	}
	return c
}

func jobNames(_ context.Context, s *connect.Session) (names []string, _ error) {
	for _, j := range s.Cluster.Jobs {
		names = append(names, j.Name)
	}
	return names, nil
}
