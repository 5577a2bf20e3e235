// Command pulumi-resource-weir is the provider plugin that Pulumi starts.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"

	"weir/infra/provider"
)

func main() {
	debug.SetGCPercent(400) // it lives for seconds, and keeps little
	if err := provider.Run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-weir:", err)
		os.Exit(1)
	}
}
