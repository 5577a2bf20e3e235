package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"

	"github.com/spf13/cobra"

	"weir/ops/drive"
	"weir/ops/ui"
	"weir/ops/verify"
)

// localStack is the stack of containers on this computer, whose config is
// written where it is missing: there is nothing in it that must be asked.
const (
	localStack      = "local"
	localContainers = 3
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
			if err := a.ensureLocalConfig(); err != nil {
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
	fmt.Fprintf(a.console.Out, "stack %s: %s\n", s.Name, ui.Summary(changes, progress.Elapsed()))
	cluster, err := s.Cluster(ctx)
	if err != nil {
		return err
	}
	code := exitOK
	switch {
	case verified && changes.Any():
		code, err = a.verifySettled(ctx, cluster)
	case verified:
		code, err = a.verify(ctx, cluster, verify.Options{}, false)
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

// ensureLocalConfig writes the config of the local stack where there is none.
func (a *app) ensureLocalConfig() error {
	if a.stack != localStack {
		return nil
	}
	p, err := a.project()
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.StackFile(localStack)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return a.writeStack(p, localStack, localDraft(), false)
}

func localDraft() draft { return draft{Containers: localContainers} }

// isGenerated says whether the local stack's config is what would be written
// again, but for what Pulumi adds to it.
func isGenerated(p drive.Project, name string) bool {
	text, err := os.ReadFile(p.StackFile(name))
	if err != nil || name != localStack {
		return false
	}
	generated, err := localDraft().yaml(name)
	if err != nil {
		return false
	}
	is, err1 := parseConfig(p, name, text)
	was, err2 := parseConfig(p, name, generated)
	return err1 == nil && err2 == nil && reflect.DeepEqual(is, was)
}
