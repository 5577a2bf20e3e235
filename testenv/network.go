package testenv

import (
	"context"
	"fmt"
	"maps"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// ensureNetwork makes the stack's network, or adopts it. The stack's lock must
// be held: the engine of old accepts two networks of one name.
func (e *engine) ensureNetwork(ctx context.Context, s Spec, where place) error {
	name := networkName(s.Stack)
	found, err := e.findNetwork(ctx, name)
	if err != nil {
		return err
	}
	if found != nil {
		return checkNetwork(*found, s, where)
	}
	_, err = e.api.NetworkCreate(ctx, name, client.NetworkCreateOptions{
		Driver: "bridge",
		Labels: s.labels(),
		IPAM: &network.IPAM{Config: []network.IPAMConfig{
			{Subnet: where.subnet, Gateway: where.gateway},
		}},
	})
	if err == nil {
		return nil
	}
	// Another user's run, which takes another lock, may have been faster.
	if found, findErr := e.findNetwork(ctx, name); findErr == nil && found != nil {
		return checkNetwork(*found, s, where)
	}
	if errdefs.IsPermissionDenied(err) || errdefs.IsInternal(err) || errdefs.IsInvalidArgument(err) {
		return fmt.Errorf("network %s: subnet %s: %w: if another network has it, choose another subnet for stack %s",
			name, where.subnet, err, s.Stack)
	}
	return fmt.Errorf("network %s: %w", name, err)
}

// findNetwork returns the network of exactly that name, nil when there is none.
func (e *engine) findNetwork(ctx context.Context, name string) (*network.Network, error) {
	list, err := e.api.NetworkList(ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("name", name)})
	if err != nil {
		return nil, fmt.Errorf("list networks: %w", err)
	}
	for _, n := range list.Items { // the filter matches parts of names
		if n.Name == name {
			return &n.Network, nil
		}
	}
	return nil, nil
}

func checkNetwork(n network.Network, s Spec, where place) error {
	if n.Labels[labelStack] != s.Stack {
		return &ForeignError{"network", n.Name, "was not made by weir",
			"remove it, or give the stack another name"}
	}
	var subnets []string
	for _, c := range n.IPAM.Config {
		if c.Subnet == where.subnet {
			return nil
		}
		subnets = append(subnets, c.Subnet.String())
	}
	return &ForeignError{"network", n.Name, fmt.Sprintf("has subnet %v, not %s", subnets, where.subnet),
		fmt.Sprintf("give all machines of stack %s the same subnet, or remove the stack first", s.Stack)}
}

// removeNetwork removes the stack's networks when nothing is in them any more,
// and tells whether it did.
func (e *engine) removeNetwork(ctx context.Context, stack string) (removed bool, err error) {
	for _, name := range []string{networkName(stack), network6Name(stack)} {
		found, err := e.findNetwork(ctx, name)
		if err != nil {
			return removed, err
		}
		if found == nil || found.Labels[labelStack] != stack {
			continue
		}
		left, err := e.containers(ctx, labelStack+"="+stack)
		if err != nil || len(left) > 0 {
			return removed, err
		}
		_, err = e.api.NetworkRemove(ctx, found.ID, client.NetworkRemoveOptions{})
		if err != nil && !errdefs.IsNotFound(err) {
			return removed, fmt.Errorf("remove network %s: %w", found.Name, err)
		}
		removed = removed || err == nil
	}
	return removed, nil
}

// labels are the marks by which a machine and its network are found again.
func (s Spec) labels() map[string]string {
	labels := map[string]string{labelStack: s.Stack}
	if s.Disposable {
		labels[labelOwner] = owner()
	}
	return labels
}

func withLabel(labels map[string]string, name, value string) map[string]string {
	labels = maps.Clone(labels)
	labels[name] = value
	return labels
}
