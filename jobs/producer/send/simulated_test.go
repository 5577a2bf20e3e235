package send

import (
	"cmp"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// replica is a partition as its leader keeps it: the log, and what Kafka 3.9
// remembers of producers (ProducerAppendInfo, ProducerStateEntry). It outlives
// connections and leaders, as what all in-sync replicas have does.
type replica struct {
	mu        sync.Mutex
	log       []string
	producers map[int64]*memory
	ids       int64
	// fate decides what becomes of a request; nil lets all end well.
	fate func() fate
	// refuse, where set, answers before anything is looked at.
	refuse func(b numbered) error
	flying int // requests sent and not answered, and the most there were
	most   int
	// memory is how many batches of a producer are remembered, where not the window.
	memory int
}

// memory is what a broker remembers of a producer: the next number, and the
// last five batches.
type memory struct {
	epoch int16
	next  int32
	last  []remembered
}

type remembered struct {
	first  int32
	offset int64
}

// fate is what becomes of a request.
type fate int

const (
	well     fate = iota
	unsent        // the connection breaks before the broker has read it
	silent        // the broker appends it, and the connection breaks
	delayed       // the connection breaks, and the broker appends it later
	timedOut      // appended, but the followers are late
	moved         // this broker leads no longer: not appended
	thin          // too few replicas: not appended
	fates         // how many there are
)

func (r *replica) connect(bool) (connection, error) {
	c := &wire{replica: r, requests: make(chan request, window), broken: make(chan struct{}), done: make(chan struct{})}
	go c.serve()
	return c, nil
}

// wire is one connection; it is answered in order.
type wire struct {
	replica      *replica
	requests     chan request
	broken, done chan struct{}
}

// numbered is what a broker looks at in a batch to know it again.
type numbered struct {
	Identity
	sequence int32
	records  int
}

// request is a batch as it was sent: its memory is used again.
type request struct {
	batch  numbered
	values []string
	answer func(int64, error)
}

func (c *wire) produce(b *Batch, answer func(int64, error)) error {
	req := request{batch: numbered{b.id, b.sequence, b.Len()}, answer: answer}
	for i := range b.Len() {
		req.values = append(req.values, string(b.Value(i)))
	}
	c.replica.count(1)
	c.requests <- req
	return nil
}

func (c *wire) producerID() (Identity, error) {
	c.replica.mu.Lock()
	defer c.replica.mu.Unlock()
	c.replica.ids++
	return Identity{c.replica.ids - 1, 0}, nil
}

func (c *wire) remembers() int { return cmp.Or(c.replica.memory, window) }

func (c *wire) close() {
	close(c.broken)
	close(c.requests)
	<-c.done
}

// serve answers in order; once broken, everything with an error.
func (c *wire) serve() {
	defer close(c.done)
	broken := false
	for r := range c.requests {
		select {
		case <-c.broken:
			broken = true
		case <-time.After(time.Millisecond):
		}
		offset, err := int64(-1), io.ErrUnexpectedEOF
		if !broken {
			offset, err = c.replica.handle(r)
			broken = err == io.EOF
		}
		c.replica.count(-1)
		r.answer(offset, err)
	}
}

func (r *replica) count(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flying += n
	r.most = max(r.most, r.flying)
}

// handle lets a request meet its fate; io.EOF is a connection that breaks.
func (r *replica) handle(req request) (int64, error) {
	what := well
	if r.fate != nil {
		what = r.fate()
	}
	switch what {
	case unsent:
		return -1, io.EOF
	case silent:
		_, _ = r.append(req)
		return -1, io.EOF
	case delayed:
		time.AfterFunc(rand.N(time.Second), func() { _, _ = r.append(req) })
		return -1, io.EOF
	case timedOut:
		if _, err := r.append(req); err != nil {
			return -1, err
		}
		return -1, sarama.ErrRequestTimedOut
	case moved:
		return -1, sarama.ErrNotLeaderForPartition
	case thin:
		return -1, sarama.ErrNotEnoughReplicas
	}
	return r.append(req)
}

// append does what a leader does with a batch.
func (r *replica) append(req request) (offset int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil {
		if err := r.refuse(req.batch); err != nil {
			return -1, err
		}
	}
	offset = int64(len(r.log))
	if req.batch.ID >= 0 {
		if there, err := r.admit(req.batch, offset); err != nil || there >= 0 {
			return there, err
		}
	}
	r.log = append(r.log, req.values...)
	return offset, nil
}

// admit checks a batch's number; there is the offset of one that is in the log.
func (r *replica) admit(b numbered, offset int64) (there int64, err error) {
	m := r.producers[b.ID]
	if m == nil { // of an unknown producer any number is taken
		if r.producers == nil {
			r.producers = map[int64]*memory{}
		}
		m = &memory{epoch: b.Epoch, next: b.sequence}
		r.producers[b.ID] = m
	}
	switch {
	case b.Epoch < m.epoch:
		return -1, sarama.ErrInvalidProducerEpoch
	case b.Epoch > m.epoch && b.sequence != 0:
		return -1, sarama.ErrOutOfOrderSequenceNumber
	case b.Epoch > m.epoch:
		*m = memory{epoch: b.Epoch}
	}
	for _, known := range m.last {
		if known.first == b.sequence {
			return known.offset, nil
		}
	}
	if b.sequence != m.next {
		return -1, sarama.ErrOutOfOrderSequenceNumber
	}
	m.next = advance(b.sequence, b.records)
	m.last = append(m.last, remembered{b.sequence, offset})
	m.last = m.last[max(0, len(m.last)-cmp.Or(r.memory, window)):]
	return -1, nil
}
