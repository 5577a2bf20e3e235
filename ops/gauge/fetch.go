package gauge

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/IBM/sarama"
)

// What a request asks for: Kafka's own defaults for a consumer.
const (
	fetchBytes = 1 << 20
	fetchWait  = 500 * time.Millisecond
	// fetchVersion is the first with record batches, and the oldest that Kafka 4
	// still answers.
	fetchVersion = 4
)

// fetchPause is between two attempts at a partition that has no leader.
const fetchPause = 100 * time.Millisecond

// fetched is what came of one partition.
type fetched struct {
	records int
	next    int64
	// took is of the requests that brought records: one that waits for some in vain
	// measures how long it was told to wait.
	took *hdrhistogram.Histogram
	err  error
}

// consume reads all that was sent, a request at a time from each partition. It asks
// for itself, as the client's consumer does not tell how long its requests take.
func (r *run) consume(ctx context.Context, sent Result) (Result, error) {
	began := time.Now()
	partitions := make([]fetched, r.Partitions)
	var wg sync.WaitGroup
	for p := range partitions {
		wg.Go(func() { partitions[p] = r.fetchAll(ctx, int32(p)) })
	}
	wg.Wait()
	result := Result{Seconds: time.Since(began).Seconds(), Failed: sent.Failed}
	took := newHistogram()
	var errs []error
	for _, f := range partitions {
		result.Records += f.records
		took.Merge(f.took)
		errs = append(errs, f.err)
	}
	result.Lost = max(0, sent.Records-result.Records) // one that failed may be there nevertheless
	if result.Fetches = int(took.TotalCount()); result.Fetches > 0 {
		result.FetchLatency = latencyOf(took)
	}
	return result, errors.Join(errs...)
}

// fetchAll reads a partition to the last offset that was acknowledged, whoever leads
// it meanwhile.
func (r *run) fetchAll(ctx context.Context, p int32) fetched {
	f := fetched{took: newHistogram(), next: r.begins[p]}
	for last := time.Now(); ; {
		before := f.next
		err := r.fetchFrom(ctx, p, &f)
		if f.next > before {
			last = time.Now()
		}
		switch {
		case ctx.Err() != nil:
			f.err = context.Cause(ctx)
			return f
		case err == nil:
			return f
		case time.Since(last) > silence:
			f.err = fmt.Errorf("partition %d was read up to offset %d of %d, and then not for %v: %w", p, f.next, r.ends[p], silence, err)
			return f
		}
		select {
		case <-ctx.Done():
		case <-time.After(fetchPause):
		}
		_ = r.client.RefreshMetadata(r.topic) // where it fails, so does the next attempt, which is told
	}
}

// fetchFrom goes on reading, on a connection of its own: on the client's, a request
// waits for those of other partitions.
func (r *run) fetchFrom(ctx context.Context, p int32, f *fetched) error {
	leader, err := r.client.Leader(r.topic, p)
	if err != nil {
		return err
	}
	broker := sarama.NewBroker(leader.Addr())
	if err := broker.Open(r.client.Config()); err != nil {
		return err
	}
	defer broker.Close() //nolint:errcheck // all is read
	if _, err := broker.Connected(); err != nil {
		return err
	}
	for f.next < r.ends[p] && ctx.Err() == nil {
		request := &sarama.FetchRequest{Version: fetchVersion, MinBytes: 1, MaxBytes: fetchBytes, MaxWaitTime: int32(fetchWait.Milliseconds())}
		request.AddBlock(r.topic, p, f.next, fetchBytes, -1)
		asked := time.Now()
		answer, err := broker.Fetch(request)
		took := time.Since(asked)
		if err != nil {
			return err
		}
		block := answer.GetBlock(r.topic, p)
		if block == nil {
			return errors.New("the answer says nothing of the partition")
		}
		if block.Err != sarama.ErrNoError {
			return block.Err
		}
		if f.take(block) {
			note(f.took, took)
		}
	}
	return nil
}

// take counts a block's records, and says whether there were any. The first batch
// may begin before what was asked for.
func (f *fetched) take(block *sarama.FetchResponseBlock) bool {
	before := f.records
	for _, set := range block.RecordsSet {
		if set.RecordBatch == nil {
			continue
		}
		for _, record := range set.RecordBatch.Records {
			if offset := set.RecordBatch.FirstOffset + record.OffsetDelta; offset >= f.next {
				f.records, f.next = f.records+1, offset+1
			}
		}
	}
	return f.records > before
}
