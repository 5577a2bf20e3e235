// Package popularity is the article's calculator: the running sums of all
// messages of a topic, and every interval the most popular pages.
//
// Guarantees: each message of the topic counts exactly once, whatever is killed
// when. The truth is the store: per input partition the next offset and the
// sums of all pages, written in one atomic synced batch; reading goes on from
// the stored offset and nowhere else. The consumer group's offsets are a mirror
// for tools. Sums are integers, so neither order nor restarts change them. What
// cannot be counted right is refused with an error: a state that is missing or
// belongs to another topic, and an offset that the log does not hold.
//
// A record that is no message is counted as such and goes to the dead-letter
// topic by way of an outbox in the state: once, and under a key that tells where a
// crash in the wrong moment made it twice. It is never an error.
//
// Limits: one process counts all partitions, and the sums of all pages are in
// memory, by partition and in total.
package popularity

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
	"weir/jobs/popularity/store"
	"weir/jobs/program"
)

// Main runs the program and returns its exit code. Cancelling ctx stops it
// gracefully: what was read is committed and published.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var s Settings
	flags := program.NewFlags(clientID, stderr)
	check := s.flags(flags)
	if code, done := flags.Read(args, stdout, check); done {
		return code
	}
	log := program.Logger(stderr)
	fmt.Fprintf(stderr, "weir-popularity %s: topic %s at %v, every %s, top %d, weights %s, state %s, snapshots to %s, metrics on %s\n",
		program.Version(), s.Topic, s.Brokers, s.Interval, s.Top, s.Weights, s.StateDir, s.SnapshotTopic, s.MetricsAddress)
	if err := Run(ctx, s, stdout, log); err != nil {
		log.Error("stopped", "error", err)
		return program.ExitError
	}
	log.Info("stopped", "state", "committed")
	return program.ExitOK
}

// Run counts until ctx is cancelled, which is no error. A *RefusalError says
// that counting would give wrong sums.
func Run(ctx context.Context, s Settings, stdout io.Writer, log *slog.Logger) (err error) {
	m := newMeters()
	var current atomic.Pointer[engine]
	page, err := program.Serve(s.MetricsAddress, m.registry, func() error { return health(current.Load()) }, log)
	if err != nil {
		return err
	}
	defer page.Close()

	config := cluster.Config(clientID)
	if err := cluster.Await(ctx, log, config, s.Brokers, s.needs()...); err != nil {
		return stopped(ctx, err)
	}
	client, err := sarama.NewClient(s.Brokers, config)
	if err != nil {
		return fmt.Errorf("connect to %v: %w", s.Brokers, err)
	}
	defer client.Close()
	topic, err := cluster.Describe(client, s.Topic)
	if err != nil {
		return err
	}
	snapshots, err := cluster.Describe(client, s.SnapshotTopic)
	if err != nil {
		return err
	}
	state, err := store.Open(s.StateDir, s.Rebuild, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	g := group{client, s.Group, s.Topic}
	ledger, err := begin(ctx, state, topic, snapshots, g, s, log)
	if err != nil {
		return stopped(ctx, err)
	}
	out, err := newOutlet(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	e := newEngine(s, client, ledger, out, g, m, stdout, log)
	current.Store(e)
	return e.run(ctx, topic.Partitions)
}

func health(e *engine) error {
	if e == nil {
		return errors.New("starting")
	}
	return e.health()
}

// stopped makes an error of being cancelled no error: that is how a calculator ends.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// printTop prints the block that Spark's DStream.print makes of the article's
// tuples: a header with the time, one "(page,popularity)" a line, an empty line.
func printTop(w io.Writer, now time.Time, top []Ranked) error {
	const rule = "-------------------------------------------"
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\nTime: %d ms\n%s\n", rule, now.UnixMilli(), rule)
	for _, r := range top {
		fmt.Fprintf(out, "(%s,%s)\n", r.Page, r.Popularity)
	}
	fmt.Fprintln(out)
	return out.Flush()
}
