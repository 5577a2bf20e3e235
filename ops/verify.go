package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/ops/verify"
	"weir/provision/inventory"
	"weir/provision/kafka"
)

const (
	// healthPatience is how long --exit-when-healthy waits where nothing else is
	// said: above a broker's longest start after a kill on a busy computer.
	healthPatience = 5 * time.Minute
	// leastInterval and mostInterval bound the pause between two runs: verify writes
	// a few messages, and whoever watches wants to see something.
	leastInterval = time.Second
	mostInterval  = time.Hour
)

// verifyFlags are what was asked for.
type verifyFlags struct {
	options  verify.Options
	format   reportFormat
	watch    bool
	interval time.Duration
	until    bool
}

func (f verifyFlags) validate() error {
	if err := f.options.Validate(); err != nil {
		return usageError{err}
	}
	if f.interval < leastInterval || f.interval > mostInterval {
		return usageError{fmt.Errorf("interval %s: want %s to %s", f.interval, leastInterval, mostInterval)}
	}
	return nil
}

func (a *app) verifyCommand() *cobra.Command {
	f := verifyFlags{format: "table"}
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check the cluster from end to end",
		Long: `verify checks what runs against what was declared, sends messages through every
broker and reads them back from every replica, and recounts what the calculator
published. Each check says what was found, what was expected and what to type next.
It exits 0 where the cluster is healthy, 10 where it is not, 1 where it could
not be checked.

The checks: ` + strings.Join(verify.Names(), ", ") + `.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.validate(); err != nil {
				return err
			}
			cluster, err := a.cluster(c.Context())
			if err != nil {
				return err
			}
			code, err := a.verifyAs(c.Context(), cluster, f)
			if err != nil {
				return err
			}
			return asError(code)
		},
	}
	c.Flags().VarP(&f.format, "output", "o", strings.Join(reportFormats, ", "))
	c.Flags().StringSliceVar(&f.options.Only, "only", nil, "only these checks")
	c.Flags().StringSliceVar(&f.options.Skip, "skip", nil, "not these checks")
	c.Flags().DurationVar(&f.options.Timeout, "timeout", 0,
		fmt.Sprintf("bound a run (%s; more lets slow machines take longer for each answer), or the wait of --exit-when-healthy (%s)", verify.RunLimit, healthPatience))
	c.Flags().BoolVarP(&f.watch, "watch", "w", false, "check again and again, until interrupted; the last report makes the exit code")
	c.Flags().DurationVar(&f.interval, "interval", 5*time.Second, "the pause between two runs of --watch or --exit-when-healthy")
	c.Flags().BoolVarP(&f.until, "exit-when-healthy", "e", false, "check until the cluster is healthy, then exit 0; 10 where it is not in time")
	return c
}

func (a *app) verifyAs(ctx context.Context, cluster inventory.Cluster, f verifyFlags) (int, error) {
	session, err := connect.Open(ctx, cluster, a.connection())
	if err != nil {
		return exitError, err
	}
	defer session.Close()
	if err := a.guard(ctx, session); err != nil {
		return exitError, err
	}
	switch {
	case f.until:
		return a.verifyUntil(ctx, session, f)
	case f.watch:
		return a.verifyAgain(ctx, session, f)
	}
	return a.report(verify.Run(ctx, session, f.options), f.format)
}

// verifyAgain reports run after run until ctx ends. A run that the end cut short
// says nothing.
func (a *app) verifyAgain(ctx context.Context, session *connect.Session, f verifyFlags) (code int, err error) {
	for {
		report := verify.Run(ctx, session, f.options)
		if ctx.Err() != nil {
			return code, nil
		}
		a.beginDocument(f.format.String())
		if code, err = a.report(report, f.format); err != nil {
			return code, err
		}
		pause(ctx, f.interval)
	}
}

// verifyUntil checks until the cluster is healthy, and reports the last run. What
// could not be checked may come to be.
func (a *app) verifyUntil(ctx context.Context, session *connect.Session, f verifyFlags) (int, error) {
	patience := healthPatience
	if f.options.Timeout > 0 {
		patience, f.options.Timeout = f.options.Timeout, 0
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	last := verify.Run(limited, session, f.options)
	for !last.Healthy && limited.Err() == nil {
		if f.watch {
			a.beginDocument(f.format.String())
			if _, err := a.report(last, f.format); err != nil {
				return exitError, err
			}
		} else {
			a.console.Note("not healthy yet: " + strings.Join(last.Unhealthy(), ", "))
		}
		pause(limited, f.interval)
		if report := verify.Run(limited, session, f.options); limited.Err() == nil {
			last = report // one that was cut short says less than the one before
		}
	}
	if f.watch {
		a.beginDocument(f.format.String())
	}
	code, err := a.report(last, f.format)
	if code == exitError && ctx.Err() == nil {
		code = exitDrifted
	}
	return code, err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// settlePatience is how long a cluster may take after a change until all of it
// is seen at work: jobs that were restarted restore their state first, and on a
// busy computer a Java tool alone needs 20 s to start.
const settlePatience = 90 * time.Second

// verifySettled is verify behind an up: leaders are where they should be, and what is
// not yet as it should be is checked again until it is, or the patience is over.
func (a *app) verifySettled(ctx context.Context, cluster inventory.Cluster, patience time.Duration) (int, error) {
	session, err := connect.Open(ctx, cluster, a.connection())
	if err != nil {
		return exitError, err
	}
	defer session.Close()
	end := time.Now().Add(patience)
	report := verify.Run(ctx, session, verify.Options{})
	for report.ExitCode() == verify.ExitUnhealthy && ctx.Err() == nil {
		moved := slices.Contains(report.Unhealthy(), verify.Topics) && spreadLeaders(ctx, session) == nil
		over := time.Now().After(end)
		if over && !moved {
			break
		}
		again := report.Unhealthy()
		if over {
			again = []string{verify.Topics}
		} else {
			a.console.Note("not all is at work yet, checking again: " + strings.Join(again, ", "))
		}
		// What was not done in time may be slow, and not broken: it is given the rest of
		// the patience.
		left := max(verify.RunLimit, time.Until(end))
		report = report.With(verify.Run(ctx, session, verify.Options{Only: again, Timeout: left}))
		if over {
			break
		}
	}
	return a.report(report, "table")
}

// spreadLeaders gives partitions back to their preferred leaders. Brokers that came
// back by themselves, as after a reboot, get them back only minutes later, and where
// few are away never.
func spreadLeaders(ctx context.Context, session *connect.Session) error {
	declared := session.Cluster.Kafka
	version, known := kafka.LookUp(declared.Version)
	if !known {
		return fmt.Errorf("kafka %s is not known", declared.Version)
	}
	admin, err := session.KafkaAdmin(version)
	if err != nil {
		return err
	}
	defer admin.Close()
	ctx, cancel := context.WithTimeout(ctx, electLimit)
	defer cancel()
	return admin.ElectPreferred(ctx)
}

// electLimit bounds an election, which takes a controller tens of milliseconds.
const electLimit = 10 * time.Second

// reportFormat is how a report is written.
type reportFormat string

var reportFormats = []string{"table", "wide", "json", "yaml", "junit"}

func (f *reportFormat) String() string { return string(*f) }

// Type is what help texts call the value.
func (f *reportFormat) Type() string { return "format" }

// Set refuses what is no format.
func (f *reportFormat) Set(s string) error {
	for _, known := range reportFormats {
		if s == known {
			*f = reportFormat(s)
			return nil
		}
	}
	return fmt.Errorf("want one of %s", strings.Join(reportFormats, ", "))
}

func (a *app) report(report verify.Report, f reportFormat) (int, error) {
	write := map[reportFormat]func(io.Writer, verify.Report) error{
		"json": verify.WriteJSON, "yaml": verify.WriteYAML, "junit": verify.WriteJUnit,
		"table": styled(verify.WriteTable, a.console.OutStyle), "wide": styled(verify.WriteWide, a.console.OutStyle),
	}[f]
	return report.ExitCode(), write(a.console.Out, report)
}

func styled(write func(io.Writer, verify.Report, table.Style) error, style table.Style) func(io.Writer, verify.Report) error {
	return func(w io.Writer, r verify.Report) error { return write(w, r, style) }
}
