package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/journal"
	"weir/ops/status/table"
)

// logFlags are what logs is told on the command line.
type logFlags struct {
	follow         bool
	since, service string
	units          []string
	lines          int
	linesSaid      bool // 0 can be meant
	format         format
}

// logLines are the newest lines of each machine that are shown where nobody says
// how many, or since when.
const logLines = 100

func (a *app) logsCommand() *cobra.Command {
	f := logFlags{format: asTable}
	c := &cobra.Command{
		Use:   "logs [machine...]",
		Short: "Show the services' logs of all machines as one, in the order of time",
		Long: `logs reads the journals of the cluster's services on all machines, or on those
named, and merges them in the order of time. A machine that does not answer is
named, and the others are shown; it exits 1 then. With --follow, --lines 0 begins with
what is written from now on.

--since takes a duration (15m) or what journalctl takes ("2026-01-02 03:04", today).`,
		Example: `  ops logs -f
  ops logs --since 10m --service kafka weir-1 weir-2`,
		ValidArgsFunction: a.completeMachine,
		RunE: func(c *cobra.Command, args []string) error {
			f.linesSaid = c.Flags().Changed("lines")
			return a.logs(c.Context(), f, args)
		},
	}
	flags := c.Flags()
	flags.BoolVarP(&f.follow, "follow", "f", false, "go on with what is written from now on")
	flags.StringVar(&f.since, "since", "", "no older lines than that")
	flags.StringVar(&f.service, "service", "", "only this `service`: zookeeper, kafka, or a job's name")
	flags.StringSliceVar(&f.units, "unit", nil, "this systemd `unit` instead of the cluster's own")
	flags.IntVarP(&f.lines, "lines", "n", 0, fmt.Sprintf("at most so many lines of each machine, the newest (%d; with --since %d)", logLines, journal.MaxLines))
	flags.VarP(&f.format, "output", "o", "table or json, an object a line")
	return c
}

func (a *app) logs(ctx context.Context, f logFlags, machines []string) error {
	s, err := a.unguarded(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // all is said
	q, err := f.query(s, machines)
	if err != nil {
		return usageError{err}
	}
	show := a.entryWriter(s, f.format)
	if f.follow {
		return a.follow(ctx, s, q, show)
	}
	entries, cut, failed := journal.Read(ctx, s, q)
	for _, e := range entries {
		show(e)
	}
	for _, m := range cut {
		a.console.Note(fmt.Sprintf("machine %s has older lines; --lines or --since shows them", m))
	}
	for _, lost := range failed {
		a.console.Fail(lost.Err.Error())
	}
	if len(failed) > 0 {
		return codeError(exitError)
	}
	return ctx.Err()
}

func (f logFlags) query(s *connect.Session, machines []string) (journal.Query, error) {
	q := journal.Query{Lines: f.lines, Machines: machines}
	var err error
	if q.Since, err = journal.Since(f.since); err != nil {
		return q, err
	}
	switch {
	case f.lines < 0 || f.lines > journal.MaxLines:
		return q, fmt.Errorf("--lines %d is not within 0 to %d", f.lines, journal.MaxLines)
	case f.linesSaid && f.lines == 0 && !f.follow:
		return q, errors.New("--lines 0 shows nothing without --follow")
	case f.linesSaid:
	case f.since != "":
		q.Lines = journal.MaxLines
	default:
		q.Lines = logLines
	}
	if q.Machines, err = chosenMachines(s, machines); err != nil {
		return q, err
	}
	q.Units = func(machine string) []string {
		if len(f.units) > 0 {
			return f.units
		}
		return journal.Declared(s.Cluster, machine, f.service)
	}
	if !slices.ContainsFunc(q.Machines, func(m string) bool { return len(q.Units(m)) > 0 }) {
		return q, fmt.Errorf("no service %q is declared on %s", f.service, strings.Join(q.Machines, ", "))
	}
	return q, nil
}

// chosenMachines are those named, each once, or all; one that is not there is an
// error.
func chosenMachines(s *connect.Session, names []string) ([]string, error) {
	var all []string
	for _, m := range s.Cluster.Machines {
		all = append(all, m.Name)
	}
	if len(names) == 0 {
		return all, nil
	}
	var chosen []string
	for _, name := range names {
		switch {
		case !slices.Contains(all, name):
			return nil, fmt.Errorf("there is no machine %q; the machines are %s", name, strings.Join(all, ", "))
		case !slices.Contains(chosen, name):
			chosen = append(chosen, name)
		}
	}
	return chosen, nil
}

func (a *app) follow(ctx context.Context, s *connect.Session, q journal.Query, show func(journal.Entry)) error {
	failed := false
	err := journal.Follow(ctx, s, q, show, func(lost journal.Failure) {
		failed = true
		a.console.Fail(lost.Err.Error())
	})
	if errors.Is(err, journal.ErrSilent) || err == nil && failed {
		return codeError(exitError)
	}
	return err
}

// entryWriter writes entries for people, machines in a column, or for programs.
func (a *app) entryWriter(s *connect.Session, f format) func(journal.Entry) {
	if f == asJSON {
		e := json.NewEncoder(a.console.Out)
		return func(entry journal.Entry) { _ = e.Encode(entry) } // a pipe that closed ends it all
	}
	width := 0
	for _, m := range s.Cluster.Machines {
		width = max(width, len(m.Name))
	}
	style := a.console.OutStyle
	return func(e journal.Entry) {
		for line := range strings.SplitSeq(strings.TrimRight(e.Message, "\n"), "\n") {
			fmt.Fprintf(a.console.Out, "%s %-*s %s %s\n", style.Faint(e.At.Local().Format("2006-01-02 15:04:05.000")),
				width, e.Machine, style.Faint(e.Unit+":"), table.Printable(line))
		}
	}
}
