package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"weir/infra/stack"
	"weir/ops/drive"
	"weir/provision/release"
	"weir/provision/remote"
)

func (a *app) fetchCommand() *cobra.Command {
	to := ""
	c := &cobra.Command{
		Use:   "fetch",
		Short: "Fill a directory with the software of a stack, for computers without a network",
		Long: `fetch brings everything that the stack's machines run, Kafka with ZooKeeper and the
programs of the jobs, into one directory, each file verified by its checksum. Name
that directory in $WEIR_FETCHED, here or on another computer, and preview and up
ask no network for software. SHA256SUMS in it lists all files.

What is not in it: ops, the provider and the Pulumi CLI (the project's bin
directory), and Java, which machines without one install from a package source.`,
		Example: `  ops fetch --stack prod --to /media/usb/weir
  WEIR_FETCHED=/media/usb/weir ops up --stack prod`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			p, err := a.project()
			if err != nil {
				return err
			}
			config, err := a.readConfig(p)
			if err != nil {
				return err
			}
			return a.fetch(c.Context(), p, config, to)
		},
	}
	c.Flags().StringVar(&to, "to", "weir-fetched", "the directory to fill; what is in it already stays")
	return c
}

func (a *app) fetch(ctx context.Context, p drive.Project, config stack.Config, to string) error {
	dir, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	cache, err := release.DefaultDir()
	if err != nil {
		return err
	}
	store := &release.Store{Dir: cache, Sources: release.DefaultSources(), Progress: func(s release.Progress) {
		a.console.Note(s.String())
	}}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if config.Kafka != nil {
		lock, err := config.KafkaRelease()
		if err != nil {
			return err
		}
		if err := store.Export(ctx, lock, dir); err != nil {
			return err
		}
	}
	files, bytes, err := release.Carry(dir, config.JobBinaries(p.Root))
	if err != nil {
		return fmt.Errorf("%w; programs of jobs are built by `make build`", err)
	}
	fmt.Fprintf(a.console.Out, "%s: %d files, %.1f MB, listed in %s\n", dir, files, float64(bytes)/1e6, release.SumsFile)
	fmt.Fprintf(a.console.Out, "to use it: export %s=%s\n", release.SourcesVariable, remote.Quote(dir))
	return nil
}
