package cluster

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

func TestBackoffDoublesUpToASecond(t *testing.T) {
	for retries, want := range []time.Duration{100, 100, 200, 400, 800, 1000, 1000} {
		if got := Backoff(retries, 0); got != want*time.Millisecond {
			t.Errorf("retry %d: %s, want %s", retries, got, want*time.Millisecond)
		}
	}
	if got := Backoff(1<<30, 0); got != maxBackoff {
		t.Errorf("a late retry: %s", got)
	}
}

func TestBrokersSplitsABootstrapList(t *testing.T) {
	got, ok := Brokers("a:1, [::1]:2")
	if want := []string{"a:1", "[::1]:2"}; !ok || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, ok, want)
	}
	for _, bad := range []string{"", "a", "a:1,", ":1", "a:"} {
		if got, ok := Brokers(bad); ok {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

func TestProducerConfigRetriesForAtLeastItsBound(t *testing.T) {
	const bound = 2 * time.Minute
	c := ProducerConfig("test", Version{}, bound)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if !c.Producer.Idempotent || c.Producer.RequiredAcks != sarama.WaitForAll || c.Net.MaxOpenRequests != 1 || c.Metadata.AllowAutoTopicCreation {
		t.Errorf("unsafe settings: %+v", c.Producer)
	}
	var total time.Duration
	for retry := range c.Producer.Retry.Max {
		total += c.Producer.Retry.BackoffFunc(retry, c.Producer.Retry.Max)
	}
	if total < bound || c.Metadata.Retry.Max < c.Producer.Retry.Max {
		t.Errorf("retries last %s, want at least %s; metadata has %d", total, bound, c.Metadata.Retry.Max)
	}
}

func TestAwaitListensToItsContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil { // nobody answers there now
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var log strings.Builder
	time.AfterFunc(50*time.Millisecond, cancel)
	err = Await(ctx, slog.New(slog.NewTextHandler(&log, nil)), Config("test", Version{}), []string{address}, Need{Topic: "t"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	if !strings.Contains(log.String(), "waiting for a topic") || !strings.Contains(log.String(), address) {
		t.Errorf("log %q does not say what is waited for", log.String())
	}
}

func TestAMissingTopicsErrorHasTheCommand(t *testing.T) {
	err := &MissingTopicError{Topic: "t", Waited: time.Minute, Create: "kafka-topics.sh --create", Err: sarama.ErrUnknownTopicOrPartition}
	if text := err.Error(); !strings.Contains(text, "kafka-topics.sh --create") || !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
		t.Error(text)
	}
}

func TestATopicsMetadataIsRead(t *testing.T) {
	var topic Topic
	err := topic.fill(&sarama.TopicMetadata{
		Uuid: sarama.Uuid{1}, Partitions: []*sarama.PartitionMetadata{{ID: 2}, {ID: 0}},
	})
	if err != nil || topic.ID == "" || !slices.Equal(topic.Partitions, []int32{0, 2}) {
		t.Errorf("got %+v, %v", topic, err)
	}
	if err := (&Topic{}).fill(&sarama.TopicMetadata{}); err == nil {
		t.Error("a topic without partitions was taken for one")
	}
}
