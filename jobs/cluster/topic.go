package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/IBM/sarama"
)

// AwaitLimit is how long a job waits for its topics: a cluster that was started
// together with the job serves within 20 s, and topics follow at once.
const AwaitLimit = 60 * time.Second

// pollInterval is how often a missing topic is looked for.
const pollInterval = time.Second

// Topic is what metadata says of a topic.
type Topic struct {
	// ClusterID is the cluster's; empty before Kafka 0.10.1.
	ClusterID string
	Name      string
	// ID tells a topic from another of the same name, created later; empty
	// before Kafka 2.8.
	ID string
	// Partitions are the partition ids, ascending.
	Partitions []int32
}

// A MissingTopicError says that a topic did not exist within the limit.
type MissingTopicError struct {
	Topic  string
	Waited time.Duration
	// Create is the command that creates it.
	Create string
	Err    error
}

func (e *MissingTopicError) Error() string {
	return fmt.Sprintf("topic %s could not be used after waiting %s: %v; create it with: %s",
		e.Topic, e.Waited, e.Err, e.Create)
}

func (e *MissingTopicError) Unwrap() error { return e.Err }

// Need is a topic that a job cannot work without.
type Need struct {
	Topic string
	// Options are what its creation needs besides name and servers, such as
	// "--partitions 3 --replication-factor 3".
	Options string
}

// Await waits until all topics exist and have partitions, up to AwaitLimit. It
// says what it is waiting for, once a topic and reason.
func Await(ctx context.Context, log *slog.Logger, c *sarama.Config, brokers []string, needs ...Need) error {
	started := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, AwaitLimit, context.DeadlineExceeded)
	defer cancel()
	// Fails at once instead of retrying inside the library, which would neither
	// listen to ctx nor say what it waits for.
	c = impatient(c)
	for _, need := range needs {
		if err := await(ctx, log, c, brokers, need); err != nil {
			if errors.Is(context.Cause(ctx), context.Canceled) {
				return context.Canceled
			}
			return &MissingTopicError{
				Topic: need.Topic, Waited: time.Since(started).Round(time.Second), Err: err,
				Create: fmt.Sprintf("kafka-topics.sh --bootstrap-server %s --create --topic %s %s",
					brokers[0], need.Topic, need.Options),
			}
		}
	}
	return nil
}

func impatient(c *sarama.Config) *sarama.Config {
	once := *c
	once.Metadata.Retry.Max = 0
	once.Metadata.Timeout = 0
	return &once
}

func await(ctx context.Context, log *slog.Logger, c *sarama.Config, brokers []string, need Need) error {
	said := ""
	for {
		err := Look(c, brokers, need.Topic)
		if err == nil {
			return nil
		}
		if err.Error() != said {
			said = err.Error()
			log.Warn("waiting for a topic", "topic", need.Topic, "because", said, "limit", AwaitLimit)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pollInterval):
		}
	}
}

// Look asks once whether a topic can be used.
func Look(c *sarama.Config, brokers []string, topic string) error {
	client, err := sarama.NewClient(brokers, impatient(c))
	if err != nil {
		return err
	}
	defer client.Close()
	_, err = Describe(client, topic)
	return err
}

// Describe asks a broker, not the client's cache, about a topic.
func Describe(client sarama.Client, name string) (Topic, error) {
	broker := client.LeastLoadedBroker()
	if broker == nil {
		return Topic{}, sarama.ErrOutOfBrokers
	}
	request := sarama.NewMetadataRequest(client.Config().Version, []string{name})
	response, err := broker.GetMetadata(request)
	if err != nil {
		_ = broker.Close() // a dead connection must not be chosen again
		return Topic{}, fmt.Errorf("ask %s about topic %s: %w", broker.Addr(), name, err)
	}
	topic := Topic{Name: name}
	if response.ClusterID != nil {
		topic.ClusterID = *response.ClusterID
	}
	for _, t := range response.Topics {
		if t.Name != name {
			continue
		}
		err := topic.fill(t)
		return topic, err
	}
	return topic, sarama.ErrUnknownTopicOrPartition
}

// AwaitDescription is Describe until a broker answers, up to AwaitLimit: the one
// that is asked first may be the one that is down.
func AwaitDescription(ctx context.Context, client sarama.Client, name string) (Topic, error) {
	ctx, cancel := context.WithTimeout(ctx, AwaitLimit)
	defer cancel()
	for attempt := 1; ; attempt++ {
		topic, err := Describe(client, name)
		if err == nil {
			return topic, nil
		}
		select {
		case <-ctx.Done():
			return topic, errors.Join(err, ctx.Err())
		case <-time.After(Backoff(attempt, 0)):
		}
	}
}

func (t *Topic) fill(m *sarama.TopicMetadata) error {
	if !errors.Is(m.Err, sarama.ErrNoError) {
		return m.Err
	}
	if len(m.Partitions) == 0 {
		return sarama.ErrUnknownTopicOrPartition
	}
	if m.Uuid != (sarama.Uuid{}) {
		t.ID = m.Uuid.String()
	}
	for _, p := range m.Partitions {
		t.Partitions = append(t.Partitions, p.ID)
	}
	slices.Sort(t.Partitions)
	return nil
}
