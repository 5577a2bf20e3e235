// Lockgen writes a lock file: it resolves the dependency tree of Maven
// coordinates and locks every jar of it.
//
//	lockgen -name kafka -version 3.9.2 -o kafka-3.9.2.yaml org.apache.kafka:kafka_2.13:3.9.2 ...
//
// Run it by `go generate ./provision/release`, then read the difference: a
// lock file is what all later fetches are held to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"weir/provision/release"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lockgen:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("lockgen", flag.ContinueOnError)
	name := flags.String("name", "", "the release's `name`")
	version := flags.String("version", "", "the release's `version`")
	dir := flags.String("dir", "libs", "the `directory` of the tree that the jars go to")
	output := flags.String("o", "", "the lock `file` to write")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *output == "" || flags.NArg() == 0 {
		return errors.New("expected -o FILE and at least one group:artifact:version")
	}
	cache, err := release.DefaultDir()
	if err != nil {
		return err
	}
	store := release.Store{Dir: cache}
	lock, err := store.LockMaven(ctx, *name, *version, *dir, flags.Args()...)
	if err != nil {
		return err
	}
	data, err := lock.Encode()
	if err != nil {
		return err
	}
	head := "# Written by lockgen from " + strings.Join(flags.Args(), ", ") + ": go generate ./provision/release\n"
	return os.WriteFile(*output, append([]byte(head), data...), 0o644)
}
