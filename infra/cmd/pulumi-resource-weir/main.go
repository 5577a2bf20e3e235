// Command pulumi-resource-weir is the provider plugin that Pulumi starts.
package main

import (
	"context"
	"fmt"
	"os"

	"weir/infra/provider"
)

func main() {
	if err := provider.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-weir:", err)
		os.Exit(1)
	}
}
