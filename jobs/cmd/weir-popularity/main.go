// Command weir-popularity: see package popularity.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"weir/jobs/popularity"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := popularity.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
