package connect

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/provision/kafka"
	"weir/provision/remote"
)

func TestABrokerThatSaysNothingIsNamedAndTheOthersAnswer(t *testing.T) {
	c := oneServes(t)
	s := open(t, c, Options{})
	brokers := map[int32]string{1: c.Bootstrap()[0], 2: c.Bootstrap()[1]}
	ask := func(_ int32, b *sarama.Broker) (int32, error) {
		answer, err := b.GetMetadata(sarama.NewMetadataRequest(s.Config().Version, nil))
		if err != nil {
			return 0, err
		}
		return answer.ControllerID, nil
	}
	began := time.Now()
	answers, failed := AskAll(t.Context(), s, brokers, ask)
	if answers[2] != 2 || len(answers) != 1 || failed[1] == nil || !strings.Contains(failed[1].Error(), brokers[1]) {
		t.Errorf("got %v and %v, want the answer of broker 2, and why broker 1 at %s says none", answers, failed, brokers[1])
	}
	if took := time.Since(began); took > askTimeout+time.Second {
		t.Errorf("took %s, want at most %s", took, askTimeout)
	}
	began = time.Now()
	first, err := AskAny(t.Context(), s, brokers, func(b *sarama.Broker) (int32, error) { return ask(0, b) })
	if took := time.Since(began); first != 2 || err != nil || took > kafkaTimeout {
		t.Errorf("any: got %d, %v after %s; want 2 before the silent one's %s are over", first, err, took, kafkaTimeout)
	}
}

func TestViaSendsEverythingThroughTheMachine(t *testing.T) {
	var asked []string
	s := open(t, twoMachines(), Options{
		Via: "node2",
		Direct: dialFunc(func(context.Context, string, string) (net.Conn, error) {
			t.Error("the direct way was tried")
			return nil, errors.New("no")
		}),
		Connect: func(_ context.Context, h remote.Host) (Connection, error) {
			return fakeMachine{dial: func(_ context.Context, _, address string) (net.Conn, error) {
				asked = append(asked, h.Name+" "+address)
				here, there := net.Pipe()
				t.Cleanup(func() { here.Close(); there.Close() })
				return here, nil
			}}, nil
		},
	})
	if _, err := s.DialContext(t.Context(), "tcp", "192.0.2.1:9092"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(asked, ", "); got != "node2 192.0.2.1:9092" {
		t.Errorf("the way went by %q, want node2 192.0.2.1:9092", got)
	}
	if _, err := Open(t.Context(), twoMachines(), Options{Via: "node9"}); err == nil || !strings.Contains(err.Error(), "node9") {
		t.Errorf("a machine that is not there: got %v", err)
	}
}

func TestAVersionThatCannotIsSaidSo(t *testing.T) {
	c := twoMachines()
	c.Kafka.Version, c.Kafka.Home = "0.8.2.1", "/opt/kafka"
	err := open(t, c, Options{}).Speaks(kafka.AdminProtocol)
	if err == nil || !strings.Contains(err.Error(), "0.8.2.1 is too old") || !strings.Contains(err.Error(), "/opt/kafka/bin") {
		t.Errorf("got %v, want that 0.8.2.1 is too old, and where its tools are", err)
	}
	if err := open(t, twoMachines(), Options{}).Speaks(kafka.AdminProtocol | kafka.ElectLeaders); err != nil {
		t.Errorf("3.9.2: %v", err)
	}
}
