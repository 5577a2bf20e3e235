package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"weir/ops/drive"
	"weir/ops/plan"
	"weir/provision/runlog"
)

func (a *app) previewCommand() *cobra.Command {
	format := asTable
	var scripts bool
	c := &cobra.Command{
		Use:   "preview",
		Short: "Show what up would do, down to the lines of each file",
		Long: `preview looks at every machine and shows what up would do, in the order in which
it would: each file as a difference of its lines, each unit, user, package,
directory, release, link and kernel setting, topics and jobs; what is restarted,
which machine first, and what is waited for. Secrets are masked. It changes nothing.

It exits 0 whether or not there is something to change ("changes" in the JSON
says which), and 1 where up would stop before it changes anything; what is known
is shown all the same.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open()
			if err != nil {
				return err
			}
			a.warn(s.config)
			d, err := a.preview(c.Context(), s.Stack, scripts)
			return errors.Join(a.showPlan(d, format, scripts), err)
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	c.Flags().BoolVar(&scripts, "script", false, "show the scripts that the machines would be sent, exactly (releases are fetched: their sizes are part of it)")
	return c
}

// preview has the engine and the provider plan, and puts together what they say.
// The document holds what is known where there is an error, too.
func (a *app) preview(ctx context.Context, s *drive.Stack, scripts bool) (plan.Document, error) {
	dir, err := os.MkdirTemp("", "weir-plans-")
	if err != nil {
		return plan.Document{}, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is below the directory for such
	file := filepath.Join(dir, "plans")
	wanted := []drive.Variable{{Name: runlog.PlansVariable, Value: file}}
	if scripts {
		wanted = append(wanted, drive.Variable{Name: runlog.ScriptsVariable, Value: "yes"})
	}
	var heard plan.Collector
	progress := a.console.NewProgress()
	_, failed := s.With(wanted...).Plan(ctx, func(e drive.Event) {
		heard.Event(e)
		progress.Warning(e)
	})
	plans, _, err := runlog.Read(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) { // nothing is there to plan
		return plan.Document{}, errors.Join(failed, err)
	}
	d := heard.Document(s.Name, plans)
	if failed != nil {
		d.Error = failed.Error()
	}
	return d, failed
}

func (a *app) showPlan(d plan.Document, format format, scripts bool) error {
	switch {
	case d.Stack == "": // it did not come to a plan
		return nil
	case format == asJSON:
		return plan.WriteJSON(a.console.Out, d)
	case scripts:
		return plan.WriteScripts(a.console.Out, d)
	case d.Error != "" && len(d.Resources) == 0:
		return nil
	}
	return plan.Write(a.console.Out, d, a.console.OutStyle)
}

// output is where the engine's own text goes.
func (a *app) output() drive.Output {
	return drive.Output{To: a.console.Out, Colour: a.console.OutStyle.Color}
}
