package send

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
)

// oldLink is a connection to a broker before 0.10, which knows no record batches;
// the client library encodes what such brokers take: values, without timestamps,
// headers and numbers.
type oldLink struct {
	partition
	broker *sarama.Broker
}

func (l *oldLink) produce(b *Batch, answer func(offset int64, err error)) error {
	set := &sarama.MessageSet{Messages: make([]*sarama.MessageBlock, b.Len())}
	for i := range set.Messages {
		set.Messages[i] = &sarama.MessageBlock{Offset: int64(i), Msg: &sarama.Message{Value: b.Value(i)}}
	}
	request := &sarama.ProduceRequest{RequiredAcks: l.acks, Timeout: int32(answerTimeout.Milliseconds())}
	request.AddSet(l.topic, l.id, set)
	err := l.broker.AsyncProduce(request, func(r *sarama.ProduceResponse, err error) { answer(l.outcome(r, err)) })
	if err == nil && l.acks == sarama.NoResponse {
		answer(-1, nil)
	}
	return err
}

func (l *oldLink) outcome(r *sarama.ProduceResponse, err error) (int64, error) {
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

func (l *oldLink) remembers() int { return 1 }

func (l *oldLink) producerID() (Identity, error) { return askProducerID(l.broker) }

func (l *oldLink) close() { _ = l.broker.Close() } // what had no answer is sent again
