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
