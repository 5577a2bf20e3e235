package connect

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/provision/inventory"
)

// answering starts a server that answers Kafka's metadata question, and returns
// its port.
func answering(t *testing.T) int {
	t.Helper()
	broker := sarama.NewMockBroker(t, 2)
	t.Cleanup(broker.Close)
	broker.SetHandlerByMap(map[string]sarama.MockResponse{
		"ApiVersionsRequest": sarama.NewMockApiVersionsResponse(t).SetApiKeys([]sarama.ApiVersionsResponseKey{
			{ApiKey: 3, MinVersion: 0, MaxVersion: 11}, // metadata
		}),
		"MetadataRequest": sarama.NewMockMetadataResponse(t).SetController(2).
			SetBroker(broker.Addr(), 2).SetLeader("user-behavior-topic", 0, 2),
	})
	_, port, _ := net.SplitHostPort(broker.Addr())
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// oneServes is a cluster of which node1 accepts connections and says nothing,
// as a paused process does, and node2 serves.
func oneServes(t *testing.T) inventory.Cluster {
	t.Helper()
	c := twoMachines()
	c.Kafka.Port = answering(t)
	c.Machines[0].Address, c.Machines[1].Address = "127.0.0.2", "127.0.0.1"
	silent, err := net.Listen("tcp", net.JoinHostPort("127.0.0.2", strings.TrimPrefix(c.Bootstrap()[0], "127.0.0.2:")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	return c
}

func TestASilentBrokerDoesNotHideOneThatAnswers(t *testing.T) {
	s := open(t, oneServes(t), Options{})
	started := time.Now()
	answer, err := s.AnyMetadata(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if answer.ControllerID != 2 || len(answer.Topics) != 1 {
		t.Errorf("got controller %d and %d topics, want 2 and 1", answer.ControllerID, len(answer.Topics))
	}
	if took := time.Since(started); took > kafkaTimeout {
		t.Errorf("took %s: waited for the silent broker", took)
	}
}

func TestASilentBrokerIsGivenUpWhenTheCallerIs(t *testing.T) {
	s := open(t, oneServes(t), Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Now()
	if _, err := s.Metadata(ctx, "node1"); err == nil {
		t.Error("a broker that says nothing gave an answer")
	}
	if took := time.Since(started); took > time.Second {
		t.Errorf("took %s, want about 50 ms", took)
	}
}

func TestWithoutKafkaThereIsNothingToAsk(t *testing.T) {
	c := twoMachines()
	c.Kafka = nil
	s := open(t, c, Options{})
	if _, err := s.Client(t.Context()); err != ErrNoKafka {
		t.Errorf("got %v, want ErrNoKafka", err)
	}
	if _, err := s.AnyMetadata(t.Context()); err != ErrNoKafka {
		t.Errorf("got %v, want ErrNoKafka", err)
	}
}

func TestTheClientSettingsAreValidAndSafe(t *testing.T) {
	s := open(t, twoMachines(), Options{})
	c := s.Config()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Producer.RequiredAcks != sarama.WaitForAll {
		t.Errorf("acks are %d, want all", c.Producer.RequiredAcks)
	}
	if c.Metadata.AllowAutoTopicCreation {
		t.Error("asking for a topic would create it")
	}
	if c.Version != sarama.V3_9_2_0 {
		t.Errorf("version is %s, want the cluster's", c.Version)
	}
}
