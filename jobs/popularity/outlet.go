package popularity

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
	"weir/jobs/popularity/snapshot"
	"weir/jobs/popularity/store"
)

// sendBound is how long one attempt to send may take; couriers try again.
const sendBound = 30 * time.Second

// outlet sends what the calculator has to say to the cluster.
type outlet struct {
	producer        sarama.SyncProducer
	snapshotTopic   string
	deadLetterTopic string
	inputTopic      string
}

// newOutlet connects. Sending is idempotent; a courier's second attempt may
// still send something twice, which keys make harmless.
func newOutlet(s Settings) (*outlet, error) {
	producer, err := sarama.NewSyncProducer(s.Brokers, cluster.ProducerConfig(clientID, sendBound))
	if err != nil {
		return nil, fmt.Errorf("connect to %v for sending: %w", s.Brokers, err)
	}
	return &outlet{producer, s.SnapshotTopic, s.DeadLetterTopic, s.Topic}, nil
}

// publish sends snapshots.
func (o *outlet) publish(snapshots []snapshot.Snapshot) error {
	for _, s := range snapshots {
		var messages []*sarama.ProducerMessage
		for _, chunk := range s.Split() {
			value, err := chunk.Encode()
			if err != nil {
				return err
			}
			messages = append(messages, &sarama.ProducerMessage{
				Topic: o.snapshotTopic,
				Key:   sarama.StringEncoder(chunk.Key()),
				Value: sarama.ByteEncoder(value),
			})
		}
		if err := first(o.producer.SendMessages(messages)); err != nil {
			return fmt.Errorf("publish to %s: %w", o.snapshotTopic, err)
		}
	}
	return nil
}

// outboxBatch is how many dead letters are sent at a time.
const outboxBatch = 500

// empty sends all dead letters of the outbox and takes out what is acknowledged.
func (o *outlet) empty(l *Ledger) error {
	for {
		letters, err := l.store.Outbox(outboxBatch)
		if err != nil || len(letters) == 0 {
			return err
		}
		messages := make([]*sarama.ProducerMessage, 0, len(letters))
		for _, letter := range letters {
			messages = append(messages, o.letter(letter))
		}
		if err := first(o.producer.SendMessages(messages)); err != nil {
			return fmt.Errorf("send to %s: %w", o.deadLetterTopic, err)
		}
		if err := l.Delivered(letters); err != nil {
			return err
		}
	}
}

// letter is a dead letter as a message. Its key, "partition/offset", is the
// record's position in the input topic: a letter sent twice has one key, so
// that compaction or a reader keeps one.
func (o *outlet) letter(d store.DeadLetter) *sarama.ProducerMessage {
	position := fmt.Sprintf("%d/%d", d.Partition, d.Offset)
	header := func(key, value string) sarama.RecordHeader {
		return sarama.RecordHeader{Key: []byte(key), Value: []byte(value)}
	}
	m := &sarama.ProducerMessage{
		Topic: o.deadLetterTopic,
		Key:   sarama.StringEncoder(position),
		// Never nil: in a compacted topic that would delete the letter.
		Value: sarama.ByteEncoder(append([]byte{}, d.Value...)),
		Headers: []sarama.RecordHeader{
			header("weir-reason", string(d.Reason)),
			header("weir-topic", o.inputTopic),
			header("weir-partition", strconv.Itoa(int(d.Partition))),
			header("weir-offset", strconv.FormatInt(d.Offset, 10)),
			header("weir-timestamp", strconv.FormatInt(d.Time, 10)),
		},
	}
	if d.Size > len(d.Value) {
		m.Headers = append(m.Headers, header("weir-cut-from-bytes", strconv.Itoa(d.Size)))
	}
	return m
}

// first unpacks the library's list of errors, one a message.
func first(err error) error {
	var all sarama.ProducerErrors
	if errors.As(err, &all) && len(all) > 0 {
		return fmt.Errorf("%d messages: %w", len(all), all[0].Err)
	}
	return err
}
