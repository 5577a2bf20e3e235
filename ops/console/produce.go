package console

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/internal/murmur"
	"weir/ops/setting"
	"weir/provision/kafka"
)

const (
	// ackPatience is how long records may be on their way without one of them
	// being acknowledged: a broker that died is missed after its session of 18 s.
	ackPatience = 30 * time.Second
	// retryPause is between the tries of one record, retries how many there are:
	// more than fit in ackPatience, which ends them.
	retryPause = 250 * time.Millisecond
	retries    = 1000
	// lineLimit bounds a line, in bytes: more than a broker takes by default.
	lineLimit = 16 << 20
)

// Writing says what to write.
type Writing struct {
	Topic string
	// Partition takes all records; nil leaves it to their keys.
	Partition *int32
	// Key is the key of records that bring none, Headers go to all.
	Key     *string
	Headers []sarama.RecordHeader
	Format  Format
}

// Written counts what became of the records.
type Written struct {
	Acknowledged int
	Failed       int
}

// writer is one run.
type writer struct {
	Writing
	producer sarama.AsyncProducer
	sent     int
	Written
	// err is the first reason to stop.
	err error
}

// Produce writes the lines of in as records, each acknowledged by all replicas
// in sync before it counts. At the first one that fails, or is no record, it
// stops reading; those before are waited for.
func Produce(ctx context.Context, s *connect.Session, w Writing, in io.Reader) (Written, error) {
	config := s.Config()
	config.Producer.Idempotent = s.Speaks(kafka.Transactions) == nil
	config.Net.MaxOpenRequests = 1
	config.Producer.Retry.Max, config.Producer.Retry.Backoff = retries, retryPause
	config.Producer.Partitioner = w.partitioner
	config.Producer.MaxMessageBytes = batchLimit(ctx, s, w.Topic)
	admin, err := s.Client(ctx)
	if err != nil {
		return Written{}, err
	}
	partitions, err := connect.Bounded(ctx, func() ([]int32, error) { return admin.Partitions(w.Topic) })
	if errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		return Written{}, fmt.Errorf("there is no topic %s; ops topic create makes one", w.Topic)
	}
	if err != nil {
		return Written{}, fmt.Errorf("topic %s: %w", w.Topic, err)
	}
	if w.Partition != nil && (*w.Partition < 0 || int(*w.Partition) >= len(partitions)) {
		return Written{}, fmt.Errorf("topic %s has no partition %d; it has %d", w.Topic, *w.Partition, len(partitions))
	}
	producer, err := connect.Bounded(ctx, func() (sarama.AsyncProducer, error) {
		return sarama.NewAsyncProducer(s.Cluster.Bootstrap(), config)
	})
	if err != nil {
		return Written{}, err
	}
	run := &writer{Writing: w, producer: producer}
	run.loop(ctx, lines(ctx, in))
	return run.Written, run.err
}

// batchLimit is how large a batch, and so a record, the topic takes: more than
// that of a broker's default where the topic or the broker says so. Sarama fills
// batches up to it.
func batchLimit(ctx context.Context, s *connect.Session, name string) int {
	const key = "max.message.bytes"
	fallback := sarama.NewConfig().Producer.MaxMessageBytes
	found, err := setting.Get(ctx, s, setting.Subject{Topic: true, Name: name}, key)
	if err != nil {
		return fallback // what is too large is refused then, and said so
	}
	n, err := strconv.Atoi(found[0].Value)
	if err != nil || n < 1 {
		return fallback
	}
	return min(n, lineLimit)
}

// input is one line, or how reading ended.
type input struct {
	text []byte
	err  error
}

// lines reads in a goroutine of its own: a terminal cannot be interrupted.
func lines(ctx context.Context, in io.Reader) <-chan input {
	out := make(chan input)
	go func() {
		defer close(out)
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, lineLimit)
		send := func(one input) bool {
			select {
			case out <- one:
				return true
			case <-ctx.Done():
				return false
			}
		}
		for scanner.Scan() {
			if !send(input{text: append([]byte(nil), scanner.Bytes()...)}) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			send(input{err: err})
		}
	}()
	return out
}

// loop sends lines and counts what is acknowledged, until both are at an end.
func (w *writer) loop(ctx context.Context, in <-chan input) {
	var waiting *sarama.ProducerMessage
	progress := time.Now()
	clock := time.NewTicker(tick)
	defer clock.Stop()
	for n := 0; in != nil || waiting != nil || w.sent > w.Acknowledged+w.Failed; {
		var to chan<- *sarama.ProducerMessage
		from := in
		if waiting != nil {
			to, from = w.producer.Input(), nil
		}
		select {
		case one, open := <-from:
			n++
			if waiting = w.next(one, open, n); waiting == nil {
				in = nil
			}
		case to <- waiting:
			if w.sent++; w.sent == w.Acknowledged+w.Failed+1 {
				progress = time.Now() // the first on its way
			}
			waiting = nil
		case <-w.producer.Successes():
			w.Acknowledged++
			progress = time.Now()
		case failed := <-w.producer.Errors():
			w.Failed++
			w.stop(failed.Err)
			in, waiting, progress = nil, nil, time.Now()
		case <-ctx.Done():
			if in != nil || waiting != nil {
				w.stop(errors.New("interrupted"))
			}
			in, waiting, ctx = nil, nil, context.WithoutCancel(ctx)
		case now := <-clock.C:
			if w.sent > w.Acknowledged+w.Failed && now.Sub(progress) > ackPatience {
				w.Failed = w.sent - w.Acknowledged
				w.stop(fmt.Errorf("nothing was acknowledged for %s; whether those on their way were written is not known", ackPatience))
				return // closing would go on trying
			}
		}
	}
	w.close()
}

// close ends the producer, which has nothing left to send, within its own limits.
func (w *writer) close() {
	w.producer.AsyncClose()
	ctx, cancel := context.WithTimeout(context.Background(), ackPatience)
	defer cancel()
	for successes, failures := w.producer.Successes(), w.producer.Errors(); successes != nil || failures != nil; {
		select {
		case _, open := <-successes:
			if !open {
				successes = nil
			}
		case _, open := <-failures:
			if !open {
				failures = nil
			}
		case <-ctx.Done():
			return
		}
	}
}

func (w *writer) stop(why error) {
	if w.err == nil {
		w.err = why
	}
}

// next is the record of a line; nil ends the run.
func (w *writer) next(one input, open bool, n int) *sarama.ProducerMessage {
	if !open {
		return nil
	}
	if one.err != nil {
		w.stop(fmt.Errorf("line %d: %w", n, one.err))
		return nil
	}
	m, err := w.Format.Parse(one.text)
	if err != nil {
		w.stop(fmt.Errorf("line %d: %w", n, err))
		return nil
	}
	m.Topic = w.Topic
	m.Headers = append(m.Headers, w.Headers...)
	if m.Key == nil && w.Key != nil {
		m.Key = sarama.StringEncoder(*w.Key)
	}
	if w.Partition != nil {
		m.Partition = *w.Partition
	}
	return m
}

// partitioner chooses as Kafka's own producer does: the record's partition, or
// its key's, or one after the other.
func (w Writing) partitioner(topic string) sarama.Partitioner {
	return &partitioner{around: sarama.NewRoundRobinPartitioner(topic)}
}

type partitioner struct{ around sarama.Partitioner }

func (p *partitioner) Partition(m *sarama.ProducerMessage, count int32) (int32, error) {
	switch {
	case m.Partition >= count:
		return 0, fmt.Errorf("there is no partition %d", m.Partition)
	case m.Partition >= 0:
		return m.Partition, nil
	case m.Key == nil:
		return p.around.Partition(m, count)
	}
	key, err := m.Key.Encode()
	if err != nil {
		return 0, err
	}
	return murmur.Partition(key, int(count)), nil
}

// RequiresConsistency says that a record goes to its partition or nowhere.
func (p *partitioner) RequiresConsistency() bool { return true }
