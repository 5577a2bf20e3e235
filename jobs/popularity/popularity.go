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
// Limits: the sums of all pages of the partitions that a process counts are in
// memory, by partition and in total. That is all partitions, unless several
// instances share a database.
package popularity

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/disk"
	"weir/jobs/popularity/store/postgres"
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
		program.Version(), s.Topic, s.Brokers, s.Interval, s.Top, s.Weights, s.state(), s.SnapshotTopic, s.MetricsAddress)
	if err := Run(ctx, s, stdout, log); err != nil {
		log.Error("stopped", "error", err)
		return program.ExitError
	}
	log.Info("stopped", "state", "committed")
	return program.ExitOK
}

// Run counts until ctx is cancelled, which is no error. A *RefusalError says
// that counting would give wrong sums. Where a shared store is out of reach, or has
// given our partitions to others, it starts over from what is stored.
func Run(ctx context.Context, s Settings, stdout io.Writer, log *slog.Logger) error {
	c := calculator{settings: s, stdout: stdout, log: log, meters: newMeters()}
	page, err := program.Serve(s.MetricsAddress, c.meters.registry, c.health, log)
	if err != nil {
		return err
	}
	defer page.Close()
	config := cluster.Config(clientID, s.Version)
	if err := cluster.Await(ctx, log, config, s.Brokers, s.needs()...); err != nil {
		return stopped(ctx, err)
	}
	if c.client, err = sarama.NewClient(s.Brokers, config); err != nil {
		return fmt.Errorf("connect to %v: %w", s.Brokers, err)
	}
	defer c.client.Close()
	for attempt := 1; ; attempt++ {
		started := time.Now()
		err := c.count(ctx)
		var lost *store.LostError
		if !errors.As(err, &lost) || ctx.Err() != nil {
			return stopped(ctx, err)
		}
		log.Warn("starting over from what is stored", "because", err)
		if time.Since(started) > cluster.AwaitLimit {
			attempt = 1 // it went well for a while
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(cluster.Backoff(attempt, 0)):
		}
	}
}

// calculator counts, again and again where it must start over.
type calculator struct {
	settings Settings
	client   sarama.Client
	stdout   io.Writer
	log      *slog.Logger
	meters   *meters
	engine   atomic.Pointer[engine]
	progress atomic.Pointer[Progress]
}

// count opens the state and counts until ctx is cancelled, which is no error.
func (c *calculator) count(ctx context.Context) (err error) {
	c.engine.Store(nil)
	c.progress.Store(new(Progress))
	s := c.settings
	topic, err := cluster.AwaitDescription(ctx, c.client, s.Topic)
	if err != nil {
		return err
	}
	snapshots, err := cluster.AwaitDescription(ctx, c.client, s.SnapshotTopic)
	if err != nil {
		return err
	}
	state, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeLimit)
		defer cancel()
		err = errors.Join(err, state.Close(closing))
	}()
	g := group{c.client, s.Group, s.Topic}
	identity, err := begin(ctx, state, topic, snapshots, g, s.Rebuild)
	if err != nil {
		return err
	}
	c.settings.Rebuild = false // done: starting over must not do it once more
	out, err := awaitOutlet(ctx, s)
	if err != nil {
		return err
	}
	e := newEngine(s, topic.Partitions, c.client, NewLedger(state, identity, s.Keep, time.Now), out, g, c.meters, c.stdout, c.log)
	defer func() {
		closed, problem := within(closeLimit, e.close)
		if !closed {
			c.log.Warn("sending did not end and is abandoned; what was not delivered is sent again", "waited", closeLimit)
		}
		err = errors.Join(err, problem)
	}()
	c.engine.Store(e)
	return e.run(ctx, c.progress.Load())
}

// closeLimit bounds giving partitions back, as a lease ends by itself, and the end
// of sending: nothing is on its way by then that anybody waits for, and the library
// waits for ever for messages that it lost count of when a broker died.
const closeLimit = 5 * time.Second

func (c *calculator) open(ctx context.Context) (store.Store, error) {
	s := c.settings
	if s.Store == "" {
		return disk.Open(s.StateDir, s.Rebuild, c.log)
	}
	if s.Instance == "" {
		host, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("name this instance: %w; use --instance", err)
		}
		c.settings.Instance = fmt.Sprintf("%s-%08x", host, rand.Uint32())
	}
	return postgres.Open(ctx, s.Store, c.settings.Instance, s.Rebuild)
}

func (c *calculator) health() error {
	progress, e := c.progress.Load(), c.engine.Load()
	switch {
	case progress == nil:
		return errors.New("starting")
	case e == nil || e.lastTick.Load() == 0:
		return errors.New(progress.String())
	default:
		return e.health()
	}
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
