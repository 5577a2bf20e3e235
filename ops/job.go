package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/provision/fleet"
	"weir/provision/inventory"
	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/runlog"
)

// jobVerb is something that is done to a job's service.
type jobVerb struct {
	name, short string
	// done is what was done, for a person.
	done    string
	actions []machine.Action
}

// jobVerbs: a job that is stopped stays so when its machine boots.
var jobVerbs = []jobVerb{
	{"start", "Start a job", "started", []machine.Action{machine.Enable, machine.Start}},
	{"stop", "Stop a job, until it is started again, or the next up", "stopped", []machine.Action{machine.Stop}},
	{"restart", "Restart a job", "restarted", []machine.Action{machine.Restart}},
}

func (a *app) jobCommand() *cobra.Command {
	c := &cobra.Command{Use: "job", Short: "Start, stop and restart jobs, and read their logs"}
	for _, v := range jobVerbs {
		c.AddCommand(a.jobVerbCommand(v))
	}
	return needsVerb(c, a.jobLogsCommand())
}

func (a *app) jobVerbCommand(v jobVerb) *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use: v.name + " NAME", Short: v.short, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.job(c.Context(), v, args[0], yes) },
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return c
}

func (a *app) jobLogsCommand() *cobra.Command {
	f := logFlags{format: asTable}
	c := &cobra.Command{
		Use: "logs NAME", Short: "Show a job's log", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.service, f.linesSaid = args[0], c.Flags().Changed("lines")
			return a.logs(c.Context(), f, nil)
		},
	}
	c.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with what is written from now on")
	c.Flags().StringVar(&f.since, "since", "", "no older lines than that")
	c.Flags().IntVarP(&f.lines, "lines", "n", 0, "at most so many lines, the newest")
	c.Flags().VarP(&f.format, "output", "o", "table or json, an object a line")
	return c
}

func (a *app) job(ctx context.Context, v jobVerb, name string, yes bool) error {
	s, err := a.session(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // all is said
	j, m, err := findJob(s.Cluster, name)
	if err != nil {
		return usageError{err}
	}
	if _, err := a.agree(&consent{yes: yes}, fmt.Sprintf("%s job %s (%s) on %s", v.name, j.Name, j.Unit, j.Machine)); err != nil {
		return err
	}
	logs, stack, err := a.runLogs()
	if err != nil {
		return err
	}
	return a.logged(logs, stack, func(log *runlog.Log) error {
		log.Hide(s.Cluster.Secrets()...)
		if err := a.changeJob(ctx, v, j, m, log); err != nil {
			return err
		}
		fmt.Fprintf(a.console.Out, "job %s on %s: %s\n", j.Name, j.Machine, v.done)
		return nil
	})
}

func findJob(c inventory.Cluster, name string) (inventory.Job, inventory.Machine, error) {
	var names []string
	for _, j := range c.Jobs {
		if j.Name == name {
			m, err := c.Machine(j.Machine)
			return j, m, err
		}
		names = append(names, j.Name)
	}
	slices.Sort(names)
	return inventory.Job{}, inventory.Machine{}, fmt.Errorf("there is no job %q; the jobs are: %s", name, strings.Join(names, ", "))
}

// changeJob holds the machine's lock meanwhile, as every change of it does.
func (a *app) changeJob(ctx context.Context, v jobVerb, j inventory.Job, m inventory.Machine, log *runlog.Log) error {
	pool := connect.NewPool(nil)
	defer pool.Close() //nolint:errcheck // all is said
	plan := machine.Plan{Machine: m.Name}
	for _, action := range v.actions {
		plan.Steps = append(plan.Steps, machine.Step{Phase: machine.Switch, Action: action, Kind: "service", Target: j.Unit})
	}
	f := &fleet.Fleet{Pool: pool, Holder: runlog.Begin{}.Me().Holder()}
	err := f.Locked(ctx, map[string]remote.Host{m.Name: m.Host}, func() error {
		return f.Carry(ctx, m.Host, plan, func(e machine.Event) {
			log.Write(runlog.Entry{Step: &runlog.Step{Machine: e.Machine, Step: e.Step, Seconds: runlog.Seconds(e.Took)}})
		})
	})
	for _, failed := range runlog.Failures(err) {
		log.Write(runlog.Entry{Failure: &failed})
	}
	return err
}
