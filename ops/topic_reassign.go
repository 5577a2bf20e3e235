package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/reassign"
	"weir/ops/status/table"
	"weir/ops/topic"
	"weir/provision/inventory"
	"weir/provision/kafka"
)

// What a move takes of the network and the disks where nobody says otherwise: a
// half of a gigabit, and few partitions, so that little is under way at a time.
const (
	defaultThrottle = 50 // MiB a second
	defaultBatch    = 5  // partitions
)

func (a *app) reassignTopicsCommand() *cobra.Command {
	var w reassign.Wish
	var throttle, batch int
	c := &cobra.Command{
		Use:   "reassign [TOPIC...]",
		Short: "Move replicas: to other brokers, off a broker, to more or fewer copies",
		Long: `reassign plans as few moves as the wish needs, shows each and what becomes of the
brokers, asks, and moves in batches behind a throttle. Throttles that it set are taken
away however it ends, and no others.

Interrupted, it takes back the batch that is under way: what was moved stays. Killed,
what it left is on disk, and the next run goes on with it. The same command goes on
from where it stopped. Moves of somebody else are left alone, and refused to be joined.

With --remove-broker and without topics, all topics move, Kafka's own too.`,
		Example: `  ops topic reassign clicks --to 0,1,2,3
  ops topic reassign --remove-broker 3 --throttle 20
  ops topic reassign clicks --replication-factor 3 --dry-run`,
		ValidArgsFunction: a.completeTopics,
	}
	k := consentFlags(c)
	k.declaredFlag(c)
	format := outputFlag(c)
	c.Flags().Int32SliceVar(&w.To, "to", nil, "the brokers to keep the replicas, spread evenly")
	c.Flags().Int32SliceVar(&w.Remove, "remove-broker", nil, "empty these brokers")
	c.Flags().IntVar(&w.Replicas, "replication-factor", 0, "how many replicas each partition gets")
	c.Flags().IntVar(&throttle, "throttle", defaultThrottle, "`MiB` a second that a broker may send or take for it; 0 is no limit")
	c.Flags().IntVar(&batch, "batch", defaultBatch, "how many partitions move at a time")
	c.RunE = func(c *cobra.Command, args []string) error {
		w.Topics = args
		switch {
		case len(w.To)+len(w.Remove)+w.Replicas == 0:
			return usageError{errors.New("say where to: --to, --remove-broker or --replication-factor")}
		case len(args) == 0 && len(w.Remove) == 0:
			return usageError{errors.New("name the topics to move")}
		case throttle < 0 || batch < 1:
			return usageError{errors.New("--throttle wants 0 or more, --batch 1 or more")}
		}
		logs, _, err := a.runLogs()
		if err != nil {
			return err
		}
		s, err := a.session(c.Context())
		if err != nil {
			return err
		}
		defer s.Close()
		if err := s.Speaks(adminFeatures); err != nil {
			return err
		}
		run := reassign.Run{
			Session: s, Rate: int64(throttle) << 20, Batch: batch,
			Told: func(text string) { fmt.Fprintln(a.console.Out, text) }, Live: a.console.Progress,
		}
		if *format != asTable {
			run.Told = a.console.Note
		}
		return a.reassign(c.Context(), filepath.Dir(string(logs)), run, w, k, *format)
	}
	return c
}

// reassign plans and moves; dir is where what is under way is kept.
func (a *app) reassign(ctx context.Context, dir string, run reassign.Run, w reassign.Wish, k *consent, f format) error {
	if !k.dryRun {
		log, left, err := reassign.OpenLog(dir)
		if err != nil {
			return err
		}
		defer log.Close()
		run.Log = log
		if err := run.Left(ctx, left); err != nil {
			return err
		}
	}
	view, err := fullView(ctx, run.Session)
	if err != nil {
		return err
	}
	moves, err := reassign.Plan(view, w)
	if err != nil {
		return usageError{err}
	}
	if len(moves) == 0 {
		run.Told("nothing to move: all is as it was wished")
		return nil
	}
	if err := a.showMoves(ctx, run.Session, view, moves, f); err != nil {
		return err
	}
	for _, t := range refactored(run.Session.Cluster, moves, w) {
		if err := a.agreeDeclared(k, run.Session.Cluster, t, fmt.Sprintf("write replicationFactor: %d there too, or the next ops up stops at it", w.Replicas)); err != nil {
			return err
		}
	}
	if ok, err := a.agree(k, "move "+table.Count(len(moves), "partition")); !ok {
		return err
	}
	if err := run.Do(ctx, moves); err != nil {
		return err
	}
	return a.lead(ctx, run.Session, moves)
}

// fullView is a view with how many replicas a write takes.
func fullView(ctx context.Context, s *connect.Session) (kafka.View, error) {
	admin, err := s.Changer(ctx)
	if err != nil {
		return kafka.View{}, err
	}
	defer admin.Close()
	return admin.View(ctx)
}

func (a *app) showMoves(ctx context.Context, s *connect.Session, view kafka.View, moves []reassign.Move, f format) error {
	sizes, _ := topic.Sizes(ctx, s, view.Brokers) // of those that tell; the plan needs none
	d := reassign.Show(view, moves, sizes)
	return a.show(f, d, func(w io.Writer, style table.Style) error { return reassign.Write(w, d, style) })
}

// refactored are the declared topics that get another number of replicas.
func refactored(c inventory.Cluster, moves []reassign.Move, w reassign.Wish) []string {
	var names []string
	for _, t := range c.Topics {
		if w.Replicas > 0 && w.Replicas != int(t.ReplicationFactor) &&
			slices.ContainsFunc(moves, func(m reassign.Move) bool { return m.Topic == t.Name }) {
			names = append(names, t.Name)
		}
	}
	return names
}

// lead has the preferred leaders of what was moved lead it.
func (a *app) lead(ctx context.Context, s *connect.Session, moves []reassign.Move) error {
	admin, err := s.Changer(ctx)
	if err != nil {
		return err
	}
	defer admin.Close()
	view, err := admin.View(ctx)
	if err != nil {
		return err
	}
	elect := map[string][]int32{}
	for name, ids := range view.Unpreferred() {
		for _, id := range ids {
			if slices.ContainsFunc(moves, func(m reassign.Move) bool { return m.Topic == name && m.ID == id }) {
				elect[name] = append(elect[name], id)
			}
		}
	}
	return admin.Elect(ctx, elect)
}
