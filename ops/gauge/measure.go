package gauge

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
)

// produce sends all records and waits for their acknowledgements.
func (r *run) produce(ctx context.Context, rate int) (Result, error) {
	return r.send(ctx, time.Now(), rate)
}

func (r *run) send(ctx context.Context, began time.Time, rate int) (Result, error) {
	producer, err := sarama.NewAsyncProducerFromClient(r.client)
	if err != nil {
		return Result{}, err
	}
	// It is closed once all is acknowledged, and not behind the last record: one
	// that sarama sends again would then be refused. Who gives up does not wait
	// for what is under way.
	defer producer.AsyncClose()
	fed := make(chan int, 1)
	go func() {
		n := 0
		defer func() { fed <- n }()
		for ; n < r.Records && r.pace(ctx, began, n, rate); n++ {
			sent := time.Since(began)
			m := &sarama.ProducerMessage{Topic: r.topic, Value: sarama.ByteEncoder(r.value(sent)), Metadata: sent}
			select {
			case producer.Input() <- m:
			case <-ctx.Done():
				return
			}
		}
	}()
	histogram := newHistogram()
	var result Result
	var failed error
	for total := r.Records; result.Records+result.Failed < total; {
		select {
		case m := <-producer.Successes():
			result.Records++
			r.ends[m.Partition] = max(r.ends[m.Partition], m.Offset+1)
			note(histogram, time.Since(began)-m.Metadata.(time.Duration))
		case e := <-producer.Errors():
			result.Failed++
			failed = e.Err
		case total = <-fed:
		case <-ctx.Done():
			return Result{}, context.Cause(ctx)
		}
	}
	result.Seconds, result.Latency = time.Since(began).Seconds(), latencyOf(histogram)
	if failed != nil {
		failed = fmt.Errorf("%d of %d records were not acknowledged, the last: %w", result.Failed, r.Records, failed)
	}
	return result, errors.Join(failed, ctx.Err())
}

// endToEnd reads while it sends.
func (r *run) endToEnd(ctx context.Context) (Result, error) {
	histogram := newHistogram()
	began := time.Now()
	var read int
	var readErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		read, readErr = r.read(ctx, r.Records, func(value []byte) {
			if len(value) >= minSize {
				note(histogram, time.Since(began)-time.Duration(binary.BigEndian.Uint64(value)))
			}
		})
	})
	sent, err := r.send(ctx, began, r.Rate)
	wg.Wait()
	result := Result{Records: read, Seconds: time.Since(began).Seconds(), Latency: latencyOf(histogram), Failed: sent.Failed, Lost: sent.Records - read}
	return result, errors.Join(err, readErr)
}

// read reads count records of all partitions from the beginning, or until
// nothing arrives any more.
func (r *run) read(ctx context.Context, count int, take func(value []byte)) (int, error) {
	consumer, err := sarama.NewConsumerFromClient(r.client)
	if err != nil {
		return 0, err
	}
	messages := make(chan *sarama.ConsumerMessage, 1024)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for p := range int32(r.Partitions) {
		partition, err := connect.Bounded(ctx, func() (sarama.PartitionConsumer, error) {
			return consumer.ConsumePartition(r.topic, p, sarama.OffsetOldest)
		})
		if err != nil {
			return 0, fmt.Errorf("read partition %d: %w", p, err)
		}
		defer partition.AsyncClose()
		go func() {
			for m := range partition.Messages() {
				select {
				case messages <- m:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for n := 0; ; {
		if n == count {
			return n, nil
		}
		select {
		case m := <-messages:
			n++
			take(m.Value)
			quiet.Reset(silence)
		case <-quiet.C:
			return n, fmt.Errorf("%d of %d records were read, and then none for %v", n, count, silence)
		case <-ctx.Done():
			return n, context.Cause(ctx)
		}
	}
}
