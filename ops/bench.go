package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/gauge"
)

// benchFlags are what bench is told on the command line.
type benchFlags struct {
	gauge.Options
	yes    bool
	format format
}

func (a *app) benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what a producer or a consumer sees of the cluster",
		Long: `bench sends records to a topic of its own, which it removes at the end, and shows
throughput and percentiles of latency as seen from this computer: of records for a
producer and end to end, of fetch requests for a consumer. Records are acknowledged by
all in-sync replicas. It takes from the cluster what it measures: --rate bounds that.`,
	}
	for _, b := range []struct {
		what, short   string
		records, rate int
	}{
		{gauge.Producer, "Measure sending, from a record to its acknowledgement", 100_000, 0},
		{gauge.Consumer, "Measure reading, of records that were sent before: throughput, and what fetch requests take", 100_000, 0},
		{gauge.EndToEnd, "Measure from sending a record to reading it", 10_000, 1000},
	} {
		c.AddCommand(a.benchWhatCommand(b.what, b.short, b.records, b.rate))
	}
	return needsVerb(c)
}

func (a *app) benchWhatCommand(what, short string, records, rate int) *cobra.Command {
	f := benchFlags{format: asTable}
	c := &cobra.Command{
		Use: what, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.bench(c.Context(), what, f) },
	}
	flags := c.Flags()
	flags.IntVar(&f.Records, "records", records, "how many records")
	flags.IntVar(&f.Size, "size", 100, "bytes of each")
	if what != gauge.Consumer {
		flags.IntVar(&f.Rate, "rate", rate, "records a second; 0 is as fast as it goes")
	}
	flags.IntVar(&f.Partitions, "partitions", 3, "partitions of the topic")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	flags.VarP(&f.format, "output", "o", "table or json")
	return c
}

func (a *app) bench(ctx context.Context, what string, f benchFlags) error {
	if err := f.Validate(); err != nil {
		return usageError{err}
	}
	s, err := a.session(ctx)
	if err != nil {
		return err
	}
	defer s.Close() //nolint:errcheck // all is said
	if s.Cluster.Kafka == nil {
		return usageError{connect.ErrNoKafka}
	}
	if _, err := a.agree(&consent{yes: f.yes}, fmt.Sprintf("send %d records of %d bytes to a topic of their own on cluster %s, and remove it",
		f.Records, f.Size, s.Cluster.Name)); err != nil {
		return err
	}
	result, err := gauge.Run(ctx, s, what, f.Options)
	if result.Records == 0 {
		return err
	}
	if f.format == asJSON {
		return errors.Join(gauge.WriteJSON(a.console.Out, result), err)
	}
	return errors.Join(gauge.Write(a.console.Out, result), err)
}
