package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/popularity/snapshot"
	"weir/ops/connect"
	"weir/provision/inventory"
)

// snapshotTail is how many messages of the snapshot topic's end are read: some
// minutes of the article's few pages. With many pages it is less than one
// publication, and the next ones are waited for.
const snapshotTail = 2000

// bounds are the first and the next offset of each partition of a topic.
type bounds struct{ start, end map[int32]int64 }

func readBounds(ctx context.Context, client sarama.Client, topic string) (bounds, error) {
	b := bounds{map[int32]int64{}, map[int32]int64{}}
	partitions, err := connect.Bounded(ctx, func() ([]int32, error) { return client.Partitions(topic) })
	if err != nil {
		return b, fmt.Errorf("topic %s: %w", topic, err)
	}
	for _, p := range partitions {
		if b.start[p], err = startOffset(ctx, client, topic, p); err == nil {
			b.end[p], err = endOffset(ctx, client, topic, p)
		}
		if err != nil {
			return b, fmt.Errorf("offsets of %s-%d: %w", topic, p, err)
		}
	}
	return b, nil
}

// watch is the wait for snapshots that prove something.
type watch struct {
	job   inventory.Job
	input bounds
	spans *spans
	fed   bool
	// first is where each partition's snapshots stood when the newest one that
	// was there at the beginning had been read.
	first map[int32]int64
}

// follow reads the snapshot topic's end and then what is published, until the
// snapshots have caught up with the topic and there is something to recount, or
// the limit is over. What is missing then is for judgeWatch to say.
func (w *watch) follow(ctx context.Context, client sarama.Client, limit time.Duration) error {
	topic, err := readBounds(ctx, client, w.job.SnapshotTopic)
	if err != nil {
		return err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return err
	}
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	messages := make(chan *sarama.ConsumerMessage)
	failures := make(chan error, len(topic.end))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	behind := map[int32]bool{} // partitions whose old end is not yet read
	for p, end := range topic.end {
		from := max(topic.start[p], end-snapshotTail)
		behind[p] = from < end
		wg.Go(func() {
			if err := tail(ctx, consumer, w.job.SnapshotTopic, p, from, messages); err != nil {
				failures <- err
			}
		})
	}
	return w.fold(ctx, topic.end, behind, messages, failures)
}

func (w *watch) fold(ctx context.Context, ends map[int32]int64, behind map[int32]bool, messages <-chan *sarama.ConsumerMessage, failures <-chan error) error {
	var assembler snapshot.Assembler
	idle := time.NewTimer(readIdle) // compaction may have taken the last ones
	defer idle.Stop()
	for {
		if caughtUp := !slices.Contains(slices.Collect(maps.Values(behind)), true); caughtUp {
			w.markFirst()
			if w.proven() {
				return nil
			}
		}
		select {
		case m := <-messages:
			idle.Reset(readIdle)
			if m.Offset+1 >= ends[m.Partition] {
				behind[m.Partition] = false
			}
			if err := w.take(&assembler, m); err != nil {
				return fmt.Errorf("%s-%d, offset %d: %w", m.Topic, m.Partition, m.Offset, err)
			}
		case <-idle.C:
			clear(behind)
		case err := <-failures:
			return err
		case <-ctx.Done():
			w.markFirst()
			return nil
		}
	}
}

// take adds a message's publication, where it completes one of this job's topic.
// Deletions, of a compacted topic, have no value.
func (w *watch) take(a *snapshot.Assembler, m *sarama.ConsumerMessage) error {
	if m.Value == nil {
		return nil
	}
	message, err := snapshot.Decode(m.Key, m.Value)
	if err != nil {
		return err
	}
	if next, complete := a.Add(message); complete && next.Topic == w.job.Topic {
		w.spans.add(next)
	}
	return nil
}

func (w *watch) markFirst() {
	if w.first != nil {
		return
	}
	w.first = map[int32]int64{}
	for p, one := range w.spans.of {
		w.first[p] = one.until
	}
}

// proven says that every partition's snapshots have caught up or move, and that
// there is something to recount where there should be.
func (w *watch) proven() bool {
	for p := range w.input.end {
		if w.stalled(p) {
			return false
		}
	}
	return !w.fed || w.spans.records() > 0
}

// stalled says that a partition has records that its snapshots have not
// counted, and that they did not move while we watched.
func (w *watch) stalled(p int32) bool {
	one := w.spans.of[p]
	if one == nil {
		return w.input.end[p] > w.input.start[p]
	}
	first, seen := w.first[p]
	return one.until < w.input.end[p] && seen && one.until <= first
}

// tail sends a partition's messages from an offset on, until ctx ends.
func tail(ctx context.Context, consumer sarama.Consumer, topic string, partition int32, from int64, messages chan<- *sarama.ConsumerMessage) error {
	pc, err := connect.Bounded(ctx, func() (sarama.PartitionConsumer, error) {
		return consumer.ConsumePartition(topic, partition, from)
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("read %s-%d from offset %d: %w", topic, partition, from, err)
	}
	defer pc.AsyncClose()
	for {
		select {
		case m, open := <-pc.Messages():
			if !open {
				return nil
			}
			select {
			case messages <- m:
			case <-ctx.Done():
				return nil
			}
		case err := <-pc.Errors():
			return fmt.Errorf("read %s-%d: %w", topic, partition, err)
		case <-ctx.Done():
			return nil
		}
	}
}
