package popularity

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/jobs/cluster"
	"weir/jobs/popularity/fetch"
)

const (
	// watchInterval is how often the topic is looked at for new partitions and
	// for having been replaced.
	watchInterval = 10 * time.Second
	// shareInterval is how often partitions are shared with other instances, a
	// tenth of the time after which they would take ours.
	shareInterval = time.Second
)

// follower is a partition that is read and counted.
type follower struct {
	reader *fetch.Reader
	stop   context.CancelFunc
	done   chan struct{} // closed when it no longer counts
}

// share takes partitions that are ours to count, and releases those that others
// are to count.
func (e *engine) share(ctx context.Context, reading *errgroup.Group, progress *Progress) error {
	taken, surplus, err := e.ledger.store.Share(ctx, e.partitions)
	if err != nil {
		return err
	}
	for _, partition := range surplus {
		if err := e.release(ctx, partition); err != nil {
			return err
		}
	}
	if len(taken) == 0 {
		return nil
	}
	started := time.Now()
	reporting, stop := context.WithCancel(ctx)
	defer stop()
	go progress.report(reporting, e.log)
	if err := e.ledger.Take(ctx, taken, progress); err != nil {
		return err
	}
	for partition, position := range taken {
		e.log.Info("partition taken", "partition", partition, "epoch", position.Epoch, "offset", position.Next, "pages", position.Pages)
		e.follow(ctx, reading, partition)
	}
	e.log.Info("state loaded", "state", e.ledger.identity.State, "partitions", len(e.ledger.shards), "pages", e.ledger.Pages(),
		"took", time.Since(started).Round(time.Millisecond))
	return nil
}

// release gives a partition up: what was counted of it is committed first.
func (e *engine) release(ctx context.Context, partition int32) error {
	f := e.followers[partition]
	f.stop()
	<-f.done
	delete(e.followers, partition)
	if err := e.commit(ctx); err != nil {
		return err
	}
	e.settle(ctx)
	e.outlet.forget(partition)
	if err := e.ledger.store.Release(ctx, partition); err != nil {
		return err
	}
	e.log.Info("partition released", "partition", partition, "offset", e.ledger.Position(partition).Next)
	e.meters.forget(partition)
	return e.ledger.Drop(ctx, partition)
}

// settle waits until no snapshot and no dead letter is on its way: arriving behind
// the next owner's, a page would be taken for newer, and a letter come twice.
func (e *engine) settle(ctx context.Context) {
	const look = 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	for !e.snapshots.settled() || !e.letters.settled() {
		select {
		case marker := <-e.arrived: // the courier waits for that
			e.ledger.Published(marker.Partition, marker.NextOffset)
		case <-time.After(look):
		case <-ctx.Done():
			e.log.Warn("a partition is released while news of it is on its way", "waited", closeLimit)
			return
		}
	}
}

// follow starts reading a partition and counting what is read.
func (e *engine) follow(ctx context.Context, reading *errgroup.Group, partition int32) {
	shard := e.ledger.Shard(partition)
	own, stop := context.WithCancel(ctx)
	f := &follower{fetch.NewReader(e.client, shard.place(e.settings.Topic), e.log), stop, make(chan struct{})}
	e.followers[partition] = f
	chunks := make(chan fetch.Chunk, 1) // the next chunk is fetched while one is counted
	reading.Go(func() error {
		defer close(chunks)
		return unlessStopped(ctx, readError(f.reader.Run(own, chunks)))
	})
	reading.Go(func() error {
		defer close(f.done)
		return unlessStopped(ctx, countAll(own, shard, chunks))
	})
}

// countAll counts chunks until there are no more.
func countAll(ctx context.Context, shard *Shard, chunks <-chan fetch.Chunk) error {
	for chunk := range chunks {
		err := shard.Apply(chunk)
		chunk.Release()
		if err == nil {
			err = shard.AwaitRoom(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readError says what can be done about a log that lacks records.
func readError(err error) error {
	var gone *fetch.OffsetError
	if errors.As(err, &gone) {
		return &RefusalError{err.Error(), rebuildAdvice}
	}
	return err
}

// unlessStopped makes an error of one partition's being stopped none: the others
// go on.
func unlessStopped(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return nil
	}
	return err
}

// watch looks for new partitions, and ends with an error where the topic is
// another than the one counted.
func (e *engine) watch(ctx context.Context, partitions chan<- []int32) error {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	var known []int32
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
		if slices.Equal(topic.Partitions, known) {
			continue
		}
		select {
		case partitions <- topic.Partitions:
			known = topic.Partitions
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
