// Command ops is the operator's tool: it brings clusters up and down, and
// tells how they are. Each verb is a file of this package, thin over the
// packages below it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// repeated is how soon after a signal the same one is still part of it: a
// terminal sends it to a whole group and its leader passes it on, and coreutils'
// timeout signals its child and then the group.
const repeated = 500 * time.Millisecond

func main() { os.Exit(run()) }

// run is main, for tests that call it as a program.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal ends the run in good order; a second one at once.
	context.AfterFunc(ctx, func() { time.AfterFunc(repeated, stop) })
	return execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
}
