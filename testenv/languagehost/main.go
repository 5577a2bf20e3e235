// Command languagehost lets Pulumi's CLI run Go programs where Pulumi's own
// language host is missing. It answers the part of the protocol that `preview`,
// `up`, `refresh` and `destroy` use.
//
// A full installation of Pulumi has pulumi-language-go, and that one is to be
// used. It is not published as a Go module, though, so that a CLI built from
// its module comes without it. The end-to-end tests build this program, under
// that name, only where PATH has no pulumi-language-go, and say so.
//
// What it does as Pulumi's own: it builds the directory that `main:` names, or
// takes the program of the runtime's option `binary`; it hands on the
// environment that the SDK's pulumi.Run reads; and it understands how such a
// program ends. It differs in that it keeps what it has built, next to itself:
// linking takes seconds, and the next command finds the program up to date.
//
// What it does not: `pulumi new`, `install`, `convert` and `package`, plugins
// and policies written in Go, debuggers, and finding out which plugins a
// program needs. Pulumi.yaml names the one that weir's program needs.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// engineCheck is how often the engine is asked whether it is alive. A CLI that
// was killed tells nobody, and a program that waits for it would wait for ever.
const engineCheck = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "languagehost:", err)
		os.Exit(1)
	}
}

// serve answers the engine until ctx ends or the engine is gone. The first line
// of stdout is the port; what a program prints follows it.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("the address of Pulumi's engine is missing; Pulumi's CLI starts this program itself")
	}
	engine := args[len(args)-1] // before it come flags for logs and traces
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := rpcutil.Healthcheck(ctx, engine, engineCheck, cancel); err != nil {
		return fmt.Errorf("watch the engine at %s: %w", engine, err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	h := &host{engine: engine, builds: filepath.Dir(self), stdout: stdout, stderr: stderr}
	h.running, h.end = context.WithCancel(ctx)
	defer h.end()
	ended := make(chan bool)
	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: ended,
		Init: func(s *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(s, h)
			return nil
		},
	})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { close(ended) })
	fmt.Fprintln(stdout, handle.Port)
	return <-handle.Done
}
