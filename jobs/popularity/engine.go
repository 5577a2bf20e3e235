package popularity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"weir/jobs/cluster"
	"weir/jobs/popularity/fetch"
	"weir/jobs/popularity/snapshot"
)

const (
	// watchInterval is how often the topic is looked at for new partitions and
	// for having been replaced.
	watchInterval = 10 * time.Second
	// stopLimit is how long a stopping calculator tries to publish its last
	// commit. The commit itself is durable by then.
	stopLimit = 20 * time.Second
)

// engine moves records from readers through the ledger to the outlet.
type engine struct {
	settings Settings
	client   sarama.Client
	ledger   *Ledger
	meters   *meters
	log      *slog.Logger
	stdout   io.Writer

	readers   map[int32]*fetch.Reader
	snapshots *courier[news]
	letters   *courier[struct{}]
	mirror    *courier[map[int32]int64]
	// arrived are the markers that reached their topic since the last tick.
	arrived     chan snapshot.Marker
	lastPublish time.Time
	lastTick    atomic.Int64 // UnixNano
}

func newEngine(s Settings, client sarama.Client, l *Ledger, o *outlet, g group, m *meters, stdout io.Writer, log *slog.Logger) *engine {
	failures := m.failures.WithLabelValues
	e := &engine{
		settings: s, client: client, ledger: l, meters: m, log: log, stdout: stdout,
		readers: map[int32]*fetch.Reader{},
		arrived: make(chan snapshot.Marker),
	}
	e.snapshots = newCourier("snapshots", func(ctx context.Context, n news) error { return e.publish(ctx, o, n) }, failures("snapshots"), log)
	e.letters = newCourier("dead letters", func(ctx context.Context, _ struct{}) error { return o.empty(ctx, l) }, failures("dead-letters"), log)
	e.mirror = newCourier("group offsets", g.mirror, failures("group-offsets"), log)
	return e
}

// publish sends news and tells the goroutine that commits how far it got.
func (e *engine) publish(ctx context.Context, o *outlet, n news) error {
	if err := o.publish(n); err != nil {
		return err
	}
	for _, p := range n.publications {
		select {
		case e.arrived <- p.marker:
		case <-ctx.Done():
			return nil // it arrived; the next run publishes it once more
		}
	}
	return nil
}

// run counts until ctx is cancelled, which is no error: then what was counted
// is committed and published. It returns an error where counting on would be
// wrong; what was counted since the last commit is then dropped, because it may
// be what is wrong, and is read again by the next run if it is not.
func (e *engine) run(ctx context.Context, partitions []int32) error {
	delivering, stopDelivering := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDelivering()
	go e.snapshots.run(delivering)
	go e.letters.run(delivering)
	go e.mirror.run(delivering)

	ctx, stopReading := context.WithCancel(ctx)
	defer stopReading()
	reading, readingCtx := errgroup.WithContext(ctx)
	fresh := make(chan int32)
	for _, partition := range partitions {
		e.follow(readingCtx, reading, partition)
	}
	reading.Go(func() error { return e.watch(readingCtx, partitions, fresh) })
	failed := e.tickUntil(readingCtx, reading, fresh)
	stopReading()
	err := reading.Wait()
	if failed != nil {
		return failed
	}
	if !errors.Is(err, context.Canceled) {
		return err
	}
	return e.finish()
}

// tickUntil commits every interval until ctx ends. It is the one goroutine that
// uses the ledger.
func (e *engine) tickUntil(ctx context.Context, reading *errgroup.Group, fresh <-chan int32) error {
	ticker := time.NewTicker(e.settings.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case partition := <-fresh:
			e.follow(ctx, reading, partition)
		case marker := <-e.arrived:
			e.ledger.Published(marker.Partition, marker.NextOffset)
		case <-e.ledger.hurry:
			if err := e.commit(); err != nil {
				return err
			}
		case now := <-ticker.C:
			if err := e.tick(now); err != nil {
				return err
			}
		}
	}
}

// follow starts reading a partition and counting what is read.
func (e *engine) follow(ctx context.Context, reading *errgroup.Group, partition int32) {
	shard := e.ledger.Shard(partition)
	reader := fetch.NewReader(e.client, e.settings.Topic, partition, shard.Next(), e.log)
	e.readers[partition] = reader
	chunks := make(chan fetch.Chunk, 1) // the next chunk is fetched while one is counted
	reading.Go(func() error {
		defer close(chunks)
		err := reader.Run(ctx, chunks)
		var gone *fetch.OffsetError
		if errors.As(err, &gone) {
			return &RefusalError{err.Error(), rebuildAdvice}
		}
		return err
	})
	reading.Go(func() error {
		for chunk := range chunks {
			if err := shard.Apply(chunk); err != nil {
				return err
			}
			if err := shard.AwaitRoom(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

// watch looks for new partitions, and ends with an error where the topic is
// another than the one counted.
func (e *engine) watch(ctx context.Context, known []int32, fresh chan<- int32) error {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		topic, err := cluster.Describe(e.client, e.settings.Topic)
		if err != nil {
			continue // the readers say what is wrong
		}
		if err := sameTopic(e.ledger.identity, topic); err != nil {
			return err
		}
		for _, partition := range topic.Partitions {
			if slices.Contains(known, partition) {
				continue
			}
			e.log.Info("new partition", "partition", partition)
			known = append(known, partition)
			select {
			case fresh <- partition:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// tick commits what was counted, prints the top and hands the rest to couriers.
func (e *engine) tick(now time.Time) error {
	if err := e.commit(); err != nil {
		return err
	}
	top, err := e.ledger.Top(e.settings.Top, e.settings.Weights, e.settings.Window)
	if err != nil {
		return err
	}
	if err := printTop(e.stdout, now, top); err != nil {
		return fmt.Errorf("print the top: %w", err)
	}
	e.offerNews(now, top)
	if e.ledger.waiting.Load() > 0 {
		e.letters.offer(struct{}{})
	}
	e.mirror.offer(e.offsets())
	if took := time.Since(now); took > e.settings.Interval {
		e.log.Warn("an interval's work took longer than the interval", "took", took, "interval", e.settings.Interval)
	}
	return nil
}

func (e *engine) commit() error {
	started := time.Now()
	done, err := e.ledger.Commit()
	if err != nil {
		return err
	}
	if done.Records > 0 {
		e.meters.commit.Observe(time.Since(started).Seconds())
	}
	e.meters.committed(done, e.ledger)
	for partition, reader := range e.readers {
		e.meters.partition(partition, e.ledger.Position(partition).Next, reader.HighWater())
	}
	e.lastTick.Store(time.Now().UnixNano())
	return nil
}

// offerNews hands over what there is if the courier is idle; sums are copied only
// then, and otherwise add up for the next time.
func (e *engine) offerNews(now time.Time, top []Ranked) {
	if !e.snapshots.idle.Load() {
		return
	}
	n := news{top: e.ledger.newTop(now, top, e.settings)}
	if now.Sub(e.lastPublish) >= e.settings.SnapshotInterval {
		n.publications = e.publications()
		e.lastPublish = now
	}
	e.snapshots.in <- n // an idle courier takes it at once
}

// publications are the news of all partitions that have some.
func (e *engine) publications() (all []publication) {
	for _, partition := range e.ledger.Partitions() {
		if e.ledger.HasNews(partition) {
			all = append(all, e.ledger.publish(partition))
		}
	}
	return all
}

func (e *engine) offsets() map[int32]int64 {
	next := map[int32]int64{}
	for _, partition := range e.ledger.Partitions() {
		next[partition] = e.ledger.Position(partition).Next
	}
	return next
}

// finish commits what the readers left, publishes it, and notes in the state
// that it is published.
func (e *engine) finish() error {
	if err := e.commit(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	top, err := e.ledger.Top(e.settings.Top, e.settings.Weights, e.settings.Window)
	if err != nil {
		return err
	}
	last := news{e.publications(), e.ledger.newTop(time.Now(), top, e.settings)}
	published := make(chan bool)
	go func() { published <- e.snapshots.last(ctx, last) }()
	delivered := e.noteUntil(published)
	delivered = e.letters.last(ctx, struct{}{}) && delivered
	delivered = e.mirror.last(ctx, e.offsets()) && delivered
	if !delivered {
		e.log.Warn("the last commit is on disk but not published; the next run does that", "waited", stopLimit)
	}
	return e.commit()
}

// noteUntil notes what arrives until the last news did, or did not.
func (e *engine) noteUntil(published <-chan bool) bool {
	for {
		select {
		case marker := <-e.arrived:
			e.ledger.Published(marker.Partition, marker.NextOffset)
		case delivered := <-published:
			return delivered
		}
	}
}

// healthyDelay is how far behind its interval a commit may be before the
// calculator calls itself unhealthy.
const healthyDelay = 15 * time.Second

func (e *engine) health() error {
	last := e.lastTick.Load()
	if last == 0 {
		return errors.New("no commit yet")
	}
	if age := time.Since(time.Unix(0, last)); age > e.settings.Interval+healthyDelay {
		return fmt.Errorf("the last commit is %s old", age.Round(time.Second))
	}
	return nil
}
