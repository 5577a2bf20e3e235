package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"weir/ops/drive"
	"weir/ops/ui"
)

func (a *app) upCommand() *cobra.Command {
	var skipVerify, yesDeleteData bool
	c := &cobra.Command{
		Use:   "up",
		Short: "Make the cluster what its config declares, and verify it",
		Long: `up looks at every machine, changes what differs from the stack's config, and
ends by verifying the cluster. It may be interrupted, and run again, at any time.

It begins with what preflight does: where a machine is not fit, nothing is changed
on any.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.ensureConfig(); err != nil {
				return err
			}
			s, err := a.open()
			if err != nil {
				return err
			}
			a.warn(s.config)
			s.DeleteData = yesDeleteData
			return a.recorded(s.Stack, func(stack *drive.Stack) error {
				return a.up(c.Context(), &opened{stack, s.config}, !skipVerify)
			})
		},
	}
	c.Flags().BoolVar(&yesDeleteData, "yes-delete-data", false, "delete the data of what leaves the config, where deleteData was applied before")
	c.Flags().BoolVar(&skipVerify, "no-verify", false, "do not verify the cluster afterwards")
	return c
}

func (a *app) up(ctx context.Context, s *opened, verified bool) error {
	progress := a.console.NewProgress()
	preflight := a.beginPreflight(ctx, s)
	changes, err := s.Plan(ctx, progress.Warning)
	if unfit := preflight(changes, err); unfit != nil {
		return unfit
	}
	if err == nil && changes.Any() {
		changes, err = s.Up(ctx, progress.Event)
	}
	if err != nil {
		return err
	}
	cluster, err := s.Cluster(ctx)
	if errors.Is(err, drive.ErrUnfinished) { // a run that was killed behind its last change
		if changes, err = s.Up(ctx, progress.Event); err != nil {
			return err
		}
		cluster, err = s.Cluster(ctx)
	}
	fmt.Fprintf(a.console.Out, "stack %s: %s\n", s.Name, ui.Summary(changes, progress.Elapsed()))
	if err != nil {
		return err
	}
	if err := a.noteCluster(ctx, cluster); err != nil {
		a.console.Warn(err.Error())
	}
	code := exitOK
	switch {
	case verified && changes.Any():
		code, err = a.verifySettled(ctx, cluster, settlePatience)
	case verified:
		code, err = a.verifySettled(ctx, cluster, 0)
	}
	if err != nil {
		return err
	}
	a.whereNext(s.Name, cluster)
	return asError(code)
}

// asError is nil for success, else an error that carries the exit code.
func asError(code int) error {
	if code == exitOK {
		return nil
	}
	return codeError(code)
}
