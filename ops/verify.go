package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/verify"
	"weir/provision/inventory"
)

func (a *app) verifyCommand() *cobra.Command {
	var options verify.Options
	format := asTable
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check the cluster from end to end",
		Long: `verify checks what runs against what was declared, sends messages through every
broker and reads them back, and recounts what the calculator published.
It exits 0 where the cluster is healthy, 10 where it is not, 1 where it could
not be checked.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := options.Validate(); err != nil {
				return usageError{err}
			}
			cluster, err := a.cluster(c.Context())
			if err != nil {
				return err
			}
			code, err := a.verify(c.Context(), cluster, options, format == asJSON)
			if err != nil {
				return err
			}
			return asError(code)
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	c.Flags().StringSliceVar(&options.Only, "only", nil, "only these checks")
	c.Flags().StringSliceVar(&options.Skip, "skip", nil, "not these checks")
	c.Flags().DurationVar(&options.Timeout, "timeout", 0, "bound the whole run (30s)")
	return c
}

// verify checks a cluster, writes what was found, and returns the exit code.
func (a *app) verify(ctx context.Context, cluster inventory.Cluster, o verify.Options, asJSON bool) (int, error) {
	session, err := connect.Open(ctx, cluster, a.connection())
	if err != nil {
		return exitError, err
	}
	defer session.Close()
	if err := a.guard(ctx, session); err != nil {
		return exitError, err
	}
	return a.report(verify.Run(ctx, session, o), asJSON)
}

// settlePatience is how long a cluster may take after a change until all of it
// is seen at work: jobs that were restarted restore their state first, and on a
// busy computer a Java tool alone needs 20 s to start.
const settlePatience = 90 * time.Second

// verifySettled is verify after a change: what is not yet as it should be is
// checked again until it is, or the patience is over.
func (a *app) verifySettled(ctx context.Context, cluster inventory.Cluster) (int, error) {
	session, err := connect.Open(ctx, cluster, a.connection())
	if err != nil {
		return exitError, err
	}
	defer session.Close()
	report := verify.Run(ctx, session, verify.Options{})
	for end := time.Now().Add(settlePatience); report.ExitCode() == verify.ExitUnhealthy && time.Now().Before(end) && ctx.Err() == nil; {
		a.console.Note("not all is at work yet, checking again: " + strings.Join(report.Unhealthy(), ", "))
		report = report.With(verify.Run(ctx, session, verify.Options{Only: report.Unhealthy()}))
	}
	return a.report(report, false)
}

func (a *app) report(report verify.Report, asJSON bool) (int, error) {
	if asJSON {
		return report.ExitCode(), verify.WriteJSON(a.console.Out, report)
	}
	return report.ExitCode(), verify.WriteTable(a.console.Out, report, a.console.OutStyle)
}
