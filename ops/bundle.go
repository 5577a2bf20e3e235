package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"weir/ops/bundle"
	"weir/ops/status/table"
)

func (a *app) bundleCommand() *cobra.Command {
	var file string
	var noVerify bool
	c := &cobra.Command{
		Use:   "support-bundle",
		Short: "Gather versions, configs, logs, metrics and a verify report into one archive",
		Long: `support-bundle writes one archive (tar.gz, readable by you alone) with what somebody
needs who is asked for help: versions, the stack file, what is on each machine, the
services' newest logs, metrics of jobs, status, a verify report, and the logs of the
last runs. Secrets of the stack are masked, and whatever a name says is one. What
could not be had is in missing.txt. Read it before you send it to strangers.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.bundle(c.Context(), file, !noVerify) },
	}
	c.Flags().StringVarP(&file, "file", "f", "", "where to write it (weir-support-STACK-TIME.tar.gz)")
	c.Flags().BoolVar(&noVerify, "no-verify", false, "without a verify report: send the cluster no messages")
	return c
}

func (a *app) bundle(ctx context.Context, file string, verify bool) error {
	s, err := a.unguarded(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // all is said
	source := bundle.Source{Session: s, Version: revision(), Verify: verify}
	secrets, err := a.secrets(ctx, &source)
	if err != nil {
		return err
	}
	logs, name, err := a.runLogs()
	if err != nil {
		return err
	}
	source.Runs = logs
	now := a.console.Now().UTC()
	file = cmp.Or(file, fmt.Sprintf("weir-support-%s-%s.tar.gz", name, now.Format("20060102T150405Z")))
	archive, err := bundle.Create(file, now, append(secrets, s.Cluster.Secrets()...))
	if errors.Is(err, fs.ErrExist) {
		return usageError{fmt.Errorf("%s is there already; name another: --file", file)}
	}
	if err != nil {
		return err
	}
	err = bundle.Collect(ctx, archive, source)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		archive.Abandon()
		return err
	}
	missing, err := archive.Close()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.console.Out, file)
	if len(missing) > 0 {
		a.console.Warn(fmt.Sprintf("%s could not be had: %s", table.Count(len(missing), "thing"), strings.Join(missing, "; ")))
		return codeError(exitError)
	}
	return nil
}

// secrets are those of the stack's config; an inventory has none besides its own.
func (a *app) secrets(ctx context.Context, source *bundle.Source) ([]string, error) {
	if a.inventory != "" {
		return nil, nil
	}
	p, err := a.project()
	if err != nil {
		return nil, err
	}
	source.StackFile = p.StackFile(a.stack)
	s, err := a.drive(p)
	if err != nil {
		return nil, err
	}
	values, err := s.Secrets(ctx)
	return slices.Collect(maps.Values(values)), err
}
