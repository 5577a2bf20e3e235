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
	// longestPause bounds how long one answer may make us wait: it is a broker's
	// quota window, and more than that is asked for again.
	longestPause = time.Second
)

// OffsetError says that a partition's log does not hold the offset to read next,
// or not the record before it: records were lost to retention, or the log was cut
// or replaced.
type OffsetError struct {
	Topic            string
	Partition        int32
	Offset           int64
	LogStart, LogEnd int64
	// Diverged says that the log was cut at LogEnd or before, and may have been
	// written anew from there.
	Diverged bool
}

func (e *OffsetError) Error() string {
	what := fmt.Sprintf("is above the end of its log, %d: the log was cut or the topic replaced", e.LogEnd)
	switch {
	case e.Diverged:
		what = fmt.Sprintf("is behind records that its log does not hold any more: it was cut at %d or before (an unclean election) and other records may stand there now", e.LogEnd)
	case e.Offset < e.LogStart:
		what = fmt.Sprintf("is below the start of its log, %d: %d records were deleted before they were counted",
			e.LogStart, e.LogStart-e.Offset)
	}
	return fmt.Sprintf("topic %s partition %d: next offset %d %s", e.Topic, e.Partition, e.Offset, what)
}

// Place is where to read from.
type Place struct {
	Topic     string
	Partition int32
	// Next is the offset of the next record, LeaderEpoch that under which the one
	// before was written; negative where it is not known.
	Next        int64
	LeaderEpoch int32
}

// Reader reads one partition. It has a connection of its own to the partition's
// leader, because a broker answers one request at a time on a connection.
type Reader struct {
	client sarama.Client
	place  Place
	log    *slog.Logger

	unpacker  unpacker
	free      chan *buffer
	highWater atomic.Int64
	conn      *conn     // nil while not connected
	epoch     int32     // the leader's, as known when connected
	failures  int       // in a row
	said      string    // the last problem that was logged
	beyond    time.Time // since when the log does not seem to hold our place
}

// buffers is how many chunks may be in use without new memory: one is counted,
// one waits, one is read.
const buffers = 3

// NewReader returns a reader that begins at a place.
func NewReader(client sarama.Client, place Place, log *slog.Logger) *Reader {
	return &Reader{
		client: client, place: place, free: make(chan *buffer, buffers),
		log: log.With("topic", place.Topic, "partition", place.Partition),
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
		chunk, err := r.fetch(ctx)
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
			chunk.Release()
			continue
		}
		select {
		case out <- chunk:
			r.place.Next, r.place.LeaderEpoch = chunk.Next, chunk.LeaderEpoch
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fetch asks the leader once.
func (r *Reader) fetch(ctx context.Context) (Chunk, error) {
	if err := r.connect(ctx); err != nil {
		return Chunk{}, err
	}
	memory := r.buffer()
	answer, err := r.conn.fetch(request{
		topic: r.place.Topic, partition: r.place.Partition, offset: r.place.Next,
		leaderEpoch: r.epoch, lastEpoch: r.place.LeaderEpoch, maxBytes: maxBytes,
	}, memory)
	if err != nil {
		return Chunk{}, fmt.Errorf("fetch from %s: %w", r.conn.Broker.Addr(), err)
	}
	if err := pause(ctx, answer.throttle); err != nil {
		return Chunk{}, err
	}
	return r.read(answer, memory)
}

func (r *Reader) buffer() *buffer {
	select {
	case b := <-r.free:
		return b
	default:
		return new(buffer)
	}
}

// pause waits where the broker asks for it (KIP-219); it may have sent nothing.
func pause(ctx context.Context, milliseconds int32) error {
	if milliseconds <= 0 {
		return nil
	}
	select {
	case <-time.After(min(time.Duration(milliseconds)*time.Millisecond, longestPause)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *Reader) read(answer response, memory *buffer) (Chunk, error) {
	nothing := Chunk{From: r.place.Next, Next: r.place.Next, memory: memory, free: r.free}
	switch {
	case !answer.present && answer.throttle > 0:
		return nothing, nil
	case !answer.present && answer.err == sarama.ErrNoError:
		return Chunk{}, sarama.ErrIncompleteResponse
	case answer.err != sarama.ErrNoError:
		return Chunk{}, answer.err
	case answer.diverges:
		return Chunk{}, r.offsetError(answer.logStart, answer.divergedAt, true)
	}
	r.highWater.Store(answer.highWater)
	if answer.old != nil {
		chunk := newOldChunk(answer.old, r.place.Next, memory)
		chunk.free = r.free
		return chunk, nil
	}
	chunk, err := newChunk(answer, r.place.Next, memory, &r.unpacker)
	chunk.free = r.free
	return chunk, err
}

func (r *Reader) offsetError(start, end int64, diverged bool) *OffsetError {
	return &OffsetError{
		Topic: r.place.Topic, Partition: r.place.Partition, Offset: r.place.Next,
		LogStart: start, LogEnd: end, Diverged: diverged,
	}
}

// connect opens a connection to the partition's leader where there is none.
func (r *Reader) connect(ctx context.Context) error {
	if r.conn != nil {
		return nil
	}
	leader, epoch, err := r.client.LeaderAndEpoch(r.place.Topic, r.place.Partition)
	if err != nil {
		return fmt.Errorf("find the leader: %w", err)
	}
	conn, err := dial(ctx, leader.Addr(), r.client.Config())
	if err != nil {
		return err
	}
	r.conn, r.epoch = conn, epoch
	return nil
}

func (r *Reader) disconnect() {
	if r.conn != nil {
		r.conn.close()
		r.conn = nil
	}
}

// recover decides what an error means: one that ends reading is returned, any
// other is logged, and after a pause the leader is looked up again.
func (r *Reader) recover(ctx context.Context, err error) error {
	if errors.Is(err, ErrOldFormat) {
		return fmt.Errorf("topic %s partition %d: %w", r.place.Topic, r.place.Partition, err)
	}
	var gone *OffsetError
	if errors.Is(err, sarama.ErrOffsetOutOfRange) {
		gone = r.outOfRange()
	}
	if gone != nil || errors.As(err, &gone) {
		if fatal := r.doubt(gone); fatal != nil {
			return fatal
		}
	}
	r.disconnect()
	r.failures++
	if err.Error() != r.said {
		r.said = err.Error()
		r.log.Warn("cannot read, retrying", "offset", r.place.Next, "error", err)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(cluster.Backoff(r.failures, 0)):
	}
	if err := r.client.RefreshMetadata(r.place.Topic); err != nil {
		r.log.Debug("no metadata", "error", err)
	}
	return nil
}

func (r *Reader) recovered() {
	if r.said != "" {
		r.log.Info("reading again", "offset", r.place.Next)
	}
	r.failures, r.said, r.beyond = 0, "", time.Time{}
}

// outOfRange asks for the log's range and says what is wrong with our place; nil
// where that cannot be told, and the next attempt asks again.
func (r *Reader) outOfRange() *OffsetError {
	start, err := r.client.GetOffset(r.place.Topic, r.place.Partition, sarama.OffsetOldest)
	if err != nil {
		return nil
	}
	end, err := r.client.GetOffset(r.place.Topic, r.place.Partition, sarama.OffsetNewest)
	if err != nil {
		return nil
	}
	// Where the range holds our offset, the leader does not know the epoch of the
	// record before it.
	return r.offsetError(start, end, start <= r.place.Next && r.place.Next <= end)
}

// doubt returns what is wrong with our place: at once where records were deleted,
// and otherwise once it has not passed for a while.
func (r *Reader) doubt(problem *OffsetError) error {
	if !problem.Diverged && problem.Offset < problem.LogStart {
		return problem
	}
	if r.beyond.IsZero() {
		r.beyond = time.Now()
	}
	if time.Since(r.beyond) > endGrace {
		return problem
	}
	return nil
}
