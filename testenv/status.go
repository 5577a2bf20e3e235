package testenv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Status is what the engine knows of a machine.
type Status struct {
	// Exists is false when there is no such machine; all else is then empty.
	Exists bool
	// Running is true also while the machine boots, and while it is paused.
	Running, Paused bool
	Address, Image  string
	ContainerID     string
}

// Inspect tells how a machine is, without talking to it. A container of its
// name that is not ours is a ForeignError.
func Inspect(ctx context.Context, stack, name string) (Status, error) {
	e, err := open(ctx)
	if err != nil {
		return Status{}, err
	}
	defer e.close()
	c, err := e.find(ctx, stack, name)
	if c == nil || err != nil {
		return Status{}, err
	}
	status := Status{Exists: true, Running: c.State.Running, Paused: c.State.Paused, Image: c.Config.Image, ContainerID: c.ID}
	if endpoint := c.NetworkSettings.Networks[networkName(stack)]; endpoint != nil {
		status.Address = fixedAddress(endpoint).String()
	}
	return status, nil
}

// Remove removes a machine with its data, and the stack's network with the last
// of its machines. Its keys stay, so that a machine made anew is known. A
// machine that does not exist is no error; one that is not ours is a
// ForeignError.
func Remove(ctx context.Context, stack, name string) error {
	e, err := open(ctx)
	if err != nil {
		return err
	}
	defer e.close()
	c, err := e.find(ctx, stack, name)
	if err != nil {
		return err
	}
	if c != nil {
		if err := e.removeContainer(ctx, c.ID); err != nil {
			return err
		}
	}
	_, err = e.removeStackNetwork(ctx, stack)
	return err
}

// Sweep removes all machines of a stack, finished or half made, and its
// network, and returns the names of what it removed, sorted. It goes on after
// an error and returns it in the end.
func Sweep(ctx context.Context, stack string) (removed []string, err error) {
	e, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer e.close()
	found, err := e.containers(ctx, labelStack+"="+stack)
	if err != nil {
		return nil, err
	}
	removed, err = e.removeAll(ctx, found)
	gone, networkErr := e.removeStackNetwork(ctx, stack)
	if gone {
		removed = append(removed, networkName(stack))
	}
	slices.Sort(removed)
	return removed, errors.Join(err, networkErr)
}

// SweepOrphans removes the disposable machines and networks of processes that
// have ended, and returns their names, sorted. Tests call it first, for those
// that were killed.
func SweepOrphans(ctx context.Context) (removed []string, err error) {
	e, err := open(ctx)
	if err != nil {
		return nil, err
	}
	defer e.close()
	found, err := e.containers(ctx, labelOwner)
	if err != nil {
		return nil, err
	}
	orphans := slices.DeleteFunc(found, func(c container.Summary) bool { return !ended(c.Labels[labelOwner]) })
	removed, err = e.removeAll(ctx, orphans)
	networks, listErr := e.api.NetworkList(ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("label", labelOwner)})
	errs := []error{err, listErr}
	for _, n := range networks.Items {
		if !ended(n.Labels[labelOwner]) {
			continue
		}
		gone, err := e.removeStackNetwork(ctx, n.Labels[labelStack])
		if gone {
			removed = append(removed, n.Name)
		}
		errs = append(errs, err)
	}
	slices.Sort(removed)
	return removed, errors.Join(errs...)
}

// containers lists containers with a label, whatever their state.
func (e *engine) containers(ctx context.Context, label string) ([]container.Summary, error) {
	list, err := e.api.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", label)})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return list.Items, nil
}

// removeAll removes containers at the same time and returns the names of those
// that are gone.
func (e *engine) removeAll(ctx context.Context, all []container.Summary) (removed []string, err error) {
	errs := make([]error, len(all))
	var group sync.WaitGroup
	for i, c := range all {
		group.Go(func() { errs[i] = e.removeContainer(ctx, c.ID) })
	}
	group.Wait()
	for i, c := range all {
		if errs[i] == nil {
			removed = append(removed, strings.TrimPrefix(strings.Join(c.Names, ","), "/"))
		}
	}
	return removed, errors.Join(errs...)
}

// removeContainer kills and removes: with the data goes every reason for an
// orderly shutdown.
func (e *engine) removeContainer(ctx context.Context, id string) error {
	_, err := e.api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil || errdefs.IsNotFound(err) {
		return nil
	}
	if !errdefs.IsConflict(err) { // a conflict: another run is removing it
		return fmt.Errorf("remove container %s: %w", id, err)
	}
	return e.awaitGone(ctx, id)
}

func (e *engine) awaitGone(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stopTimeout, fmt.Errorf("container %s is still there after %s", id, stopTimeout))
	defer cancel()
	for {
		_, err := e.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		if errdefs.IsNotFound(err) {
			return nil
		}
		if err := pause(ctx, lockPoll); err != nil {
			return err
		}
	}
}

// removeStackNetwork is removeNetwork under the stack's lock, so that none is
// removed between its making and its first machine.
func (e *engine) removeStackNetwork(ctx context.Context, stack string) (bool, error) {
	release, err := lock(ctx, "stack-"+stack)
	if err != nil {
		return false, err
	}
	defer release()
	return e.removeNetwork(ctx, stack)
}
