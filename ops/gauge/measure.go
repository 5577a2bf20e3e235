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

// send sends all records and waits for their acknowledgements. Latencies are from
// what a record says, its time since began.
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
	messages, stop, err := r.subscribe(ctx)
	if err != nil {
		return Result{}, err
	}
	defer stop()
	histogram := newHistogram()
	began := time.Now()
	var read int
	var readErr error
	var wg sync.WaitGroup
	wg.Go(func() {
		read, readErr = take(ctx, messages, r.Records, func(value []byte) {
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

// subscribe reads all partitions, behind what warmed them, until stop is called. It has
// connections of its own: on the producer's, which take one request at a time, what is
// sent would wait for fetches that wait for what is sent.
func (r *run) subscribe(ctx context.Context) (_ <-chan *sarama.ConsumerMessage, stop func(), _ error) {
	config := r.session.Config()
	config.Consumer.Return.Errors = false
	client, err := r.open(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return nil, nil, errors.Join(err, client.Close())
	}
	messages := make(chan *sarama.ConsumerMessage, 1024)
	ctx, cancel := context.WithCancel(ctx)
	var partitions []sarama.PartitionConsumer
	stop = func() {
		cancel()
		for _, p := range partitions {
			p.AsyncClose()
		}
		_ = client.Close() // all is read
	}
	for p, from := range r.begins {
		partition, err := connect.Bounded(ctx, func() (sarama.PartitionConsumer, error) {
			return consumer.ConsumePartition(r.topic, int32(p), from)
		})
		if err != nil {
			stop()
			return nil, nil, fmt.Errorf("read partition %d: %w", p, err)
		}
		partitions = append(partitions, partition)
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
	return messages, stop, nil
}

// take takes count records, or until nothing arrives any more.
func take(ctx context.Context, messages <-chan *sarama.ConsumerMessage, count int, do func(value []byte)) (int, error) {
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for n := 0; ; {
		if n == count {
			return n, nil
		}
		select {
		case m := <-messages:
			n++
			do(m.Value)
			quiet.Reset(silence)
		case <-quiet.C:
			return n, fmt.Errorf("%d of %d records were read, and then none for %v", n, count, silence)
		case <-ctx.Done():
			return n, context.Cause(ctx)
		}
	}
}
