package popularity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/errgroup"

	"weir/jobs/popularity/snapshot"
	"weir/jobs/popularity/store"
)

// stopLimit is how long a stopping calculator tries to publish its last commit.
// The commit itself is durable by then.
const stopLimit = 20 * time.Second

// engine moves records from readers through the ledger to the outlet.
type engine struct {
	settings Settings
	client   sarama.Client
	outlet   *outlet
	ledger   *Ledger
	meters   *meters
	log      *slog.Logger
	stdout   io.Writer

	partitions []int32 // of the topic
	followers  map[int32]*follower
	tops       *courier[snapshot.Top]
	snapshots  *courier[[]publication]
	letters    *courier[struct{}]
	mirror     *courier[map[int32]int64]
	// arrived are the markers that reached their topic since the last tick.
	arrived     chan snapshot.Marker
	lastPublish time.Time
	lastTick    atomic.Int64 // UnixNano
	// delivering are the couriers that run.
	delivering sync.WaitGroup
}

func newEngine(s Settings, partitions []int32, client sarama.Client, l *Ledger, o *outlet, g group, m *meters, stdout io.Writer, log *slog.Logger) *engine {
	failures := m.failures.WithLabelValues
	e := &engine{
		settings: s, client: client, outlet: o, ledger: l, meters: m, log: log, stdout: stdout,
		partitions: partitions, followers: map[int32]*follower{},
		arrived: make(chan snapshot.Marker), lastPublish: time.Now(),
	}
	e.tops = newLatest("top", func(_ context.Context, top snapshot.Top) error { return o.publishTop(top) }, failures("snapshots"), log)
	e.snapshots = newCourier("snapshots", e.publish, failures("snapshots"), log)
	e.letters = newCourier("dead letters", func(ctx context.Context, _ struct{}) error { return o.empty(ctx, l) }, failures("dead-letters"), log)
	e.mirror = newCourier("group offsets", g.mirror, failures("group-offsets"), log)
	return e
}

// publish sends what changed and tells the goroutine that commits how far it got.
func (e *engine) publish(ctx context.Context, all []publication) error {
	if err := e.outlet.publish(ctx, all); err != nil {
		return err
	}
	for _, p := range all {
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
func (e *engine) run(ctx context.Context, progress *Progress) error {
	delivering, stopDelivering := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDelivering()
	defer e.forget()
	e.delivering.Go(func() { e.tops.run(delivering) })
	e.delivering.Go(func() { e.snapshots.run(delivering) })
	e.delivering.Go(func() { e.letters.run(delivering) })
	e.delivering.Go(func() { e.mirror.run(delivering) })

	reading, readingCtx := errgroup.WithContext(ctx)
	failed := e.share(readingCtx, reading, progress)
	if failed == nil && e.ledger.Pages() > 0 { // who waits for a result after a restart has one at once
		failed = e.tick(readingCtx, time.Now())
	}
	if failed == nil {
		topic := make(chan []int32)
		reading.Go(func() error { return e.watch(readingCtx, topic) })
		failed = e.tickUntil(readingCtx, reading, topic)
	}
	if failed != nil {
		reading.Go(func() error { return failed }) // stops the readers
	}
	switch err := reading.Wait(); {
	case !errors.Is(err, context.Canceled):
		return err
	case failed != nil:
		return nil // stopped in the middle of something: what is not committed is read again
	}
	return e.finish(context.WithoutCancel(ctx))
}

// forget ends what is told of partitions: others may count them from now on.
func (e *engine) forget() {
	for partition := range e.followers {
		e.meters.forget(partition)
	}
}

// close ends what run has used, once nobody sends any more: the library panics where
// something is still being handed to what was closed.
func (e *engine) close() error {
	e.delivering.Wait()
	return e.outlet.close()
}

// tickUntil commits every interval until ctx ends. It is the one goroutine that
// uses the ledger.
func (e *engine) tickUntil(ctx context.Context, reading *errgroup.Group, topic <-chan []int32) error {
	ticker, sharing := time.NewTicker(e.settings.Interval), time.NewTicker(shareInterval)
	defer ticker.Stop()
	defer sharing.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case e.partitions = <-topic:
		case <-sharing.C:
			err = e.share(ctx, reading, new(Progress))
		case marker := <-e.arrived:
			e.ledger.Published(marker.Partition, marker.NextOffset)
		case <-e.ledger.hurry:
			err = e.commit(ctx)
		case now := <-ticker.C:
			err = e.tick(ctx, now)
		}
		if err != nil {
			return err
		}
	}
}

// tick commits what was counted, prints the top and hands the rest to couriers.
func (e *engine) tick(ctx context.Context, now time.Time) error {
	top, err := e.result(ctx, now)
	if err != nil {
		return err
	}
	e.tops.update(top) // whatever else is on its way: people wait for it
	e.offerNews(now)
	if e.ledger.waiting.Load() > 0 {
		e.letters.offer(struct{}{})
	}
	e.mirror.offer(e.offsets())
	e.judge(time.Since(now))
	return nil
}

// judge warns of a tick that took too long: results come later than they should.
func (e *engine) judge(took time.Duration) {
	if took > e.settings.Interval {
		e.log.Warn("an interval's work took longer than the interval", "took", took, "interval", e.settings.Interval)
	}
}

// result commits and prints the top, which it returns as it is published.
func (e *engine) result(ctx context.Context, now time.Time) (snapshot.Top, error) {
	if err := e.commit(ctx); err != nil {
		return snapshot.Top{}, err
	}
	top, offsets, err := e.top(ctx)
	if err != nil {
		return snapshot.Top{}, err
	}
	if err := printTop(e.stdout, now, top); err != nil {
		return snapshot.Top{}, fmt.Errorf("print the top: %w", err)
	}
	return e.ledger.newTop(now, top, offsets, e.settings), nil
}

// commitLimit bounds a commit: a database that does not answer for so long is
// taken for lost.
const commitLimit = 2 * time.Minute

// commit is never given up because the program is to stop: nobody would know
// whether it happened.
func (e *engine) commit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	started := time.Now()
	done, err := e.ledger.Commit(ctx)
	if err != nil {
		return err
	}
	if done.Records > 0 {
		e.meters.commit.Observe(time.Since(started).Seconds())
	}
	e.meters.committed(done, e.ledger)
	for partition, f := range e.followers {
		e.meters.partition(partition, e.ledger.Position(partition).Next, f.reader.HighWater())
	}
	e.lastTick.Store(time.Now().UnixNano())
	return nil
}

// offerNews hands over what changed if the courier is idle; sums are copied only
// then, and otherwise add up for the next time.
func (e *engine) offerNews(now time.Time) {
	if now.Sub(e.lastPublish) < e.settings.SnapshotInterval || !e.snapshots.settled() {
		return
	}
	e.lastPublish = now
	if all := e.publications(); len(all) > 0 {
		e.snapshots.give(all) // an idle courier takes it at once
	}
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

// top is the top over all partitions, with the offsets that it was made at. Where
// other instances count some of them, the store knows their sums.
func (e *engine) top(ctx context.Context) ([]Ranked, map[int32]int64, error) {
	shared, ok := e.ledger.store.(store.Ranker)
	if s := e.settings; ok && len(e.followers) < len(e.partitions) {
		return topOf(ctx, shared, s.Top, s.Weights, s.Keep, s.Window)
	}
	top, err := e.ledger.Top(e.settings.Top, e.settings.Weights, e.settings.Window)
	return top, e.offsets(), err
}

func (e *engine) offsets() map[int32]int64 {
	next := map[int32]int64{}
	for _, partition := range e.ledger.Partitions() {
		next[partition] = e.ledger.Position(partition).Next
	}
	return next
}

// finish commits what the readers left, prints and publishes it, and notes in the
// state that it is published.
func (e *engine) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	top, err := e.result(ctx, time.Now())
	if err != nil {
		return err
	}
	last := e.publications()
	published := make(chan bool)
	go func() { published <- e.snapshots.last(ctx, last) }()
	delivered := e.noteUntil(published)
	delivered = e.tops.last(ctx, top) && delivered
	delivered = e.letters.last(ctx, struct{}{}) && delivered
	delivered = e.mirror.last(ctx, e.offsets()) && delivered
	if !delivered {
		e.log.Warn("the last commit is stored but not published; the next run does that", "waited", stopLimit)
	}
	return e.commit(ctx)
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
	if age := time.Since(time.Unix(0, e.lastTick.Load())); age > e.settings.Interval+healthyDelay {
		return fmt.Errorf("the last commit is %s old", age.Round(time.Second))
	}
	return nil
}
