// Package program is what the jobs' programs share as programs: exit codes,
// version, flags, and the page with metrics and health.
package program

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
)

// Exit codes.
const (
	ExitOK    = 0
	ExitError = 1
	ExitUsage = 2
)

// Version is the program's version as the build recorded it: the module's
// version and, where known, the commit.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && s.Value != "" {
			version += " (" + s.Value + ")"
		}
	}
	return version
}

// Logger logs problems as text lines.
func Logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, nil))
}

// Flags parses command lines of one program.
type Flags struct {
	*flag.FlagSet
	version *bool
}

// NewFlags returns an empty set with --version. Usage goes to stderr.
func NewFlags(name string, stderr io.Writer) *Flags {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(stderr)
	return &Flags{FlagSet: set, version: set.Bool("version", false, "print the version and exit")}
}

// Read parses args and then calls check, whose error is a usage error as well.
// Where done is true the program ends with the exit code.
func (f *Flags) Read(args []string, stdout io.Writer, check func() error) (code int, done bool) {
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		return ExitOK, true
	} else if err != nil {
		return ExitUsage, true // Parse has said it
	}
	if *f.version {
		fmt.Fprintln(stdout, f.Name(), Version())
		return ExitOK, true
	}
	if f.NArg() > 0 {
		return f.usage(fmt.Errorf("unexpected argument %q: everything is a flag", f.Arg(0)))
	}
	if err := check(); err != nil {
		return f.usage(err)
	}
	return ExitOK, false
}

// Table writes all flags as a table in Markdown, for the reference.
func (f *Flags) Table(w io.Writer) {
	fmt.Fprint(w, "| Flag | Default | |\n|---|---|---|\n")
	f.VisitAll(func(one *flag.Flag) {
		kind, usage := flag.UnquoteUsage(one)
		name := "`--" + one.Name + "`"
		if kind != "" {
			name = "`--" + one.Name + " " + strings.ToUpper(kind) + "`"
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", name, one.DefValue, usage)
	})
}

func (f *Flags) usage(err error) (int, bool) {
	fmt.Fprintf(f.Output(), "%s: %v; see %s --help\n", f.Name(), err, f.Name())
	return ExitUsage, true
}
