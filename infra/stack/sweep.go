package stack

import (
	"context"

	"weir/testenv"
)

// Sweep removes the containers and the network that were made for a cluster,
// found by their labels: what a killed run left behind is in no state. It
// returns their names.
func Sweep(ctx context.Context, cluster string) ([]string, error) {
	return testenv.Sweep(ctx, cluster)
}

// ContainerState is what the container engine says of a machine that weir makes:
// "missing", "stopped", "paused" or "running". The error says that no engine
// answers, and what to do.
func ContainerState(ctx context.Context, cluster, machine string) (string, error) {
	s, err := testenv.Inspect(ctx, cluster, machine)
	switch {
	case err != nil:
		return "", err
	case !s.Exists:
		return "missing", nil
	case s.Paused:
		return "paused", nil
	case !s.Running:
		return "stopped", nil
	}
	return "running", nil
}
