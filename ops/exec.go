package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/command"
)

// execTimeout bounds a command on one machine where nobody says how long.
const execTimeout = time.Minute

func (a *app) execCommand() *cobra.Command {
	var machines []string
	o := command.Options{}
	format := asTable
	c := &cobra.Command{
		Use:   "exec [--machine NAME] -- COMMAND...",
		Short: "Run a command on all machines at once",
		Long: `exec runs a command on all machines at once and shows what it wrote, machine by
machine. One word is read by the machine's shell; several are a program and its
arguments, exactly as they are. Its standard input is empty.

It exits 1 where the command failed on a machine, or a machine did not answer.`,
		Example: `  ops exec -- df -h /var/lib/weir
  ops exec --machine weir-1,weir-2 --root -- 'ss -ltnp | grep :9092'`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.Timeout <= 0 {
				return usageError{errors.New("--timeout must be longer than nothing")}
			}
			o.Line = commandLine(args)
			return a.exec(c.Context(), machines, o, format)
		},
	}
	flags := c.Flags()
	flags.StringSliceVar(&machines, "machine", nil, "only on this `machine`")
	_ = c.RegisterFlagCompletionFunc("machine", a.completeMachine)
	flags.BoolVar(&o.Root, "root", false, "as root, and not as the user who logs in")
	flags.DurationVar(&o.Timeout, "timeout", execTimeout, "end it on a machine where it takes longer")
	flags.VarP(&format, "output", "o", "table or json")
	return c
}

func (a *app) exec(ctx context.Context, names []string, o command.Options, f format) error {
	s, err := a.session(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // all is said
	machines, err := chosenMachines(s, names)
	if err != nil {
		return usageError{err}
	}
	outcomes := command.Run(ctx, s, machines, o)
	if f == asJSON {
		err = command.WriteJSON(a.console.Out, outcomes)
	} else {
		err = command.Write(a.console.Out, outcomes, a.console.OutStyle)
	}
	if err == nil && command.Failed(outcomes) > 0 {
		err = codeError(exitError)
	}
	return err
}
