package send

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

// The produce request and its versions (Kafka protocol guide, "Produce API"): 3
// brought record batches, 7 zstd (KIP-110); all of them are sent alike.
const (
	produceKey    = 0
	oldestProduce = 3
	newestProduce = 7
)

// link is a connection that speaks produce requests. Batches are sent as they lie
// in memory.
type link struct {
	partition
	conn        *cluster.Connection
	version     int16
	clientID    string
	timeout     time.Duration // to send a batch, and to wait for an answer
	correlation int32
	head        []byte // of a request, reused
	flying      chan unanswered
	done        chan struct{} // closed when all is answered
}

// unanswered is a request that was sent.
type unanswered struct {
	correlation int32
	answer      func(offset int64, err error)
}

func newLink(p partition, conn *cluster.Connection, version int16, config *sarama.Config) *link {
	l := &link{
		partition: p, conn: conn, version: version, clientID: config.ClientID, timeout: config.Net.ReadTimeout,
		flying: make(chan unanswered, window), done: make(chan struct{}),
	}
	go l.listen()
	return l
}

// produce does not wait for a throttled connection: the broker reads nothing from
// it meanwhile (KIP-219).
func (l *link) produce(b *Batch, answer func(offset int64, err error)) error {
	l.correlation++
	records := b.sealed()
	l.head = l.appendHead(l.head[:0], len(records))
	if err := l.conn.SetWriteDeadline(time.Now().Add(l.timeout)); err != nil {
		return err
	}
	request := net.Buffers{l.head, records}
	if _, err := request.WriteTo(l.conn.Conn); err != nil {
		return err
	}
	if l.acks == sarama.NoResponse {
		answer(-1, nil)
		return nil
	}
	l.flying <- unanswered{l.correlation, answer}
	return nil
}

// appendHead appends what comes before a batch of so many bytes.
func (l *link) appendHead(dst []byte, size int) []byte {
	be := binary.BigEndian
	dst = append(dst, 0, 0, 0, 0) // the length, when it is known
	dst = be.AppendUint16(dst, produceKey)
	dst = be.AppendUint16(dst, uint16(l.version))
	dst = be.AppendUint32(dst, uint32(l.correlation))
	dst = appendText(dst, l.clientID)
	dst = be.AppendUint16(dst, 0xffff) // no transaction
	dst = be.AppendUint16(dst, uint16(l.acks))
	dst = be.AppendUint32(dst, uint32(answerTimeout.Milliseconds()))
	dst = be.AppendUint32(dst, 1) // topic
	dst = appendText(dst, l.topic)
	dst = be.AppendUint32(dst, 1) // partition
	dst = be.AppendUint32(dst, uint32(l.id))
	dst = be.AppendUint32(dst, uint32(size))
	be.PutUint32(dst, uint32(len(dst)-4+size))
	return dst
}

func appendText(dst []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(text))), text...)
}

// listen reads the answers, which come in the order of the requests; once one
// cannot be read, none of those behind it can.
func (l *link) listen() {
	defer close(l.done)
	var memory []byte
	var broken error
	for u := range l.flying {
		offset := int64(-1)
		err := broken
		if err == nil {
			if memory, err = l.read(memory); err != nil {
				broken = fmt.Errorf("answer of %s: %w", l.conn.Broker.Addr(), err)
				err = broken
			} else {
				offset, err = l.outcome(memory, u.correlation)
			}
		}
		u.answer(offset, err)
	}
}

// maxAnswer bounds an answer, which has some fifty bytes and a topic's name.
const maxAnswer = 1 << 16

// read reads an answer, into memory where that has room.
func (l *link) read(memory []byte) ([]byte, error) {
	if err := l.conn.SetReadDeadline(time.Now().Add(l.timeout)); err != nil {
		return memory, err
	}
	return l.conn.Frame(maxAnswer, func(size int) []byte { return slices.Grow(memory[:0], size)[:size] })
}

// outcome reads an answer: about one topic and one partition, as was asked.
func (l *link) outcome(answer []byte, correlation int32) (int64, error) {
	before := 4 + 4 + 2 + len(l.topic) + 4 // correlation id, topics, the name, partitions
	const partition = 4 + 2 + 8            // number, error, offset; the rest is not for us
	if len(answer) < before+partition {
		return -1, sarama.ErrIncompleteResponse
	}
	be := binary.BigEndian
	if got := int32(be.Uint32(answer)); got != correlation {
		return -1, fmt.Errorf("answer of %s: to request %d, want one to %d", l.conn.Broker.Addr(), got, correlation)
	}
	if string(answer[10:before-4]) != l.topic || int32(be.Uint32(answer[before:])) != l.id {
		return -1, sarama.ErrIncompleteResponse
	}
	answer = answer[before+4:]
	if err := sarama.KError(be.Uint16(answer)); !errors.Is(err, sarama.ErrNoError) {
		return -1, err
	}
	return int64(be.Uint64(answer[2:])), nil
}

// remembers is by the version of produce requests: 5 came with Kafka 1.0.
func (l *link) remembers() int {
	if l.version < 5 {
		return 1
	}
	return window
}

// producerID is asked for while nothing is in flight.
func (l *link) producerID() (Identity, error) { return askProducerID(l.conn.Broker) }

func askProducerID(broker *sarama.Broker) (Identity, error) {
	r, err := broker.InitProducerID(&sarama.InitProducerIDRequest{Version: 1})
	if err == nil && !errors.Is(r.Err, sarama.ErrNoError) {
		err = r.Err
	}
	if err != nil {
		return nobody, fmt.Errorf("get a producer id of %s: %w", broker.Addr(), err)
	}
	return Identity{r.ProducerID, r.ProducerEpoch}, nil
}

// close has what had no answer sent again.
func (l *link) close() {
	_ = l.conn.Close()
	close(l.flying)
	<-l.done
}
