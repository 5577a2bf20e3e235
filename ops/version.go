package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/spf13/cobra"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the versions of ops and of what it is built on",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(a.console.Out, "ops %s, for Pulumi %s, built with %s\n", revision(), sdk.Version, runtime.Version())
			return nil
		},
	}
}

// revision is the commit that ops was built from, where the build knew it.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return info.Main.Version
}
