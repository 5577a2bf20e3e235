package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"weir/infra/stack"
	"weir/ops/connect"
	"weir/ops/drive"
	show "weir/ops/preflight"
	"weir/ops/verify"
	"weir/provision/preflight"
	"weir/provision/remote"
)

func (a *app) preflightCommand() *cobra.Command {
	format := asTable
	var stackFile string
	c := &cobra.Command{
		Use:   "preflight",
		Short: "Check whether the machines are fit, before anything is changed",
		Long: `preflight asks all machines at once whether they are fit for what the config
declares: login and sudo, systemd, architecture, Java, ports, room, file systems,
memory, clocks, names, and whether they reach each other. It changes nothing, and
needs no cluster: type it before the first up, which begins with the same checks.

It exits 0 where the machines are fit, and 10 where up would refuse one. Advice
does not fail.`,
		Example: `  ops preflight --stack prod
  ops preflight --stack-file Pulumi.prod.yaml -o json   # without the project`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := a.preflight(c.Context(), stackFile)
			if err != nil {
				return err
			}
			if format == asJSON {
				err = show.WriteJSON(a.console.Out, report)
			} else {
				err = show.WriteTable(a.console.Out, report, a.console.OutStyle)
			}
			if err == nil && !report.Fit {
				err = codeError(verify.ExitUnhealthy)
			}
			return err
		},
	}
	c.Flags().VarP(&format, "output", "o", "table or json")
	c.Flags().StringVar(&stackFile, "stack-file", "", "a stack's config, wherever the `file` is: no project is needed")
	return c
}

// preflight checks the machines of the stack, or those of a stack file, which
// needs no project.
func (a *app) preflight(ctx context.Context, stackFile string) (preflight.Report, error) {
	switch {
	case a.inventory != "":
		return preflight.Report{}, usageError{errors.New("preflight checks what a stack file declares, and an inventory does not tell that: " +
			"leave --inventory out, and name the file with --stack-file where there is no project")}
	case stackFile != "":
		config, root, err := readStackFile(stackFile)
		if err != nil {
			return preflight.Report{}, err
		}
		return checkMachines(ctx, config, root)
	}
	p, err := a.project()
	if err != nil {
		return preflight.Report{}, err
	}
	config, err := a.readConfig(p)
	if err != nil {
		return preflight.Report{}, err
	}
	if config.Secrets != (stack.Secrets{}) { // those of the file are stand-ins
		s, err := a.drive(p)
		if err != nil {
			return preflight.Report{}, err
		}
		if config, err = withSecrets(ctx, s, config); err != nil {
			return preflight.Report{}, err
		}
	}
	return checkMachines(ctx, config, p.Root)
}

// readStackFile reads a stack's config outside of a project, where nothing opens
// its secrets. Paths in it are relative to the file.
func readStackFile(file string) (config stack.Config, root string, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return config, "", usageError{fmt.Errorf("there is no file %s; it is to be a stack's config, as bin/ops init writes one", file)}
	}
	if err != nil {
		return config, "", err
	}
	if root, err = filepath.Abs(filepath.Dir(file)); err != nil {
		return config, "", err
	}
	if json.Valid(text) {
		return config, "", usageError{fmt.Errorf("%s is JSON, perhaps an inventory: expected a stack's config, as bin/ops init writes one", file)}
	}
	config, err = parseConfig(drive.Project{Root: root}, stackOf(file), text)
	switch {
	case err != nil:
		err = usageError{fmt.Errorf("%s: %w", file, err)}
	case config.Secrets != (stack.Secrets{}):
		err = usageError{fmt.Errorf("%s holds secrets, which only its project opens: type there bin/ops preflight --stack %s", file, stackOf(file))}
	}
	return config, root, err
}

// stackOf is the stack that a file is the config of: Pulumi.prod.yaml is prod's.
func stackOf(file string) string {
	name := filepath.Base(file)
	return strings.TrimPrefix(strings.TrimSuffix(name, filepath.Ext(name)), "Pulumi.")
}

// withSecrets is the config with its secrets in the clear: keep it out of logs.
func withSecrets(ctx context.Context, s *drive.Stack, config stack.Config) (stack.Config, error) {
	if config.Secrets == (stack.Secrets{}) {
		return config, nil
	}
	values, err := s.Secrets(ctx)
	if err != nil {
		return config, err
	}
	for key, value := range values {
		config.Secrets.Put(key, stack.NewSecret(value))
	}
	return config, nil
}

// beginPreflight checks the machines while the engine plans. What it returns
// waits for the end of that: its error says why machines must not be changed.
// Where nothing is to be changed it does not wait: what a machine is fit for does
// not matter then, and verify tells what is wrong. A machine that is out of reach
// is left to the plan, which fails where it is needed. Advice is worth a line
// where something is about to be changed.
func (a *app) beginPreflight(ctx context.Context, s *opened) (end func(changes drive.Changes, planned error) error) {
	var report preflight.Report
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		var config stack.Config
		if config, err = withSecrets(ctx, s.Stack, s.config); err == nil {
			report, err = checkMachines(ctx, config, s.Project.Root)
		}
	}()
	return func(changes drive.Changes, planned error) error {
		if planned == nil && !changes.Any() {
			return nil
		}
		<-done
		switch advice := len(report.Findings(preflight.Advise)); {
		case planned != nil && err != nil, errors.Is(err, drive.ErrNoStack): // it is made with the plan
			return nil
		case err != nil:
			return err
		case !report.Reached():
			return fmt.Errorf("up of stack %s was not begun:\n  %s", s.Name, strings.ReplaceAll(report.Err().Error(), "\n", "\n  "))
		case changes.Any() && advice > 0:
			a.console.Note(fmt.Sprintf("there is advice on the machines, %d in all: bin/ops preflight --stack %s", advice, s.Name))
		}
		return nil
	}
}

// checkMachines is the preflight of a config's machines.
func checkMachines(ctx context.Context, config stack.Config, root string) (preflight.Report, error) {
	subjects, err := config.Subjects(root)
	if err != nil {
		return preflight.Report{}, err
	}
	pool := connect.NewPool(nil)
	defer pool.Close()
	connect := func(h remote.Host) remote.Runner { return pool.On(h) }
	return preflight.Run(ctx, connect, config.Name, subjects, preflight.Options{Skip: config.OS.SkipChecks}), ctx.Err()
}
