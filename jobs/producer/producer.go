// Package producer is the article's producer: made-up visits, sent to a topic
// in rounds and printed, or at any other rate to load a cluster.
//
// It loses nothing, and leaves nothing twice or out of order: see package send,
// which sends. A message that is not acknowledged within a stated bound ends
// the program with an error that names it. A producer that is killed and
// started again draws a new sequence and cannot know which of its last messages
// arrived, unless it has been given a run: then its messages carry their number,
// and it goes on behind the last that is in the topic.
package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"weir/jobs/program"
)

// Main runs the program and returns its exit code. Cancelling ctx stops it
// gracefully: no new messages, all sent ones acknowledged.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var s Settings
	flags := program.NewFlags("weir-producer", stderr)
	check := s.flags(flags)
	if code, done := flags.Read(joinProps(args), stdout, check); done {
		return code
	}
	log := program.Logger(stderr)
	fmt.Fprintf(stderr, "weir-producer %s: topic %s at %v, %d pages, %s, seed %d, metrics on %s\n",
		program.Version(), s.Topic, s.Brokers, s.Shape.Pages, s.pace(), s.Seed, s.MetricsAddress)
	if err := Run(ctx, s, stdout, log); err != nil {
		log.Error("stopped", "error", err)
		return program.ExitError
	}
	return program.ExitOK
}

// pace says in words how fast messages are sent.
func (s *Settings) pace() string {
	switch s.Throughput.Mode {
	case Rounds:
		return fmt.Sprintf("a round every %s", s.Interval)
	case Unlimited:
		return "as fast as possible"
	}
	return s.Throughput.String() + " a second"
}

// Run produces until ctx is cancelled or a limit of the settings is reached. A
// nil error says that every message sent was acknowledged. With Acks 0 the
// cluster does not answer, and nothing is promised.
func Run(ctx context.Context, s Settings, stdout io.Writer, log *slog.Logger) error {
	m := newMeters()
	var current atomic.Pointer[session]
	page, err := program.Serve(s.MetricsAddress, m.registry, func() error { return health(current.Load()) }, log)
	if err != nil {
		return err
	}
	defer page.Close()
	p, err := open(ctx, s, m, log)
	if err != nil {
		return stopped(ctx, err)
	}
	defer p.client.Close()
	current.Store(p)
	return p.run(ctx, stdout)
}

// healthyDelay is how long an acknowledgement may take before the producer
// calls itself unhealthy: more than a broker's controlled shutdown costs.
const healthyDelay = 15 * time.Second

func health(p *session) error {
	if p == nil {
		return errors.New("waiting for the topic")
	}
	if wait := longest(p.writers, time.Now()); wait > healthyDelay {
		return fmt.Errorf("a message has not been acknowledged for %s", wait.Round(time.Second))
	}
	return nil
}

// stopped makes an error of being cancelled no error: that is how a producer ends.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
