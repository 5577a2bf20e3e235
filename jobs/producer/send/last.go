package send

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

const (
	// firstStep is how many offsets from its end Last looks at first; it then
	// goes back four times as far each time, at most by mostStep.
	firstStep = 10_000
	mostStep  = 1_000_000
	// fetchBytes is what one fetch brings at most.
	fetchBytes = 8 << 20
	// readAttempts bounds how often in a row a part of the log is asked for in
	// vain: with the pauses in between for about half a minute, so that a leader
	// can be elected meanwhile.
	readAttempts = 35
)

// Found is a record of a run.
type Found struct {
	Offset        int64
	Header, Value []byte
}

// Last finds the last record of the partition whose header RunHeader belongs to
// the run, by going back from the end; nil says that there is none. Where there
// is none it reads the whole partition: progress is told where it has got to.
func (w *Writer) Last(ctx context.Context, client sarama.Client, mine func(header []byte) bool, progress func(offset int64)) (*Found, error) {
	r := &lookBack{partition: partition{client: client, topic: w.options.Topic, id: w.partition}, mine: mine}
	defer r.hangUp()
	start, end, err := r.bounds(ctx)
	for step := int64(firstStep); err == nil && end > start && r.found == nil; step = min(4*step, mostStep) {
		from := max(start, end-step)
		err = r.read(ctx, from, end)
		end = from
		progress(end)
	}
	if err != nil {
		return nil, fmt.Errorf("look for run %s in topic %s partition %d: %w", w.options.Run, w.options.Topic, w.partition, err)
	}
	return r.found, nil
}

// lookBack reads parts of a partition, the later ones first.
type lookBack struct {
	partition
	mine   func([]byte) bool
	broker *sarama.Broker
	found  *Found
}

// bounds are the offsets where the log begins and ends.
func (r *lookBack) bounds(ctx context.Context) (start, end int64, err error) {
	err = r.insist(ctx, func() error {
		if start, err = r.client.GetOffset(r.topic, r.id, sarama.OffsetOldest); err != nil {
			return err
		}
		end, err = r.client.GetOffset(r.topic, r.id, sarama.OffsetNewest)
		return err
	})
	return start, end, err
}

// read looks through the offsets from one to before another.
func (r *lookBack) read(ctx context.Context, from, to int64) error {
	for from < to {
		err := r.insist(ctx, func() error {
			next, err := r.fetch(from, to)
			if errors.Is(err, sarama.ErrOffsetOutOfRange) { // retention has moved on meanwhile
				if oldest, _ := r.client.GetOffset(r.topic, r.id, sarama.OffsetOldest); oldest > from {
					next, err = oldest, nil
				}
			}
			from = max(from, next)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// insist repeats a read until it succeeds, for a while.
func (r *lookBack) insist(ctx context.Context, read func() error) error {
	for failures := 1; ; failures++ {
		err := read()
		if err == nil || failures == readAttempts || ctx.Err() != nil {
			return err
		}
		r.hangUp()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(cluster.Backoff(failures, 0)):
		}
		_ = r.client.RefreshMetadata(r.topic) // the next try shows its error
	}
}

// fetch reads once and returns the offset to go on from.
func (r *lookBack) fetch(from, to int64) (next int64, err error) {
	if r.broker == nil {
		if r.broker, err = r.dial(); err != nil {
			return from, err
		}
	}
	request := &sarama.FetchRequest{Version: 11, MaxWaitTime: 1000, MinBytes: 1, MaxBytes: fetchBytes, Isolation: sarama.ReadUncommitted}
	request.AddBlock(r.topic, r.id, from, fetchBytes, -1)
	response, err := r.broker.Fetch(request)
	if err != nil {
		return from, fmt.Errorf("fetch from %s: %w", r.broker.Addr(), err)
	}
	block := response.GetBlock(r.topic, r.id)
	switch {
	case block == nil:
		return from, sarama.ErrIncompleteResponse
	case !errors.Is(block.Err, sarama.ErrNoError):
		return from, block.Err
	}
	next = from
	for _, set := range block.RecordsSet {
		if set.RecordBatch != nil && !set.RecordBatch.PartialTrailingRecord {
			next = max(next, r.look(set.RecordBatch, to))
		}
	}
	if next == from {
		return from, fmt.Errorf("offset %d brings nothing, and the log ends at %d", from, to)
	}
	return next, nil
}

// look remembers the batch's last record of the run before an offset, and
// returns the offset behind the batch.
func (r *lookBack) look(batch *sarama.RecordBatch, before int64) int64 {
	for _, record := range batch.Records {
		offset := batch.FirstOffset + record.OffsetDelta
		if offset >= before || batch.Control {
			break
		}
		for _, h := range record.Headers {
			if string(h.Key) == RunHeader && r.mine(h.Value) {
				r.found = &Found{Offset: offset, Header: h.Value, Value: record.Value}
			}
		}
	}
	return batch.LastOffset() + 1
}

func (r *lookBack) hangUp() {
	if r.broker != nil {
		_ = r.broker.Close() // it only reads
		r.broker = nil
	}
}
