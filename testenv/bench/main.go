// Command bench measures how fast weir is: how long people wait for the
// programs of bin/, and how long others take for the same work, on the same
// machines, in the same run. It prints one table with what is promised.
//
// It measures and does not judge: it ends with 0 also where a promise is not
// kept, which the table says. It ends with 1 where the work itself went wrong,
// as then there is nothing to measure. The figures are worth something only on
// a computer that has nothing else to do; it says so where it has. What cannot
// be had for a comparison, as where Python packages are out of reach, is left
// out, and it says that.
//
// What it needs: the checkout as the current directory, built (`make build`),
// and a Docker engine. What it leaves: the rivals' programs in .weir/bench, and
// what -write changes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	do := run
	if len(os.Args) == 2 && os.Args[1] == lookCommand {
		do = func(ctx context.Context, _ []string, _, _ io.Writer) error { return answer(ctx, os.Stdin) }
	}
	if err := do(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// document is where -write puts the figures.
const document = "docs/performance.md"

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 2, "how often the cluster of the rows ops is made anew and measured")
	rows := flags.String("rows", "all", "which rows to measure, of "+names(sections)+", with commas between them")
	write := flags.Bool("write", false, "write the figures into "+document)
	resume := flags.Bool("resume", false, "take the rows that a run of the same programs has measured within the last "+keptFor.String()+", and measure the others")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case *rounds < 1 || flags.NArg() > 0:
		return errors.New("want -rounds of at least 1, and no arguments")
	}
	chosen, err := choose(sections, *rows)
	if err != nil {
		return err
	}
	here, err := lookAround(ctx)
	if err != nil {
		return err
	}
	if warning := here.warning(); warning != "" {
		fmt.Fprintln(stderr, warning)
	}
	l := &lab{rounds: *rounds, progress: stderr, warning: here.warning()}
	found, err := measure(ctx, chosen, l, *resume)
	if err != nil {
		return fmt.Errorf("%w\nwhat was measured is kept: `-resume` (make bench RESUME=1) goes on from there", err)
	}
	text := figures(here, found, asked(*rows, *resume), time.Now())
	fmt.Fprint(stdout, text)
	if *write {
		return replaceFigures(document, text)
	}
	return nil
}

// asked is the command that a run was begun with.
func asked(rows string, resume bool) string {
	command := "make bench"
	if rows != "all" {
		command += " ROWS=" + rows
	}
	if resume {
		command += " RESUME=1"
	}
	return command
}

// section is a group of rows that can be asked for by name.
type section struct {
	name    string
	measure func(context.Context, *lab) (findings, error)
}

// findings are rows of the table, and what must be said with them.
type findings struct {
	rows  []*measurement
	notes []string
}

func (f *findings) add(more findings) {
	f.rows, f.notes = append(f.rows, more.rows...), append(f.notes, more.notes...)
}

// sections are all that can be measured, in their order in the table. The
// cluster of the first is gone when the next begins; the others share machines.
var sections = append([]section{
	{"ops", measureOps},
	{"install", measureInstall},
	{"noop", measureNoop},
	{"roll", measureRoll},
	{"fleet", measureFleet},
	{"stream", measureStream},
	{"producer", measureProducer},
}, jobSections...)

func names(all []section) string {
	var list []string
	for _, s := range all {
		list = append(list, s.name)
	}
	return strings.Join(list, ",")
}

// choose returns the sections that a list names, in the order of all.
func choose(all []section, list string) ([]section, error) {
	if list == "all" {
		return all, nil
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(list, ",") {
		wanted[name] = true
	}
	var chosen []section
	for _, s := range all {
		if wanted[s.name] {
			chosen = append(chosen, s)
			delete(wanted, s.name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("no rows are called %q; there are %s", name, names(all))
	}
	return chosen, nil
}

// measure measures sections, one after the other, and leaves no machine behind.
// Each section's figures are kept for a run that resumes this one.
func measure(ctx context.Context, chosen []section, l *lab, resume bool) (found findings, err error) {
	if l.build, err = buildDigest(); err != nil {
		return found, err
	}
	if l.dir, err = os.MkdirTemp("", "weir-bench-"); err != nil {
		return found, err
	}
	defer os.RemoveAll(l.dir)
	if err := sweep(ctx); err != nil { // what a killed run left
		return found, err
	}
	defer func() { err = errors.Join(err, sweep(context.WithoutCancel(ctx))) }()
	var versions []string
	for _, s := range chosen {
		k, ok, err := load(cache, s.name, l.build, time.Now())
		if err != nil {
			return found, err
		}
		more := k.findings()
		if ok && resume {
			fmt.Fprintf(l.progress, "%s was measured by a run before, at %s\n", s.name, k.At.Format(time.TimeOnly))
		} else if more, k, err = l.measure(ctx, s); err != nil {
			return found, fmt.Errorf("%s: %w", s.name, err)
		}
		found.add(more)
		versions = append(versions, k.Versions...)
	}
	slices.Sort(versions)
	found.notes = append(slices.Compact(versions), found.notes...)
	return found, nil
}

// measure measures one section and keeps what it found.
func (l *lab) measure(ctx context.Context, s section) (findings, kept, error) {
	start := time.Now()
	fmt.Fprintf(l.progress, "%s (load average %s)\n", s.name, loadAverage())
	found, err := s.measure(ctx, l)
	if err != nil {
		return found, kept{}, err
	}
	fmt.Fprintf(l.progress, "%s took %s in all\n", s.name, time.Since(start).Round(time.Second))
	k := kept{Section: s.name, At: time.Now(), Build: l.build, Warning: l.warning}
	k.put(found)
	if k.Versions, err = l.versions(ctx); err != nil {
		return found, k, err
	}
	return found, k, k.save(cache)
}
