package send

import (
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

const (
	// window is how many batches of a partition may be in flight: a broker
	// remembers the last five of a producer (KAFKA-5494), and only of those can
	// it tell that it has them already.
	window = 5
	// answerTimeout is how long a leader waits for its followers before it
	// answers that they are late. It is below the 10 s after which the
	// connection is given up: an answer says more than silence.
	answerTimeout = 8 * time.Second
	// produceVersion has zstd (KIP-110). Versions from 9 on make the client
	// library encode every record twice more.
	produceVersion = 7
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
	produce(b *sarama.RecordBatch, answer func(offset int64, err error)) error
	// producerID asks for a new one.
	producerID() (Identity, error)
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
	broker, err := p.dial()
	if err != nil {
		return nil, err
	}
	return &link{p, broker}, nil
}

// dial opens a connection of its own to the leader: requests on one connection
// are answered one after the other.
func (p partition) dial() (*sarama.Broker, error) {
	known, err := p.client.Leader(p.topic, p.id)
	if err != nil {
		return nil, fmt.Errorf("find the leader: %w", err)
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

// link is a connection that the client library has.
type link struct {
	partition
	broker *sarama.Broker
}

func (l *link) produce(b *sarama.RecordBatch, answer func(offset int64, err error)) error {
	request := &sarama.ProduceRequest{
		Version: produceVersion, RequiredAcks: l.acks, Timeout: int32(answerTimeout.Milliseconds()),
	}
	if l.old {
		request.Version = 0
		request.AddSet(l.topic, l.id, messageSet(b))
	} else {
		request.AddBatch(l.topic, l.id, b)
	}
	err := l.broker.AsyncProduce(request, func(r *sarama.ProduceResponse, err error) { answer(l.outcome(r, err)) })
	if err == nil && l.acks == sarama.NoResponse {
		answer(-1, nil)
	}
	return err
}

// messageSet is the batch as brokers before 0.10 take it: values, without
// timestamps, headers and numbers.
func messageSet(b *sarama.RecordBatch) *sarama.MessageSet {
	set := &sarama.MessageSet{Messages: make([]*sarama.MessageBlock, len(b.Records))}
	for i, r := range b.Records {
		set.Messages[i] = &sarama.MessageBlock{Offset: int64(i), Msg: &sarama.Message{Value: r.Value}}
	}
	return set
}

func (l *link) outcome(r *sarama.ProduceResponse, err error) (int64, error) {
	if err != nil {
		return -1, fmt.Errorf("answer of %s: %w", l.broker.Addr(), err)
	}
	block := r.GetBlock(l.topic, l.id)
	switch {
	case block == nil:
		return -1, sarama.ErrIncompleteResponse
	case !errors.Is(block.Err, sarama.ErrNoError):
		return -1, block.Err
	}
	return block.Offset, nil
}

func (l *link) producerID() (Identity, error) {
	r, err := l.broker.InitProducerID(&sarama.InitProducerIDRequest{Version: 1})
	if err == nil && !errors.Is(r.Err, sarama.ErrNoError) {
		err = r.Err
	}
	if err != nil {
		return nobody, fmt.Errorf("get a producer id of %s: %w", l.broker.Addr(), err)
	}
	return Identity{r.ProducerID, r.ProducerEpoch}, nil
}

func (l *link) close() { _ = l.broker.Close() } // what had no answer is sent again
