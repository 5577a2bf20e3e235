package send

import (
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

const (
	// window is how many batches of a partition may be in flight: a broker
	// remembers the last five of a producer, since Kafka 1.0 (KAFKA-5494), and only
	// of those can it tell that it has them already.
	window = 5
	// answerTimeout is how long a leader waits for its followers before it
	// answers that they are late. It is below the 10 s after which the
	// connection is given up: an answer says more than silence.
	answerTimeout = 8 * time.Second
)

// Config returns the settings of the client whose connections writers use.
func Config(clientID string, v cluster.Version) *sarama.Config {
	c := cluster.Config(clientID, v)
	c.Net.MaxOpenRequests = window
	c.Metadata.Retry.Max = 0 // writers try again themselves, and say why
	return c
}

// connection leads to a partition's leader. The package's tests simulate it.
type connection interface {
	// produce sends a batch. Unless it returns an error, it calls answer once,
	// from any goroutine: with the offset of the first record, -1 where that is
	// not known, or with an error.
	produce(b *Batch, answer func(offset int64, err error)) error
	// producerID asks for a new one.
	producerID() (Identity, error)
	// remembers is how many of a producer's last batches the broker knows again.
	remembers() int
	// close has what is not answered yet answered with an error.
	close()
}

// leader connects to a partition's leader; after a failure it finds out anew
// which broker that is.
type leader interface {
	connect(failed bool) (connection, error)
}

// partition is a leader in a real cluster.
type partition struct {
	client sarama.Client
	topic  string
	id     int32
	acks   sarama.RequiredAcks
	old    bool // the leader knows no record batches
}

func (p partition) connect(failed bool) (connection, error) {
	if failed {
		// Its error may be about another partition; this one's shows below.
		_ = p.client.RefreshMetadata(p.topic)
	}
	if p.old {
		broker, err := p.dial()
		if err != nil {
			return nil, err
		}
		return &oldLink{p, broker}, nil
	}
	leader, err := p.lead()
	if err != nil {
		return nil, err
	}
	conn, err := cluster.Dial(leader.Addr(), p.client.Config())
	if err != nil {
		return nil, err
	}
	version, err := conn.Newest(produceKey, oldestProduce, newestProduce)
	if err != nil {
		_ = conn.Close() // nothing but questions was sent
		return nil, err
	}
	return newLink(p, conn, version, p.client.Config()), nil
}

func (p partition) lead() (*sarama.Broker, error) {
	leader, err := p.client.Leader(p.topic, p.id)
	if err != nil {
		return nil, fmt.Errorf("find the leader: %w", err)
	}
	return leader, nil
}

// dial opens a connection of its own to the leader: requests on one connection
// are answered one after the other.
func (p partition) dial() (*sarama.Broker, error) {
	known, err := p.lead()
	if err != nil {
		return nil, err
	}
	broker := sarama.NewBroker(known.Addr())
	if err = broker.Open(p.client.Config()); err == nil {
		_, err = broker.Connected()
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", known.Addr(), err)
	}
	return broker, nil
}
