package main

import (
	"context"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/group"
)

// completionPatience bounds what happens behind the Tab key: a person would
// sooner type the name.
const completionPatience = 3 * time.Second

// completion looks up words for the shell, in silence: what fails completes
// nothing.
func (a *app) completion(ctx context.Context, look func(context.Context, *connect.Session) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	a.console.Interactive, a.console.Err = false, io.Discard // nothing is asked, nothing is said
	words, _ := connect.Bounded(ctx, func() ([]string, error) {
		cluster, err := a.cluster(ctx)
		if err != nil {
			return nil, err
		}
		s, err := connect.Open(ctx, cluster, a.connection())
		if err != nil {
			return nil, err
		}
		defer s.Close()
		return look(ctx, s)
	})
	return words, cobra.ShellCompDirectiveNoFileComp
}

func topicNames(ctx context.Context, s *connect.Session) ([]string, error) {
	view, err := s.View(ctx)
	names := map[string]bool{}
	for _, p := range view.Partitions {
		names[p.Topic] = true
	}
	return slices.Sorted(maps.Keys(names)), err
}

func groupNames(ctx context.Context, s *connect.Session) ([]string, error) {
	list, err := group.Look(ctx, s)
	var names []string
	for _, g := range list.Groups {
		names = append(names, g.Name)
	}
	return names, err
}

// completeTopic completes the first argument, completeTopics each.
func (a *app) completeTopic(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completion(c.Context(), topicNames)
}

func (a *app) completeTopics(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completion(c.Context(), topicNames)
}

// completeGroup completes the first argument, completeGroups each.
func (a *app) completeGroup(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completion(c.Context(), groupNames)
}

func (a *app) completeGroups(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completion(c.Context(), groupNames)
}

// completeMachine completes machines as the stack has them: nobody is asked.
func (a *app) completeMachine(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completion(c.Context(), func(_ context.Context, s *connect.Session) (names []string, _ error) {
		for _, m := range s.Cluster.Machines {
			names = append(names, m.Name)
		}
		return names, nil
	})
}
