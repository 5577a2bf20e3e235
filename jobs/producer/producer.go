// Package producer is the article's producer: rounds of made-up visits, sent to
// a topic and printed.
//
// It loses nothing: messages are sent idempotently and acknowledged by all
// in-sync replicas, broker restarts are waited out, and a message that is not
// acknowledged within a stated bound ends the program with an error that names
// it. Idempotence covers the library's retries only: a producer that is killed
// and started again draws a new sequence and cannot know which of its last
// messages arrived.
package producer

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
	"weir/jobs/program"
)

// drainLimit is how long a stopping producer waits for acknowledgements: below
// the 90 s after which systemd kills, above a leader election.
const drainLimit = 60 * time.Second

// Main runs the program and returns its exit code. Cancelling ctx stops it
// gracefully: no new messages, all sent ones acknowledged.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var s Settings
	flags := program.NewFlags("weir-producer", stderr)
	check := s.flags(flags)
	if code, done := flags.Read(args, stdout, check); done {
		return code
	}
	log := program.Logger(stderr)
	fmt.Fprintf(stderr, "weir-producer %s: topic %s at %v, %d pages, every %s, seed %d, metrics on %s\n",
		program.Version(), s.Topic, s.Brokers, s.Shape.Pages, s.Interval, s.Seed, s.MetricsAddress)
	if err := Run(ctx, s, stdout, log); err != nil {
		log.Error("stopped", "error", err)
		return program.ExitError
	}
	return program.ExitOK
}

// Run produces until ctx is cancelled or a limit of the settings is reached. A
// nil error says that every message sent was acknowledged. With Acks 0 the
// cluster does not answer, and nothing is promised.
func Run(ctx context.Context, s Settings, stdout io.Writer, log *slog.Logger) error {
	m := newMeters()
	var current atomic.Pointer[delivery]
	page, err := program.Serve(s.MetricsAddress, m.registry, func() error { return health(current.Load()) }, log)
	if err != nil {
		return err
	}
	defer page.Close()
	config := s.config()
	need := cluster.Need{Topic: s.Topic, Options: "--partitions 3 --replication-factor 3"}
	if err := cluster.Await(ctx, log, config, s.Brokers, need); err != nil {
		return stopped(ctx, err)
	}
	client, err := sarama.NewAsyncProducer(s.Brokers, config)
	if err != nil {
		return fmt.Errorf("connect to %v: %w", s.Brokers, err)
	}
	d := newDelivery(client, s.Topic, s.Bound, m)
	current.Store(d)
	sent, err := produce(ctx, s, d, stdout)
	err = cmp.Or(stopped(ctx, err), d.drain(drainLimit))
	if err != nil {
		return err
	}
	log.Info("stopped", "messages", sent, "acknowledged", "all")
	return nil
}

// healthyDelay is how long an acknowledgement may take before the producer
// calls itself unhealthy: more than a broker's controlled shutdown costs.
const healthyDelay = 15 * time.Second

func health(d *delivery) error {
	if d == nil {
		return errors.New("waiting for the topic")
	}
	return d.late(healthyDelay)
}

// stopped makes an error of being cancelled no error: that is how a producer ends.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// produce sends rounds and returns the number of messages handed over.
func produce(ctx context.Context, s Settings, d *delivery, stdout io.Writer) (sent int64, err error) {
	generator := NewGenerator(s.Shape, s.Seed)
	out := bufio.NewWriter(stdout)
	defer out.Flush()
	if s.Quiet {
		out.Reset(io.Discard)
	}
	for round := int64(1); ; round++ {
		n, err := sendRound(ctx, generator.Round(), s.Count-sent, d, out)
		sent += n
		if err != nil {
			return sent, err
		}
		fmt.Fprintf(out, "%d user behavior messages produced.\n", n)
		if err := out.Flush(); err != nil {
			return sent, fmt.Errorf("print: %w", err)
		}
		if round == s.Rounds || s.Count > 0 && sent >= s.Count {
			return sent, nil
		}
		if err := d.pause(ctx, s.Interval); err != nil {
			return sent, err
		}
	}
}

// sendRound sends the visits, at most `left` of them where left is positive,
// and prints each.
func sendRound(ctx context.Context, visits []Visit, left int64, d *delivery, out *bufio.Writer) (sent int64, err error) {
	if left > 0 && left < int64(len(visits)) {
		visits = visits[:left]
	}
	for _, v := range visits {
		text := v.AppendText(nil)
		if err := d.send(ctx, text); err != nil {
			return sent, err
		}
		sent++
		_, _ = out.Write(append(text, '\n')) // its error sticks and shows on Flush
	}
	return sent, nil
}

// pause waits for the interval; a failure or ctx ends it early.
func (d *delivery) pause(ctx context.Context, interval time.Duration) error {
	if interval == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-d.failed:
		return d.failure
	case <-time.After(interval):
		return nil
	}
}
