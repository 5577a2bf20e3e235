package popularity

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
	"weir/jobs/popularity/snapshot"
)

// sendBound is how long one attempt to send may take; couriers try again.
const sendBound = 30 * time.Second

// outlet sends what the calculator has to say to the cluster.
type outlet struct {
	client          sarama.Client
	producer        sarama.SyncProducer
	snapshotTopic   string
	deadLetterTopic string
	inputTopic      string
	// old says that the brokers know neither headers nor times.
	old bool
	// sure are the partitions of whose letters in the outbox none has arrived.
	mu   sync.Mutex
	sure map[int32]bool
}

// newOutlet connects. Sending is idempotent, so that order is kept and the
// library's own retries repeat nothing.
func newOutlet(s Settings) (*outlet, error) {
	config := cluster.ProducerConfig(clientID, s.Version, sendBound)
	config.Producer.Compression = sarama.CompressionLZ4 // snapshots are repetitive text
	if s.Version.Old() {
		config.Producer.Compression = sarama.CompressionGZIP // what such brokers called LZ4 is another format (KAFKA-3160)
	}
	config.Producer.Partitioner = func(topic string) sarama.Partitioner {
		if topic == s.SnapshotTopic {
			return byInput{}
		}
		return sarama.NewHashPartitioner(topic)
	}
	client, err := sarama.NewClient(s.Brokers, config)
	if err != nil {
		return nil, fmt.Errorf("connect to %v for sending: %w", s.Brokers, err)
	}
	producer, err := sarama.NewSyncProducerFromClient(client)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %v for sending: %w", s.Brokers, err), client.Close())
	}
	return &outlet{
		client: client, producer: producer, old: s.Version.Old(), sure: map[int32]bool{},
		snapshotTopic: s.SnapshotTopic, deadLetterTopic: s.DeadLetterTopic, inputTopic: s.Topic,
	}, nil
}

// awaitOutlet is newOutlet until a broker lets it send, up to AwaitLimit: the one
// that is asked for a producer's id may be the one that is down.
func awaitOutlet(ctx context.Context, s Settings) (*outlet, error) {
	ctx, cancel := context.WithTimeout(ctx, cluster.AwaitLimit)
	defer cancel()
	for attempt := 1; ; attempt++ {
		o, err := newOutlet(s)
		if err == nil {
			return o, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-time.After(cluster.Backoff(attempt, 0)):
		}
	}
}

// within waits for something to end, up to a limit; it says whether it ended.
func within(limit time.Duration, end func() error) (ended bool, err error) {
	done := make(chan error, 1)
	go func() { done <- end() }()
	select {
	case err := <-done:
		return true, err
	case <-time.After(limit):
		return false, nil
	}
}

func (o *outlet) close() error { return errors.Join(o.producer.Close(), o.client.Close()) }

// byInput keeps all snapshot messages of an input partition in one partition,
// and so in order, also where somebody gave the snapshot topic more than one.
type byInput struct{}

func (byInput) Partition(m *sarama.ProducerMessage, partitions int32) (int32, error) {
	return m.Metadata.(int32) % partitions, nil
}

func (byInput) RequiresConsistency() bool { return true }

// newTop is a top as it is published: with the offsets it was made at.
func (l *Ledger) newTop(now time.Time, top []Ranked, offsets map[int32]int64, s Settings) snapshot.Top {
	t := snapshot.Top{
		Topic: l.identity.Topic, State: l.identity.State, Time: now.UnixMilli(), Weights: s.Weights.String(), WindowSeconds: int64(s.Window / time.Second),
		Offsets: offsets, Pages: make([]snapshot.Ranked, len(top)),
	}
	for i, r := range top {
		t.Pages[i] = snapshot.Ranked{Page: r.Page, Popularity: r.Popularity.String()}
	}
	return t
}

// sendBatch is how many snapshot messages are encoded and sent at a time.
const sendBatch = 10_000

// publishTop sends a top.
func (o *outlet) publishTop(top snapshot.Top) error {
	value, err := top.Encode()
	if err != nil {
		return err
	}
	return o.send([]*sarama.ProducerMessage{o.message(0, snapshot.TopKey, value)})
}

// publish sends what changed.
func (o *outlet) publish(ctx context.Context, all []publication) error {
	var batch []*sarama.ProducerMessage
	for _, p := range all {
		err := p.messages(func(key string, value []byte) error {
			batch = append(batch, o.message(p.marker.Partition, key, value))
			if len(batch) < sendBatch {
				return nil
			}
			err := ctx.Err()
			if err == nil {
				err = o.send(batch)
			}
			batch = batch[:0]
			return err
		})
		if err != nil {
			return err
		}
	}
	return o.send(batch)
}

// message is one for the snapshot topic, about an input partition.
func (o *outlet) message(partition int32, key string, value []byte) *sarama.ProducerMessage {
	return &sarama.ProducerMessage{
		Topic: o.snapshotTopic, Key: sarama.StringEncoder(key), Value: sarama.ByteEncoder(value), Metadata: partition,
	}
}

func (o *outlet) send(batch []*sarama.ProducerMessage) error {
	if err := first(o.producer.SendMessages(batch)); err != nil {
		return fmt.Errorf("publish to %s: %w", o.snapshotTopic, err)
	}
	return nil
}

// first unpacks the library's list of errors, one a message.
func first(err error) error {
	var all sarama.ProducerErrors
	if errors.As(err, &all) && len(all) > 0 {
		return fmt.Errorf("%d messages: %w", len(all), all[0].Err)
	}
	return err
}
