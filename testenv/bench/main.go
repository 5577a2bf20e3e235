// Command bench measures how long people wait for weir: for a first `ops up`,
// for one that finds nothing to change, for `ops status` and `ops verify`. It
// runs the programs of bin/ on three containers as machines, with nothing
// replaced, and prints a table with what is promised of each.
//
// It measures and does not judge: it ends with 0 also where a promise is not
// kept, which the table says. It ends with 1 where the work itself went wrong,
// as then there is nothing to measure. The figures are worth something only on
// a computer that has nothing else to do; it says so where it has.
//
// What it needs: the checkout as the current directory, built (`make build`),
// and a Docker engine. What it leaves: nothing, but what -write changes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// document is where -write puts the figures.
const document = "docs/performance.md"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 3, "how often the cluster is made anew and measured")
	write := flags.Bool("write", false, "write the figures into "+document)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case *rounds < 1 || flags.NArg() > 0:
		return errors.New("want -rounds of at least 1, and no arguments")
	}
	here, err := lookAround(ctx)
	if err != nil {
		return err
	}
	if warning := here.warning(); warning != "" {
		fmt.Fprintln(stderr, warning)
	}
	measured, err := measure(ctx, *rounds, stderr)
	if err != nil {
		return err
	}
	text := figures(here, measured, *rounds, time.Now())
	fmt.Fprint(stdout, text)
	if *write {
		return replaceFigures(document, text)
	}
	return nil
}

// measure makes a project of its own, warms the caches, and runs the rounds.
func measure(ctx context.Context, rounds int, progress io.Writer) (_ *measurements, err error) {
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	p, err := newProject(dir)
	if err != nil {
		return nil, err
	}
	if err := p.configure(ctx); err != nil {
		return nil, err
	}
	if err := sweep(ctx); err != nil { // what a killed run left
		return nil, err
	}
	defer func() { err = errors.Join(err, sweep(context.WithoutCancel(ctx))) }()
	b := bench{project: p, progress: progress}
	fmt.Fprintln(progress, "warm up: a round that does not count")
	if err := b.round(ctx, &measurements{}, once); err != nil {
		return nil, err
	}
	measured := newMeasurements()
	for i := range rounds {
		fmt.Fprintf(progress, "round %d of %d\n", i+1, rounds)
		if err := b.round(ctx, measured, often); err != nil {
			return nil, err
		}
	}
	return measured, nil
}
