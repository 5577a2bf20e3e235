package producer

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"weir/jobs/cluster"
	"weir/jobs/producer/send"
)

// drainLimit is how long a stopping producer waits for acknowledgements: below
// the 60 s after which a job's service is killed, so that the manifest is still
// written, and above a leader election.
const drainLimit = 45 * time.Second

var errDrain = fmt.Errorf("no answer within %s of stopping", drainLimit)

// session is a producer that is connected.
type session struct {
	settings Settings
	client   sarama.Client
	topic    cluster.Topic
	writers  []*send.Writer // in the order of their partitions' ids
	score    *score
	meters   *meters
	log      *slog.Logger
}

// open waits for the topic and makes a writer for each of its partitions.
func open(ctx context.Context, s Settings, m *meters, log *slog.Logger) (_ *session, err error) {
	if err := clear(s.Manifest, s.Report); err != nil {
		return nil, err
	}
	config := send.Config("weir-producer", s.Version)
	need := cluster.Need{Topic: s.Topic, Options: "--partitions 3 --replication-factor 3"}
	if err := cluster.Await(ctx, log, config, s.Brokers, need); err != nil {
		return nil, err
	}
	p := &session{settings: s, meters: m, log: log}
	if p.client, err = sarama.NewClient(s.Brokers, config); err != nil {
		return nil, fmt.Errorf("connect to %v: %w", s.Brokers, err)
	}
	if p.topic, err = cluster.AwaitDescription(ctx, p.client, s.Topic); err != nil {
		return nil, errors.Join(err, p.client.Close())
	}
	p.score = newScore(p.topic.Partitions, s.Manifest != "", m)
	for i, id := range p.topic.Partitions {
		p.writers = append(p.writers, send.NewWriter(p.client, id, p.options(i)))
	}
	m.watch(p.writers, p.score)
	return p, nil
}

// clear removes what an earlier process has written: it would be taken for this
// one's.
func clear(paths ...string) error {
	for _, path := range paths {
		if path == "" {
			continue
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// mostBatches of a partition are those in flight and as many again.
const mostBatches = 10

func (p *session) options(i int) send.Options {
	s := p.settings
	return send.Options{
		Topic: s.Topic, Run: s.Run, Acks: s.Acks, Idempotent: s.Idempotent, Ordered: s.Version.Old(), Codec: s.Codec, Bound: s.Bound, Log: p.log,
		BatchSize: s.BatchSize, Batches: max(2, min(mostBatches, s.BufferMemory/s.BatchSize/len(p.topic.Partitions))),
		Acknowledged: func(b *send.Batch, now time.Time) { p.score.acknowledged(i, b, now) },
	}
}

// run produces, waits for what is on its way, and writes down what became of it.
func (p *session) run(ctx context.Context, stdout io.Writer) error {
	var run *resumption
	if p.settings.Run != "" {
		var err error
		if run, err = takeOver(ctx, p.client, p.settings.Run, p.writers, p.log); err != nil {
			return stopped(ctx, err)
		}
		run.found = p.score.found
	}
	var start time.Time
	begin := func(at time.Time) {
		start = at
		p.score.begin(at)
	}
	f := newFeeder(p.writers, p.settings.Linger, p.meters.handOver)
	production := newProduction(p.settings, f, run, begin, p.printer(stdout))
	err := p.produce(ctx, production, stdout)
	took := time.Duration(0)
	if !start.IsZero() {
		took = time.Since(start)
	}
	err = errors.Join(stopped(ctx, err), p.conclude(took, stdout))
	if err == nil {
		p.log.Info("stopped", "messages", p.acknowledged(), "acknowledged", "all")
	}
	return err
}

// printer is where messages are printed; nil where they are not.
func (p *session) printer(stdout io.Writer) *bufio.Writer {
	if p.settings.Quiet || p.settings.Throughput.Mode != Rounds {
		return nil
	}
	return bufio.NewWriter(stdout)
}

// produce runs the production and the writers, until all is acknowledged or
// one of them fails.
func (p *session) produce(ctx context.Context, production *production, stdout io.Writer) error {
	// Writers outlive ctx: what was handed over is followed to its end.
	alive, end := context.WithCancelCause(context.WithoutCancel(ctx))
	defer end(nil)
	group, alive := errgroup.WithContext(alive)
	for _, w := range p.writers {
		group.Go(func() error { return w.Run(alive) })
	}
	// Only who stops it waits no longer than that: records have their own bound.
	defer context.AfterFunc(ctx, func() {
		select {
		case <-time.After(drainLimit):
			end(errDrain)
		case <-alive.Done():
		}
	})()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(alive, func() { stop(context.Cause(alive)) })()
	var telling sync.WaitGroup
	telling.Go(func() {
		if p.settings.Throughput.Mode != Rounds && !p.settings.Quiet {
			tellProgress(alive, p.score, stdout)
		}
	})
	err := production.produce(ctx)
	production.feeder.close()
	delivered := group.Wait()
	telling.Wait()
	return cmp.Or(delivered, err)
}

// acknowledged counts this process's messages.
func (p *session) acknowledged() (n int64) {
	for _, w := range p.writers {
		n += w.Acknowledged()
	}
	return n
}
