package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/ops/topic"
)

func (a *app) topicCommand() *cobra.Command {
	c := &cobra.Command{Use: "topic", Short: "List, describe, create, change, move and delete topics"}
	return needsVerb(c,
		a.listTopicsCommand(), a.describeTopicCommand(), a.createTopicCommand(), a.alterTopicCommand(),
		a.deleteTopicCommand(), a.reassignTopicsCommand(), a.electLeadersCommand(),
	)
}

func (a *app) listTopicsCommand() *cobra.Command {
	var internal bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List topics: partitions, replicas, what lacks replicas, size on all disks",
		Args:  cobra.NoArgs,
	}
	format := outputFlag(c)
	c.Flags().BoolVar(&internal, "internal", false, "those that Kafka keeps for itself too")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return a.talk(c.Context(), lookPatience, func(ctx context.Context, s *connect.Session) error {
			list, err := topic.Look(ctx, s, internal)
			if err != nil {
				return err
			}
			err = a.show(*format, list, func(w io.Writer, style table.Style) error { return topic.WriteList(w, list, style) })
			if err != nil {
				return err
			}
			return partly(list.Problems)
		})
	}
	return c
}

func (a *app) describeTopicCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "describe TOPIC",
		Short: "Show a topic's partitions, leaders, replicas, offsets and settings",
		Args:  cobra.ExactArgs(1), ValidArgsFunction: a.completeTopic,
	}
	format := outputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.talk(c.Context(), lookPatience, func(ctx context.Context, s *connect.Session) error {
			d, err := topic.Describe(ctx, s, args[0])
			if err != nil {
				return err
			}
			err = a.show(*format, d, func(w io.Writer, style table.Style) error { return topic.Write(w, d, style) })
			if err != nil {
				return err
			}
			return partly(d.Problems)
		})
	}
	return c
}
