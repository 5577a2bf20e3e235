package main

import (
	"github.com/spf13/cobra"

	"weir/ops/drive"
)

func (a *app) refreshCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "refresh",
		Short: "Look at every machine, and keep what is found as what is known",
		Long: `refresh looks at every machine, lists how it differs from what was last applied,
as drift does, and keeps that as what is known of it. It changes no machine; the
next up does.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.open()
			if err != nil {
				return err
			}
			return a.recorded(s.Stack, func(s *drive.Stack) error {
				_, err = a.looked(c.Context(), s, s.Refresh, asTable)
				return err
			})
		},
	}
}
