// Command weir-producer: see package producer.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"weir/jobs/producer"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := producer.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
