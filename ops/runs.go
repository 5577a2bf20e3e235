package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/drive"
	"weir/ops/runs"
	"weir/provision/runlog"
)

func (a *app) runsCommand() *cobra.Command {
	format := asTable
	c := &cobra.Command{
		Use:   "runs",
		Short: "List what was done to the stack: who, when, what, how it ended",
		Long: `runs lists the runs that changed the stack, or could have: ops up, down and
refresh, and what a typed pulumi changed. The newest hundred are kept, also of a
stack that is gone. A run that was killed is "cut off".`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			logs, _, err := a.runLogs()
			if err != nil {
				return err
			}
			list, err := logs.Runs()
			switch {
			case err != nil:
				return err
			case format == asJSON:
				return runs.WriteJSON(a.console.Out, list)
			}
			return runs.WriteTable(a.console.Out, list, time.Local, a.console.OutStyle)
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	c.AddCommand(a.showRunCommand())
	return c
}

func (a *app) showRunCommand() *cobra.Command {
	format := asTable
	var lines bool
	c := &cobra.Command{
		Use:   "show RUN",
		Short: "Show one run: each step on each machine, gates waited for, errors",
		Long: `show prints one run: each step on each machine with how long it took, what was
waited for, and why it failed. RUN is the run's name, the beginning of it, or "last".`,
		Example: `  ops runs show last
  ops runs show 20261123T0704 --diff`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			logs, name, err := a.runLogs()
			if err != nil {
				return err
			}
			run, entries, err := logs.Find(args[0])
			if err != nil {
				return usageError{fmt.Errorf("stack %s: %w; bin/ops runs lists them", name, err)}
			}
			d := runs.Detail{Run: run, Entries: entries}
			if format == asJSON {
				return runs.WriteJSON(a.console.Out, d)
			}
			return runs.Write(a.console.Out, d, lines, time.Local, a.console.OutStyle)
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	c.Flags().BoolVar(&lines, "diff", false, "show how each file was changed")
	return c
}

// recorded has the log of a run begin before it and end behind it. A run that
// cannot be logged is warned of, and goes on.
func (a *app) recorded(s *drive.Stack, do func(*drive.Stack) error) error {
	return a.logged(s.Project.Runs(s.Name), s.Name, func(log *runlog.Log) error {
		if log == nil {
			return do(s)
		}
		return do(s.With(drive.Variable{Name: runlog.Variable, Value: log.Path()}))
	})
}

// logged is recorded for what ops does itself. The log is nil where there is none.
func (a *app) logged(logs runlog.Dir, name string, do func(*runlog.Log) error) error {
	began := a.console.Now()
	log, err := logs.Begin(runlog.Begin{
		Stack: name, Command: strings.Join(a.args, " "), Version: revision(),
	}.Me(), a.console.Now)
	if err != nil {
		a.console.Warn("this run is not logged as it should be: " + err.Error())
	}
	err = do(log)
	log.Write(runlog.Entry{End: endOf(err, a.console.Now().Sub(began))})
	if err := log.Close(); err != nil {
		a.console.Warn(err.Error())
	}
	return err
}

func endOf(err error, took time.Duration) *runlog.End {
	end := &runlog.End{Outcome: runlog.Failed, Seconds: runlog.Seconds(took)}
	var code codeError
	switch {
	case err == nil:
		end.Outcome = runlog.Done
	case errors.As(err, &code):
		end.Outcome = runlog.Unhealthy
	case drive.IsInterrupted(err):
		end.Outcome = runlog.Interrupted
	}
	var engine *drive.EngineError
	switch {
	case err == nil || err.Error() == "":
	case errors.As(err, &engine) && !engine.Interrupted:
		end.Errors = engine.Messages
	default:
		end.Errors = []string{err.Error()}
	}
	return end
}
