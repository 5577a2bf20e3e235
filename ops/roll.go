package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/roll"
	"weir/ops/status/table"
	"weir/ops/ui"
	"weir/provision/fleet"
	"weir/provision/health"
	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/rollout"
	"weir/provision/runlog"
)

// rollFlags are what roll is told on the command line.
type rollFlags struct {
	roll.Options
	underReplicated, dry, yes bool
	format                    format
}

func (a *app) rollCommand() *cobra.Command {
	f := rollFlags{format: asTable}
	c := &cobra.Command{
		Use:   "roll",
		Short: "Restart the brokers one after the other, without a message lost or refused",
		Long: `roll restarts each broker behind the gates that every change has: before it, all
partitions have all replicas in sync and none is being moved; behind it, the broker
is registered, answers, and is in sync everywhere. Brokers that are down come first,
the controller last. At the end partitions are given back to their preferred leaders.

A broker that does not come back stops the roll before the next. The same command
goes on from there: servers that were restarted since the roll began are left alone
(for 24 hours; --anew restarts all). What it does is in the log: ops runs show last.`,
		Example: `  ops roll --dry-run
  ops roll --reason "new kernel" --yes
  ops roll --only weir-2`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.roll(c.Context(), f) },
	}
	flags := c.Flags()
	flags.StringSliceVar(&f.Only, "only", nil, "only this `broker`: its machine or its id")
	_ = c.RegisterFlagCompletionFunc("only", a.completeMachine)
	flags.BoolVar(&f.ZooKeeper, "zookeeper", false, "restart ZooKeeper's members too, before the brokers, the leader last")
	flags.StringVar(&f.Reason, "reason", "", "why, for the log of runs")
	flags.BoolVar(&f.Anew, "anew", false, "restart all, also what an unfinished roll has restarted")
	flags.BoolVar(&f.underReplicated, "allow-under-replicated", false, "do not wait for partitions that this broker does not endanger")
	flags.DurationVar(&f.Patience, "patience", rollout.DefaultPatience, "how long each gate may stay shut")
	flags.BoolVar(&f.dry, "dry-run", false, "print the order and the gates, and restart nothing")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.VarP(&f.format, "output", "o", "table or json, of what --dry-run prints")
	return c
}

func (a *app) roll(ctx context.Context, f rollFlags) error {
	s, err := a.session(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // all is said
	logs, name, err := a.runLogs()
	if err != nil {
		return err
	}
	earlier, err := logs.Runs()
	if err != nil {
		return err
	}
	if s.Cluster.Kafka == nil {
		return usageError{connect.ErrNoKafka}
	}
	var log *runlog.Log // of the run, once it has begun
	brokers, err := roll.NewBrokers(s, f.underReplicated, func(machine string, found health.Findings) {
		text := machine + ": " + found.Err().Error()
		log.Write(runlog.Entry{Warning: text})
		a.console.Warn(text)
	})
	if err != nil {
		return err
	}
	defer brokers.Close() //nolint:errcheck // all is said
	plan, err := roll.Prepare(ctx, s, brokers, f.Options, earlier, a.console.Now())
	var rejected roll.Rejected
	if errors.As(err, &rejected) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	if f.dry {
		return a.showRoll(plan, f.format)
	}
	if err := a.beforeRoll(plan, f.yes); err != nil {
		return err
	}
	return a.logged(logs, name, func(l *runlog.Log) error {
		log = l
		log.Hide(s.Cluster.Secrets()...)
		return a.rolled(ctx, s, plan, f.Options, log)
	})
}

func (a *app) showRoll(plan roll.Plan, f format) error {
	if f == asJSON {
		return roll.WriteJSON(a.console.Out, plan)
	}
	return roll.Write(a.console.Out, plan, a.console.OutStyle)
}

// beforeRoll shows the plan to who is asked, and refuses what must not begin.
func (a *app) beforeRoll(plan roll.Plan, yes bool) error {
	if err := roll.Write(a.console.Err, plan, a.console.ErrStyle); err != nil {
		return err
	}
	if why := plan.Hindrance(); why != "" {
		return errors.New("nothing was restarted: " + why)
	}
	if plan.Restarts() == 0 {
		return nil
	}
	_, err := a.agree(&consent{yes: yes}, fmt.Sprintf("restart %s of cluster %s, one after the other",
		table.Count(plan.Restarts(), "server"), plan.Cluster))
	return err
}

func (a *app) rolled(ctx context.Context, s *connect.Session, plan roll.Plan, o roll.Options, log *runlog.Log) error {
	// Not the session's: its patience is that of somebody who waits for an answer.
	pool := remote.NewPool()
	defer pool.Close() //nolint:errcheck // all is said
	progress := a.console.NewProgress()
	err := roll.Run(ctx, &fleet.Fleet{Pool: pool, Holder: runlog.Begin{}.Me().Holder()}, s, plan, o, observe(progress, log))
	for _, failed := range runlog.Failures(err) {
		log.Write(runlog.Entry{Failure: &failed})
	}
	if err != nil {
		return fmt.Errorf("%w; once that is mended, ops roll goes on from there", err)
	}
	fmt.Fprintf(a.console.Out, "cluster %s: %s restarted in %s; every partition is in sync and led by its preferred leader\n",
		plan.Cluster, table.Count(plan.Restarts(), "server"), table.Seconds(progress.Elapsed().Seconds()))
	return nil
}

// observe tells a person and the log what a roll does.
func observe(progress *ui.Progress, log *runlog.Log) roll.Observers {
	gates := runlog.Gates(log.Write)
	return roll.Observers{
		Began: func(r runlog.Roll) { log.Write(runlog.Entry{Roll: &r}) },
		Step: func(e machine.Event) {
			log.Write(runlog.Entry{Step: &runlog.Step{Machine: e.Machine, Step: e.Step, Seconds: runlog.Seconds(e.Took)}})
			progress.Step(e.Machine, e.Step.String())
		},
		Gate: func(e rollout.Event) {
			gates(e)
			if e.Phase == rollout.Finished && e.Step != rollout.Switch && e.Took > time.Second {
				progress.Step(cmp.Or(e.Machine, "cluster"), fmt.Sprintf("%s [%s]", e.Step, table.Seconds(e.Took.Seconds())))
			}
		},
	}
}
