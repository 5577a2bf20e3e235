package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/spf13/cobra"

	"weir/ops/connect"
	"weir/ops/console"
	"weir/ops/status/table"
)

func (a *app) consoleCommand() *cobra.Command {
	c := &cobra.Command{Use: "console", Short: "Write and read records on the terminal or in a pipe"}
	return needsVerb(c, a.consumerCommand(), a.producerCommand())
}

// formatFlags are the same for both, so that one reads what the other writes.
func formatFlags(c *cobra.Command, f *console.Format) {
	format := lineFormat{f}
	c.Flags().VarP(format, "format", "f", "text, or json: a line with all of a record")
	c.Flags().BoolVar(&f.Key, "key", false, "text: the key stands before the value")
	c.Flags().StringVar(&f.Separator, "separator", "\t", "text: what stands between them")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
}

// lineFormat is --format.
type lineFormat struct{ *console.Format }

func (f lineFormat) String() string {
	if f.Format != nil && f.JSON {
		return "json"
	}
	return "text"
}

// Type is what help texts call the value.
func (lineFormat) Type() string { return "format" }

// Set refuses what is no format.
func (f lineFormat) Set(s string) error {
	if s != "text" && s != "json" {
		return errors.New("want text or json")
	}
	f.JSON = s == "json"
	return nil
}

func (a *app) consumerCommand() *cobra.Command {
	var r console.Reading
	var offset int64
	var when, machine string
	var jvm bool
	c := &cobra.Command{
		Use:   "consumer TOPIC",
		Short: "Read a topic's records",
		Long: `consumer writes records as lines, from the end of the topic on, until it is
interrupted; with --count, so many; with --to-end, those that are there. It exits 1
where it did not get all of them. It commits nothing and joins no group. Records of
transactions that were given up are left out.`,
		Example: `  ops console consumer clicks --from-beginning --count 10
  ops console consumer clicks --offset=-100 --to-end -f json | jq .value
  ops console consumer clicks --time 15m --to-end -f json | ops console producer copy -f json`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeTopic,
	}
	formatFlags(c, &r.Format)
	f := c.Flags()
	f.BoolVar(&r.Format.Headers, "headers", false, "text: the headers stand before key and value")
	f.Int32SliceVarP(&r.Partitions, "partition", "p", nil, "these partitions only")
	f.BoolVar(&r.Start.Beginning, "from-beginning", false, "begin with the first record that is kept")
	f.Int64Var(&offset, "offset", 0, "begin at this `offset`; where it is negative, so many before the end")
	f.StringVar(&when, "time", "", "begin at the first record of this `time` or later, or so long ago (90m)")
	f.IntVarP(&r.Count, "count", "n", 0, "end after so many records")
	f.BoolVar(&r.ToEnd, "to-end", false, "end where the topic ends now")
	f.DurationVar(&r.Timeout, "timeout", 0, "give up when nothing came for so long, and exit 1")
	f.BoolVar(&jvm, "jvm", false, "have kafka-console-consumer.sh do it on a machine")
	f.StringVar(&machine, "machine", "", "the machine for --jvm; the first one with a broker")
	_ = c.RegisterFlagCompletionFunc("machine", a.completeMachine)
	c.RunE = func(c *cobra.Command, args []string) error {
		r.Topic, r.Warn = args[0], a.console.Warn
		// Not by the library's own groups, which are judged too late to be a mistake in usage.
		if r.Start.Beginning && f.Changed("offset") || r.Start.Beginning && when != "" || f.Changed("offset") && when != "" {
			return usageError{errors.New("say one of --from-beginning, --offset and --time")}
		}
		if f.Changed("offset") {
			r.Start.Offset = &offset
		}
		if when != "" {
			at, err := parseTime(when, a.console.Now())
			if err != nil {
				return usageError{err}
			}
			r.Start.Time = &at
		}
		if r.Count < 0 || r.Timeout < 0 {
			return usageError{errors.New("--count and --timeout: want positive numbers")}
		}
		s, err := a.session(c.Context())
		if err != nil {
			return err
		}
		defer s.Close()
		return a.consume(c.Context(), s, r, jvm, machine)
	}
	return c
}

func (a *app) consume(ctx context.Context, s *connect.Session, r console.Reading, jvm bool, machine string) error {
	out := &flusher{to: bufio.NewWriter(a.console.Out), every: time.Now()}
	var err error
	if jvm {
		if machine, err = toolMachine(s, machine); err == nil {
			_, err = console.ConsumeJVM(ctx, s, machine, r, out)
		}
	} else {
		_, err = console.Consume(ctx, s, r, out)
	}
	return errors.Join(err, out.to.Flush())
}

// flusher lets what comes alone out at once, and what comes fast in pieces.
type flusher struct {
	to    *bufio.Writer
	every time.Time
}

// flushEvery is what a person does not see.
const flushEvery = 20 * time.Millisecond

func (f *flusher) Write(p []byte) (int, error) {
	n, err := f.to.Write(p)
	if now := time.Now(); err == nil && now.Sub(f.every) > flushEvery {
		f.every = now
		err = f.to.Flush()
	}
	return n, err
}

func (a *app) producerCommand() *cobra.Command {
	var w console.Writing
	var partition int32
	var key, machine string
	var headers map[string]string
	var jvm bool
	c := &cobra.Command{
		Use:   "producer TOPIC",
		Short: "Write lines as records",
		Long: `producer writes each line of its input as a record, idempotent, acknowledged by all
replicas in sync. Keys choose partitions as they do in Java. It stops at the first line
that is no record or cannot be written, says how many were acknowledged, and exits 1.`,
		Example: `  echo hello | ops console producer clicks
  ops console producer clicks --key --separator , <clicks.csv
  echo '{"key":"a","value":"1","headers":[{"key":"h","value":"x"}]}' | ops console producer clicks -f json`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: a.completeTopic,
	}
	formatFlags(c, &w.Format)
	f := c.Flags()
	f.Int32VarP(&partition, "partition", "p", 0, "write all to this partition")
	f.StringVar(&key, "with-key", "", "the `key` of records that bring none")
	f.StringToStringVar(&headers, "header", nil, "headers of all records, `name=value`")
	f.BoolVar(&jvm, "jvm", false, "have kafka-console-producer.sh do it on a machine")
	f.StringVar(&machine, "machine", "", "the machine for --jvm; the first one with a broker")
	_ = c.RegisterFlagCompletionFunc("machine", a.completeMachine)
	c.RunE = func(c *cobra.Command, args []string) error {
		w.Topic = args[0]
		if f.Changed("partition") {
			w.Partition = &partition
		}
		if f.Changed("with-key") {
			w.Key = &key
		}
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			w.Headers = append(w.Headers, sarama.RecordHeader{Key: []byte(name), Value: []byte(headers[name])})
		}
		if w.Format.Key && w.Format.Separator == "" {
			return usageError{errors.New("--key needs a --separator that is not empty")}
		}
		s, err := a.session(c.Context())
		if err != nil {
			return err
		}
		defer s.Close()
		return a.produce(c.Context(), s, w, jvm, machine)
	}
	return c
}

func (a *app) produce(ctx context.Context, s *connect.Session, w console.Writing, jvm bool, machine string) error {
	write := console.Produce
	if jvm {
		on, err := toolMachine(s, machine)
		if err != nil {
			return err
		}
		write = func(ctx context.Context, s *connect.Session, w console.Writing, in io.Reader) (console.Written, error) {
			return console.ProduceJVM(ctx, s, on, w, in)
		}
	}
	done, err := write(ctx, s, w, a.console.In)
	text := table.Count(done.Acknowledged, "record") + " acknowledged"
	if done.Failed > 0 {
		text += fmt.Sprintf(", %d not", done.Failed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	fmt.Fprintln(a.console.Err, text)
	return nil
}

// toolMachine is where Kafka's own tools are run.
func toolMachine(s *connect.Session, name string) (string, error) {
	if s.Cluster.Kafka == nil {
		return "", connect.ErrNoKafka
	}
	brokers := slices.Sorted(maps.Keys(s.Cluster.Kafka.Brokers))
	if name == "" {
		return brokers[0], nil
	}
	if !slices.Contains(brokers, name) {
		return "", usageError{fmt.Errorf("machine %q has no broker, and so not its tools; there are: %s", name, strings.Join(brokers, ", "))}
	}
	return name, nil
}
