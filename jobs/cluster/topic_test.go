package cluster

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/IBM/sarama"
)

// topicAt answers as a broker that knows a topic, or says why not.
func topicAt(broker *sarama.MockBroker, why sarama.KError) *sarama.MetadataResponse {
	r := &sarama.MetadataResponse{Version: sarama.NewMetadataRequest(mockConfig().Version, nil).Version}
	r.AddBroker(broker.Addr(), broker.BrokerID())
	if why != sarama.ErrNoError {
		r.AddTopic("t", why)
		return r
	}
	r.AddTopicPartition("t", 0, broker.BrokerID(), nil, nil, nil, sarama.ErrNoError)
	return r
}

func TestADescriptionIsAskedForUntilABrokerHasIt(t *testing.T) {
	broker := sarama.NewMockBroker(t, 1)
	defer broker.Close()
	answers := sarama.NewMockSequence(
		topicAt(broker, sarama.ErrLeaderNotAvailable), topicAt(broker, sarama.ErrUnknownTopicOrPartition),
		topicAt(broker, sarama.ErrNoError))
	broker.SetHandlerByMap(map[string]sarama.MockResponse{"MetadataRequest": answers})
	client, err := sarama.NewClient([]string{broker.Addr()}, mockConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic, err := AwaitDescription(t.Context(), client, "t")
	if err != nil || !slices.Equal(topic.Partitions, []int32{0}) {
		t.Errorf("got %+v, %v; want partition 0", topic, err)
	}
}

func TestADescriptionIsNotWaitedForOnceTheProgramStops(t *testing.T) {
	broker := sarama.NewMockBroker(t, 1)
	defer broker.Close()
	answers := sarama.NewMockSequence(topicAt(broker, sarama.ErrLeaderNotAvailable))
	broker.SetHandlerByMap(map[string]sarama.MockResponse{"MetadataRequest": answers})
	client, err := sarama.NewClient([]string{broker.Addr()}, mockConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := AwaitDescription(ctx, client, "t"); !errors.Is(err, context.Canceled) || !errors.Is(err, sarama.ErrLeaderNotAvailable) {
		t.Errorf("got %v, want that it was stopped, and what it waited for", err)
	}
}

// mockConfig is that of a client of brokers that know little.
func mockConfig() *sarama.Config {
	c := Config("test", Version{})
	c.ApiVersionsRequest = false
	return c
}
