package fetch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

const (
	// maxWait is how long a broker holds a fetch that has nothing to send. It
	// bounds how long a reader takes to stop.
	maxWait = 250 * time.Millisecond
	// maxBytes is what a fetch brings at most, if one batch is not larger.
	maxBytes = 4 << 20
	// endGrace is how long an offset beyond the log's end is waited for: a new
	// leader learns the high watermark after its election, within a fetch
	// of its followers (replica.fetch.wait.max.ms, 500 ms), many times over.
	endGrace = 30 * time.Second
)

// OffsetError says that a partition's log does not hold the offset to read
// next: records were lost to retention, or the log was cut or replaced.
type OffsetError struct {
	Topic            string
	Partition        int32
	Offset           int64
	LogStart, LogEnd int64
}

func (e *OffsetError) Error() string {
	what := fmt.Sprintf("is above the end of its log, %d: the log was cut or the topic replaced", e.LogEnd)
	if e.Offset < e.LogStart {
		what = fmt.Sprintf("is below the start of its log, %d: %d records were deleted before they were counted",
			e.LogStart, e.LogStart-e.Offset)
	}
	return fmt.Sprintf("topic %s partition %d: next offset %d %s", e.Topic, e.Partition, e.Offset, what)
}

// Reader reads one partition. It has a connection of its own to the partition's
// leader, because a broker answers one request at a time on a connection.
type Reader struct {
	client    sarama.Client
	topic     string
	partition int32
	log       *slog.Logger

	next      int64
	highWater atomic.Int64
	broker    *sarama.Broker // nil while not connected
	epoch     int32          // the leader's, as known when connected
	failures  int            // in a row
	said      string         // the last problem that was logged
	beyond    time.Time      // since when next is above the log's end
	empty     int            // answers in a row with no records below the end
}

// NewReader returns a reader that begins at offset next.
func NewReader(client sarama.Client, topic string, partition int32, next int64, log *slog.Logger) *Reader {
	return &Reader{
		client: client, topic: topic, partition: partition, next: next,
		log: log.With("topic", topic, "partition", partition),
	}
}

// HighWater is the offset after the last record that all in-sync replicas have,
// as the leader last said; 0 before it said so.
func (r *Reader) HighWater() int64 { return r.highWater.Load() }

// Run sends chunks to out until ctx is cancelled, which is its error then, or
// until the partition cannot be read further without missing something. What
// may pass (no leader, no connection) is retried for ever and logged.
func (r *Reader) Run(ctx context.Context, out chan<- Chunk) error {
	defer r.disconnect()
	for {
		chunk, err := r.fetch()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if err = r.recover(ctx, err); err != nil {
				return err
			}
			continue
		}
		r.recovered()
		if chunk.Next == chunk.From {
			continue
		}
		select {
		case out <- chunk:
			r.next = chunk.Next
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fetch asks the leader once.
func (r *Reader) fetch() (Chunk, error) {
	if err := r.connect(); err != nil {
		return Chunk{}, err
	}
	request := &sarama.FetchRequest{
		Version:     11,
		MaxWaitTime: int32(maxWait.Milliseconds()),
		MinBytes:    1,
		MaxBytes:    maxBytes,
		Isolation:   sarama.ReadCommitted,
	}
	request.AddBlock(r.topic, r.partition, r.next, maxBytes, r.epoch)
	response, err := r.broker.Fetch(request)
	if err != nil {
		return Chunk{}, fmt.Errorf("fetch from %s: %w", r.broker.Addr(), err)
	}
	if response.ThrottleTime > 0 {
		// The broker asks for a pause (KIP-219) and may have sent nothing.
		time.Sleep(min(response.ThrottleTime, time.Second))
	}
	return r.read(response)
}

func (r *Reader) read(response *sarama.FetchResponse) (Chunk, error) {
	block := response.GetBlock(r.topic, r.partition)
	switch {
	case block == nil && response.ThrottleTime > 0:
		return Chunk{}, nil
	case block == nil:
		return Chunk{}, sarama.ErrIncompleteResponse
	case !errors.Is(block.Err, sarama.ErrNoError):
		return Chunk{}, block.Err
	}
	r.highWater.Store(block.HighWaterMarkOffset)
	chunk, err := NewChunk(block, r.next)
	if err == nil && response.ThrottleTime == 0 {
		r.skipHole(block, &chunk)
	}
	return chunk, err
}

// holeEvidence is how many answers in a row must show that an offset holds
// nothing before it is passed.
const holeEvidence = 2

// skipHole passes one offset that holds no record: compaction leaves batches
// without any record, which the library drops without telling their last
// offset. A fetch of a single partition always brings the batch that holds its
// offset (KIP-74), so nothing below the last stable offset means such a batch.
func (r *Reader) skipHole(block *sarama.FetchResponseBlock, chunk *Chunk) {
	nothing := chunk.Next == chunk.From && len(block.RecordsSet) == 0 && !block.Partial
	if !nothing || r.next >= block.LastStableOffset {
		r.empty = 0
		return
	}
	if r.empty++; r.empty >= holeEvidence {
		chunk.Next++
	}
}

// connect opens a connection to the partition's leader where there is none.
func (r *Reader) connect() error {
	if r.broker != nil {
		return nil
	}
	leader, epoch, err := r.client.LeaderAndEpoch(r.topic, r.partition)
	if err != nil {
		return fmt.Errorf("find the leader: %w", err)
	}
	broker := sarama.NewBroker(leader.Addr())
	if err := broker.Open(r.client.Config()); err != nil {
		return fmt.Errorf("connect to %s: %w", leader.Addr(), err)
	}
	r.broker, r.epoch = broker, epoch
	return nil
}

func (r *Reader) disconnect() {
	if r.broker != nil {
		_ = r.broker.Close() // nothing is lost with a connection that only reads
		r.broker = nil
	}
}

// recover decides what an error means: one that ends reading is returned, any
// other is logged, and after a pause the leader is looked up again.
func (r *Reader) recover(ctx context.Context, err error) error {
	if errors.Is(err, ErrOldFormat) {
		return fmt.Errorf("topic %s partition %d: %w", r.topic, r.partition, err)
	}
	if errors.Is(err, sarama.ErrOffsetOutOfRange) {
		if fatal := r.outOfRange(); fatal != nil {
			return fatal
		}
	}
	r.disconnect()
	r.failures++
	if err.Error() != r.said {
		r.said = err.Error()
		r.log.Warn("cannot read, retrying", "offset", r.next, "error", err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(cluster.Backoff(r.failures, 0)):
	}
	if err := r.client.RefreshMetadata(r.topic); err != nil {
		r.log.Debug("no metadata", "error", err)
	}
	return nil
}

func (r *Reader) recovered() {
	if r.said != "" {
		r.log.Info("reading again", "offset", r.next)
	}
	r.failures, r.said, r.beyond = 0, "", time.Time{}
}

// outOfRange asks for the log's range and returns an *OffsetError where the
// next offset is below it, or has been above it for too long.
func (r *Reader) outOfRange() error {
	start, err := r.client.GetOffset(r.topic, r.partition, sarama.OffsetOldest)
	if err != nil {
		return nil // the next attempt asks again
	}
	end, err := r.client.GetOffset(r.topic, r.partition, sarama.OffsetNewest)
	if err != nil {
		return nil
	}
	problem := &OffsetError{Topic: r.topic, Partition: r.partition, Offset: r.next, LogStart: start, LogEnd: end}
	if r.next < start {
		return problem
	}
	if r.next <= end {
		return nil
	}
	if r.beyond.IsZero() {
		r.beyond = time.Now()
	}
	if time.Since(r.beyond) > endGrace {
		return problem
	}
	return nil
}
