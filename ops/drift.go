package main

import (
	"context"

	"github.com/spf13/cobra"

	"weir/ops/drift"
	"weir/ops/drive"
)

func (a *app) driftCommand() *cobra.Command {
	format := asTable
	c := &cobra.Command{
		Use:   "drift",
		Short: "List what was changed by hand since it was last applied",
		Long: `drift looks at every machine and lists what is not as it was last applied. It
saves nothing and changes nothing; up heals what it lists. It exits with 0 where
nothing differs, with 10 where something does or a machine could not be looked at.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open()
			if err != nil {
				return err
			}
			found, err := a.looked(c.Context(), s.Stack, s.Look, format)
			if err == nil && found.Drifted {
				err = codeError(exitDrifted)
			}
			return err
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	return c
}

// looked writes what a look at the stack's machines found.
func (a *app) looked(ctx context.Context, s *drive.Stack, look func(context.Context, drive.Observer) ([]drive.Resource, error), f format) (drift.Report, error) {
	resources, err := look(ctx, nil)
	if err != nil {
		return drift.Report{}, err
	}
	found, err := drift.New(s.Name, resources)
	switch {
	case err != nil:
	case f == asJSON:
		err = drift.WriteJSON(a.console.Out, found)
	default:
		err = drift.WriteText(a.console.Out, found, a.console.OutStyle)
	}
	return found, err
}
