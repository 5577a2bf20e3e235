package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/provision/kafka"
)

func (a *app) electLeadersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "elect [TOPIC...]",
		Short: "Give partitions back to their preferred leaders",
		Long: `elect gives partitions back to the first of their replicas, where that is in sync.
It names those whose preferred leader is not in sync, and exits 1 where there are any.`,
		ValidArgsFunction: a.completeTopics,
	}
	k := consentFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return a.talk(c.Context(), changePatience, func(ctx context.Context, s *connect.Session) error {
			return a.elect(ctx, s, k, args)
		})
	}
	return c
}

func (a *app) elect(ctx context.Context, s *connect.Session, k *consent, topics []string) error {
	admin, err := s.Changer(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	view, err := admin.View(ctx)
	if err != nil {
		return err
	}
	if view, err = only(view, topics); err != nil {
		return err
	}
	moves := view.Unpreferred()
	count := 0
	for _, p := range view.Partitions {
		if slices.Contains(moves[p.Topic], p.ID) {
			fmt.Fprintf(a.console.Out, "%s: leader %d -> %d\n", p, p.Leader, p.Replicas[0])
			count++
		}
	}
	stuck := stuckOf(view)
	if count == 0 {
		if len(stuck) == 0 {
			fmt.Fprintln(a.console.Out, "every partition has its preferred leader")
		}
		return notPreferred(stuck)
	}
	if ok, err := a.agree(k, "move "+table.Count(count, "leader")); !ok {
		return err
	}
	if err := admin.Elect(ctx, moves); err != nil {
		return err
	}
	fmt.Fprintf(a.console.Out, "%s moved\n", table.Count(count, "leader"))
	return notPreferred(stuck)
}

// only keeps of a view what belongs to topics, all where none is named.
func only(view kafka.View, topics []string) (kafka.View, error) {
	if len(topics) == 0 {
		return view, nil
	}
	for _, t := range topics {
		if len(view.Of(t)) == 0 {
			return view, fmt.Errorf("topic %s: %w", t, kafka.ErrNoTopic)
		}
	}
	view.Partitions = view.With(func(p kafka.Partition) bool { return slices.Contains(topics, p.Topic) })
	return view, nil
}

// stuckOf are the partitions whose preferred leader cannot lead: by broker.
func stuckOf(view kafka.View) map[int32]int {
	stuck := map[int32]int{}
	for _, p := range view.Partitions {
		if !p.Preferred() && !slices.Contains(p.ISR, p.Replicas[0]) {
			stuck[p.Replicas[0]]++
		}
	}
	return stuck
}

func notPreferred(stuck map[int32]int) error {
	var problems []string
	for _, id := range slices.Sorted(maps.Keys(stuck)) {
		problems = append(problems, fmt.Sprintf("broker %d is not in sync for %s that it should lead", id, table.Count(stuck[id], "partition")))
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("not all have their preferred leader: %v", problems)
}
