package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"weir/ops/drive"
	"weir/ops/status/table"
	"weir/ops/ui"
	"weir/ops/verify"
)

// The exit codes, listed in the help text. Those of verify are the same.
const (
	exitOK    = verify.ExitHealthy
	exitError = verify.ExitError
	exitUsage = verify.ExitUsage
	// exitDrifted is that of a cluster that is not healthy: not as it should be.
	exitDrifted = verify.ExitUnhealthy
)

// usageError is a mistake of the person who typed the command, or wrote the
// config: nothing was done.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// codeError ends with an exit code and says no more: all is said already.
type codeError int

func (codeError) Error() string { return "" }

// app is what the verbs share.
type app struct {
	console *ui.Console
	stack   string
	// inventory is a file that describes the cluster, in the place of the stack.
	inventory string
	// via is the machine that all connections go through; empty for none.
	via string
	// args is what was typed behind "ops".
	args []string
	// ran is set when a verb begins: errors before that are about its usage.
	ran bool
}

func execute(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	a := &app{console: newConsole(in, out, errOut), args: args}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	var code codeError
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	}
	a.console.Fail(err.Error())
	if !a.ran || errors.As(err, &usage) {
		return exitUsage
	}
	return exitError
}

func newConsole(in io.Reader, out, errOut io.Writer) *ui.Console {
	return &ui.Console{
		In: in, Interactive: isTerminal(in), Out: out, Err: errOut,
		OutStyle: table.StyleOf(out, os.Getenv), ErrStyle: table.StyleOf(errOut, os.Getenv),
		Live: isTerminal(errOut), Now: time.Now,
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "ops",
		Short: "Build and run Kafka stream clusters on machines of your own",
		Long: `ops builds and runs Kafka stream clusters on machines of your own, over SSH.

A cluster is a stack: what it should be is written in Pulumi.<stack>.yaml.

Exit codes: 0 done, or healthy; 1 an error; 2 a mistake in the command line or
in the stack's config, nothing was done; 10 the cluster is not healthy, not at work as
a whole, or not as it was last applied.`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(*cobra.Command, []string) { a.ran = true },
	}
	root.PersistentFlags().StringVarP(&a.stack, "stack", "s", defaultStack(),
		"the stack; the default is $PULUMI_STACK, or else what pulumi stack select chose, or else local")
	root.PersistentFlags().StringVar(&a.inventory, "inventory", "",
		"a `file` that ops inventory printed, instead of a stack: for verbs that need machines and Kafka alone")
	root.PersistentFlags().StringVar(&a.via, "via", "", "send what goes to brokers and ZooKeeper through this machine's SSH connection")
	_ = root.RegisterFlagCompletionFunc("via", a.completeMachine)
	root.AddCommand(
		a.initCommand(),
		a.adoptCommand(),
		a.preflightCommand(),
		a.fetchCommand(),
		a.upCommand(),
		a.previewCommand(),
		a.driftCommand(),
		a.refreshCommand(),
		a.downCommand(),
		a.verifyCommand(),
		a.statusCommand(),
		a.runsCommand(),
		a.envCommand(),
		a.topicCommand(),
		a.groupCommand(),
		a.configCommand(),
		a.describeCommand(),
		a.consoleCommand(),
		a.versionCommand(),
		// machines and services
		a.rollCommand(),
		a.logsCommand(),
		a.sshCommand(),
		a.execCommand(),
		a.jobCommand(),
		a.benchCommand(),
		a.bundleCommand(),
		a.doctorCommand(),
		a.inventoryCommand(),
		a.manCommand(),
	)
	root.InitDefaultCompletionCmd()
	return root
}

// defaultStack is the one that Pulumi would take, or the one that needs no config.
func defaultStack() string {
	if named := os.Getenv("PULUMI_STACK"); named != "" {
		return named
	}
	p, err := drive.Find(projectDir())
	if err != nil { // the verbs that need one will say so
		return localStack
	}
	return cmp.Or(p.Selected(os.Getenv("PULUMI_HOME")), localStack)
}

func projectDir() string { return cmp.Or(os.Getenv("WEIR_ROOT"), ".") }

// project finds the project; WEIR_ROOT names it where that is not above the
// current directory.
func (a *app) project() (drive.Project, error) {
	if a.inventory != "" {
		return drive.Project{}, usageError{errors.New("this works on a stack, and not on an inventory file: leave --inventory out")}
	}
	p, err := drive.Find(projectDir())
	if err != nil {
		return p, usageError{err}
	}
	if err := drive.CheckName(a.stack); err != nil {
		return p, usageError{err}
	}
	return p, nil
}
