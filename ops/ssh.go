package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/provision/remote"
)

func (a *app) sshCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ssh MACHINE [-- COMMAND...]",
		Short: "Log in to a machine, the way that the stack does",
		Long: `ssh opens a shell on a machine, or runs a command there, with the stack's keys,
known hosts and jump hosts. It exits with what the shell or the command exits with.

The connection is the one that all verbs make, and not that of an ssh client:
keys and passwords that are secrets of the stack work, and no key is written to a
file. What only a client has (forwarded ports, agents, escapes with ~) is missing.`,
		Example: `  ops ssh weir-1
  ops ssh weir-1 -- df -h /var/lib/weir`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeMachine,
		RunE:              func(c *cobra.Command, args []string) error { return a.ssh(c.Context(), args[0], args[1:]) },
	}
}

func (a *app) ssh(ctx context.Context, name string, command []string) error {
	cluster, err := a.cluster(ctx)
	if err != nil {
		return err
	}
	m, err := cluster.Machine(name)
	if err != nil {
		return usageError{err}
	}
	pool := connect.NewPool(nil)
	defer pool.Close() //nolint:errcheck // the session has ended
	client, err := pool.Get(ctx, m.Host)
	if err != nil {
		return err
	}
	terminal, giveBack, err := a.console.HandOver(os.Getenv)
	if err != nil {
		return err
	}
	code, err := client.Shell(ctx, commandLine(command), terminal)
	giveBack()
	if err != nil {
		return err
	}
	return asError(code)
}

// commandLine is what a machine's shell is given: one word is the shell's to
// read, several are a program and its arguments exactly as they are.
func commandLine(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return remote.QuoteAll(words...)
}
