package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"weir/ops/drive"
	"weir/provision/remote"
)

func (a *app) envCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print what a typed pulumi needs to work on the same stacks",
		Example: `  eval "$(bin/ops env)"
  pulumi preview`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := a.project()
			if err != nil {
				return err
			}
			// A typed pulumi makes neither the directory nor the passphrase.
			if err := p.Prepare(); err != nil {
				return err
			}
			// The passphrase of another project would win over our file.
			fmt.Fprintln(a.console.Out, "unset PULUMI_CONFIG_PASSPHRASE")
			for _, v := range append(p.Shared(), drive.Variable{Name: "PULUMI_STACK", Value: a.stack}) {
				fmt.Fprintf(a.console.Out, "export %s=%s\n", v.Name, remote.Quote(v.Value))
			}
			fmt.Fprintf(a.console.Out, "export PATH=%s:\"$PATH\"\n", remote.Quote(p.BinDir()))
			return nil
		},
	}
}
