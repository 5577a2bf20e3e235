package popularity

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/behavior"
)

// sink is a broker that takes what is sent to a topic.
func sink(t *testing.T, topic string) *sarama.MockBroker {
	b := sarama.NewMockBroker(t, 1)
	t.Cleanup(b.Close)
	b.SetHandlerByMap(map[string]sarama.MockResponse{
		"ApiVersionsRequest": sarama.NewMockApiVersionsResponse(t).SetApiKeys([]sarama.ApiVersionsResponseKey{
			{ApiKey: 0, MaxVersion: 7}, {ApiKey: 3, MaxVersion: 7}, {ApiKey: 18}, {ApiKey: 22, MaxVersion: 1},
		}),
		"MetadataRequest":       sarama.NewMockMetadataResponse(t).SetBroker(b.Addr(), 1).SetLeader(topic, 0, 1),
		"InitProducerIDRequest": sarama.NewMockInitProducerIDResponse(t),
		"ProduceRequest":        sarama.NewMockProduceResponse(t).SetError(topic, 0, sarama.ErrNoError),
	})
	return b
}

// A calculator that fails while it publishes must be able to start over: the library
// panics where what it sends to is closed under it.
func TestNothingIsClosedUnderACourierThatPublishes(t *testing.T) {
	b := sink(t, "s")
	p := publication{}
	pages := newIndex(0)
	for i := range 30_000 {
		slot, err := pages.slot(fmt.Appendf(nil, "page%d", i))
		if err != nil {
			t.Fatal(err)
		}
		p.pages = append(p.pages, change{slot: slot, sums: behavior.Sums{N: 1}})
	}
	p.names, p.marker.From = pages.names, unknown
	for round := range 5 {
		o, err := newOutlet(Settings{Brokers: []string{b.Addr()}, SnapshotTopic: "s", DeadLetterTopic: "d", Topic: "t"})
		if err != nil {
			t.Fatal(err)
		}
		e := &engine{outlet: o}
		e.snapshots = newCourier("snapshots", o.publish, counter(), quiet())
		ctx, stop := context.WithCancel(t.Context())
		e.delivering.Go(func() { e.snapshots.run(ctx) })
		e.snapshots.give([]publication{p})
		time.Sleep(time.Duration(round) * 10 * time.Millisecond) // any moment is one to fail at
		stop()
		if closed, err := within(closeLimit, e.close); !closed || err != nil {
			t.Fatalf("round %d: closed: %t, %v", round, closed, err)
		}
	}
}
