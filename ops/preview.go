package main

import (
	"github.com/spf13/cobra"

	"weir/ops/drive"
)

func (a *app) previewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "preview",
		Short: "Show what up would do, down to the lines of each file",
		Long: `preview looks at every machine and shows what up would change there, down to
the lines of each file. It changes nothing.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open()
			if err != nil {
				return err
			}
			a.warn(s.config)
			_, err = s.Preview(c.Context(), a.output())
			return err
		},
	}
}

// output is where the engine's own text goes.
func (a *app) output() drive.Output {
	return drive.Output{To: a.console.Out, Colour: a.console.OutStyle.Color}
}
