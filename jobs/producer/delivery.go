package producer

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

// maxInFlight bounds the messages handed over and not acknowledged, and with
// them memory: the library's own retry buffer has no bound.
const maxInFlight = 50_000

// watchInterval is how often the oldest unacknowledged message is looked at; it
// is what a delivery bound may be exceeded by.
const watchInterval = 500 * time.Millisecond

// UndeliveredError names a message that was not acknowledged within the bound,
// or that the cluster refused for good. It may be in the topic nevertheless:
// that the answer is missing does not say that the message is.
type UndeliveredError struct {
	Message string
	// Unacknowledged is how many messages were open, this one included.
	Unacknowledged int
	Err            error
}

func (e *UndeliveredError) Error() string {
	return fmt.Sprintf("message %q was not acknowledged (%d in all were not): %v; "+
		"check that the topic's partitions have leaders and enough in-sync replicas",
		e.Message, e.Unacknowledged, e.Err)
}

func (e *UndeliveredError) Unwrap() error { return e.Err }

// delivery hands messages to the cluster and follows each until it is
// acknowledged. The first failure ends it: see failed.
type delivery struct {
	topic    string
	bound    time.Duration
	producer sarama.AsyncProducer
	flights  *flights
	slots    chan struct{} // one a message in flight
	failed   chan struct{} // closed at the first failure, after failure is set
	failure  error
	failOnce sync.Once
	meters   *meters
	// collected is closed when the producer has answered for every message.
	collected chan struct{}
	stop      chan struct{}
}

// newDelivery takes the producer over; close ends it.
func newDelivery(p sarama.AsyncProducer, topic string, bound time.Duration, m *meters) *delivery {
	d := &delivery{
		topic: topic, bound: bound, producer: p, meters: m,
		flights: newFlights(),
		slots:   make(chan struct{}, maxInFlight),
		failed:  make(chan struct{}),
		stop:    make(chan struct{}),

		collected: make(chan struct{}),
	}
	go d.collect()
	go d.watch()
	return d
}

// send hands one message over. It waits while too many are in flight.
func (d *delivery) send(ctx context.Context, text []byte) error {
	select {
	case d.slots <- struct{}{}:
	case <-d.failed:
		return d.failure
	case <-ctx.Done():
		return ctx.Err()
	}
	number := d.flights.depart(string(text), time.Now())
	message := &sarama.ProducerMessage{Topic: d.topic, Value: sarama.ByteEncoder(text), Metadata: number}
	// Not given up on ctx: a message that departed is followed to its end, and
	// a cluster that takes nothing is noticed by watch.
	select {
	case d.producer.Input() <- message:
		d.meters.sent.Inc()
		return nil
	case <-d.failed:
		return d.failure
	}
}

// collect takes acknowledgements and refusals until the producer is closed.
func (d *delivery) collect() {
	defer close(d.collected)
	successes, errs := d.producer.Successes(), d.producer.Errors()
	for successes != nil || errs != nil {
		select {
		case m, open := <-successes:
			if !open {
				successes = nil
				continue
			}
			d.land(m)
			d.meters.acknowledge(time.Now())
		case e, open := <-errs:
			if !open {
				errs = nil
				continue
			}
			d.refuse(e)
		}
	}
}

func (d *delivery) land(m *sarama.ProducerMessage) {
	d.flights.arrive(m.Metadata.(int64))
	<-d.slots
}

func (d *delivery) refuse(e *sarama.ProducerError) {
	d.meters.errors.Inc()
	_, open := d.flights.longest()
	text, _ := e.Msg.Value.Encode() // a ByteEncoder cannot fail
	d.fail(&UndeliveredError{Message: string(text), Unacknowledged: open, Err: e.Err})
	d.land(e.Msg)
}

// fail keeps the first failure; later ones follow from it.
func (d *delivery) fail(err error) {
	d.failOnce.Do(func() {
		d.failure = err
		close(d.failed)
	})
}

// watch fails the delivery when a message has been in flight beyond the bound.
func (d *delivery) watch() {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for {
		select {
		case <-d.stop:
			return
		case now := <-ticker.C:
			first, open := d.flights.longest()
			if open > 0 && now.Sub(first.left) > d.bound {
				d.fail(&UndeliveredError{first.text, open, fmt.Errorf("no answer within %s", d.bound)})
			}
		}
	}
}

// drain waits until every message is acknowledged, at most for the limit, and
// ends the delivery. After a failure it does not wait.
func (d *delivery) drain(limit time.Duration) error {
	defer close(d.stop)
	d.producer.AsyncClose()
	select {
	case <-d.collected:
	case <-d.failed:
		return d.failure
	case <-time.After(limit):
		// Nothing open: the answers are there, only connections are slow to close.
		if first, open := d.flights.longest(); open > 0 {
			return &UndeliveredError{first.text, open, fmt.Errorf("no answer within %s of stopping", limit)}
		}
	}
	select {
	case <-d.failed:
		return d.failure
	default:
		return nil
	}
}

// late is nil, or says that messages have been waiting for more than the
// threshold.
func (d *delivery) late(threshold time.Duration) error {
	first, open := d.flights.longest()
	if wait := time.Since(first.left); open > 0 && wait > threshold {
		return fmt.Errorf("%d messages are not acknowledged, the oldest for %s", open, wait.Round(time.Second))
	}
	return nil
}
