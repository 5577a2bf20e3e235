package main

import (
	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/status"
)

func (a *app) statusCommand() *cobra.Command {
	format := asTable
	c := &cobra.Command{
		Use:   "status",
		Short: "Show machines, services, versions, leaders, topics and jobs",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cluster, err := a.cluster(c.Context())
			if err != nil {
				return err
			}
			session, err := connect.Open(c.Context(), cluster, a.connection())
			if err != nil {
				return err
			}
			defer session.Close()
			found := status.Collect(c.Context(), session)
			if format == asJSON {
				return status.WriteJSON(a.console.Out, found)
			}
			return status.WriteTable(a.console.Out, found, a.console.OutStyle)
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	return c
}
