package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"weir/infra/stack"
	"weir/ops/drive"
	"weir/ops/ui"
)

func (a *app) downCommand() *cobra.Command {
	var yes, yesDeleteData, forget bool
	c := &cobra.Command{
		Use:   "down",
		Short: "Remove the cluster, its containers and all that is kept of it",
		Long: `down removes what up installed, containers that up made with everything in them,
and the stack's state. It asks before. On machines of your own, data stays unless
deleteData was applied before: then the cluster's name is to be typed, or
--yes-delete-data given, which means --yes too. The stack's config stays.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := a.target()
			if err != nil {
				return err
			}
			if err := a.confirm(t, yes, yesDeleteData, forget); err != nil {
				return err
			}
			return a.down(c.Context(), t, forget)
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&yesDeleteData, "yes-delete-data", false, "do not ask, and delete the data that deleteData lets go")
	c.Flags().BoolVar(&forget, "forget", false, "forget the stack without touching machines of your own")
	return c
}

// target is a stack to remove. It must be removable whatever state it is in.
type target struct {
	*drive.Stack
	// config is what could be read of it; cluster is its name then, else the stack's.
	config  stack.Config
	cluster string
	// containers says that every machine is a container: nothing needs the
	// engine to be removed.
	containers bool
}

func (a *app) target() (*target, error) {
	p, err := a.project()
	if err != nil {
		return nil, err
	}
	s, err := a.drive(p)
	if err != nil {
		return nil, err
	}
	_, containers := builtin(a.stack)
	t := &target{Stack: s, cluster: a.stack, containers: containers}
	if config, err := a.readConfig(p); err == nil {
		t.config, t.cluster = config, config.Name
		t.containers = config.ContainerCount() == len(config.Machines)
		return t, a.unlock(config.Inventory(p.Root).Machines)
	}
	return t, nil
}

// what says in a few words what will be gone.
func (t *target) what() string {
	var own []string
	for _, m := range t.config.Machines {
		if !m.Container {
			own = append(own, m.Name)
		}
	}
	switch {
	case t.containers:
		return "its containers with all data in them"
	case len(own) > 0:
		return "what was installed on " + strings.Join(own, ", ")
	}
	return "everything that its state lists"
}

func (a *app) confirm(t *target, yes, yesDeleteData, forget bool) error {
	doomed := t.DataGoes()
	if forget { // which touches no machine
		doomed = nil
	}
	t.DeleteData = true // of containers, or confirmed below
	if yesDeleteData {
		return nil
	}
	if len(doomed) > 0 {
		return a.confirmData(t, strings.Join(doomed, ", "))
	}
	if yes {
		return nil
	}
	if !a.console.Interactive {
		return usageError{fmt.Errorf("down removes stack %s: %s; there is no terminal to ask on, so say it with --yes (make down YES=1)", t.Name, t.what())}
	}
	answer, err := a.console.Ask(fmt.Sprintf("Remove stack %s: %s? Type yes:", t.Name, t.what()))
	if err != nil {
		return err
	}
	if answer != "yes" {
		return errors.New("nothing was removed")
	}
	return nil
}

// confirmData asks for more than a yes, which is typed by habit and by scripts.
func (a *app) confirmData(t *target, machines string) error {
	if !a.console.Interactive {
		return usageError{fmt.Errorf("deleteData was applied to stack %s: down deletes the data on %s for good, which --yes does not say; "+
			"say it with --yes-delete-data (make down STACK=%s DELETE_DATA=%s), or set deleteData to false and run: bin/ops up --stack %s", t.Name, machines, t.Name, t.Name, t.Name)}
	}
	answer, err := a.console.Ask(fmt.Sprintf("Remove stack %s, %s, AND DELETE THE DATA on %s for good? Type the cluster's name, %s:", t.Name, t.what(), machines, t.cluster))
	if err != nil {
		return err
	}
	if answer != t.cluster {
		return errors.New("nothing was removed")
	}
	return nil
}

// down removes the stack. A stack that never came up has no log to tell it to.
func (a *app) down(ctx context.Context, t *target, forget bool) error {
	if !t.Exists() {
		return a.remove(ctx, t, forget)
	}
	return a.recorded(t.Stack, func(s *drive.Stack) error {
		t.Stack = s
		return a.remove(ctx, t, forget)
	})
}

func (a *app) remove(ctx context.Context, t *target, forget bool) error {
	progress := a.console.NewProgress()
	if err := a.destroy(ctx, t, progress, forget); err != nil {
		return err
	}
	swept, err := a.sweep(ctx, t)
	if err != nil {
		return err
	}
	errs := []error{t.Forget(), t.Project.ClearStackDir(t.cluster)}
	if isGenerated(t.Project, t.Name) {
		errs = append(errs, os.Remove(t.Project.StackFile(t.Name)))
	}
	if err := errors.Join(append(errs, t.Project.Tidy())...); err != nil {
		return fmt.Errorf("remove what is kept of stack %s: %w", t.Name, err)
	}
	text := "stack " + t.Name + " is gone"
	if len(swept) > 0 {
		text += "; also removed, as no state listed it: " + strings.Join(swept, ", ")
	}
	fmt.Fprintln(a.console.Out, text)
	return nil
}

// destroy has the engine take everything down. A stack of containers goes
// without it too, where its state is lost or damaged.
func (a *app) destroy(ctx context.Context, t *target, progress *ui.Progress, forget bool) error {
	if !t.Exists() || forget {
		return nil
	}
	if t.Damaged() {
		if t.containers {
			a.console.Warn("the state cannot be read; the containers are found by their labels instead")
			return nil
		}
		return fmt.Errorf("the state of stack %s cannot be read, so it is unknown what to remove from its machines; "+
			"restore it (%s), or give it up with --forget", t.Name, t.Backup())
	}
	_, err := t.Destroy(ctx, progress.Event)
	if err == nil || !t.containers || drive.IsInterrupted(err) {
		return err
	}
	var locked *drive.LockedError
	if errors.As(err, &locked) {
		return err
	}
	a.console.Warn(err.Error())
	a.console.Note("removing the containers as they are")
	return nil
}

// sweep removes containers that no state lists. Without a container engine
// there are none, and that matters only where there should be.
func (a *app) sweep(ctx context.Context, t *target) ([]string, error) {
	if len(t.config.Machines) > 0 && t.config.ContainerCount() == 0 {
		return nil, nil
	}
	swept, err := stack.Sweep(ctx, t.cluster)
	if err != nil && t.config.ContainerCount() > 0 {
		return swept, fmt.Errorf("remove the containers of stack %s: %w", t.Name, err)
	}
	return swept, nil
}
