package send

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

const (
	// takeOverLimit bounds TakeOver: above the time that a cluster needs to
	// elect a leader for the coordinator's partition, and to make the topic of
	// transactions when they are first used.
	takeOverLimit = 60 * time.Second
	// transactionTimeout is Kafka's default. No transaction is open for longer
	// than two requests take.
	transactionTimeout = 60 * time.Second
)

// owner is what the writers of a run are known by to the cluster's transaction
// coordinator, a partition each.
type owner struct {
	client    sarama.Client
	topic     string
	partition int32
	run       string
}

func (o owner) transactionalID() string {
	return fmt.Sprintf("weir-producer/%s/%s/%d", o.topic, o.run, o.partition)
}

// TakeOver makes the writer the only one of its run: what an earlier process
// still has on its way to the partition is not appended any more once TakeOver
// has returned, and a process that is still at work ends with a *FencedError.
//
// How: the run has the same producer id each time, under a higher epoch, and an
// empty transaction, which is given up, leaves a marker with that epoch in the
// partition. A leader refuses older epochs from then on. Consumers do not see
// markers; they take an offset each.
func (w *Writer) TakeOver(ctx context.Context, client sarama.Client) error {
	o := owner{client, w.options.Topic, w.partition, w.options.Run}
	ctx, cancel := context.WithTimeoutCause(ctx, takeOverLimit, fmt.Errorf("not done within %s", takeOverLimit))
	defer cancel()
	id, err := o.mark(ctx)
	if err != nil {
		return fmt.Errorf("take over run %s in topic %s partition %d: %w", o.run, o.topic, o.partition, err)
	}
	w.adopt(id)
	w.renew = func(_ connection, was Identity) (Identity, error) { return o.initialize(was) }
	return nil
}

// mark leaves a marker in the partition and returns the identity behind it.
func (o owner) mark(ctx context.Context) (id Identity, err error) {
	steps := []func() error{
		func() error { id, err = o.initialize(nobody); return err },
		func() error { return o.join(id) },
		func() error { return o.abort(id) },
		// It is answered when the marker is written, not before.
		func() error { id, err = o.initialize(id); return err },
	}
	for _, step := range steps {
		if err := o.insist(ctx, step); err != nil {
			return nobody, err
		}
	}
	return id, nil
}

// insist repeats a step until it is done, another producer has the run, or ctx
// ends. Each step may be repeated when its outcome is not known.
func (o owner) insist(ctx context.Context, step func() error) error {
	for failures := 1; ; failures++ {
		err := step()
		switch {
		case err == nil:
			return nil
		case fenced(err):
			return &FencedError{Run: o.run, Err: err}
		case refused(err):
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(cluster.Backoff(failures, 0)):
		}
		if !errors.Is(err, sarama.ErrConcurrentTransactions) {
			_ = o.client.RefreshTransactionCoordinator(o.transactionalID()) // the next try shows its error
		}
	}
}

// coordinator is the broker that keeps the run's identity.
func (o owner) coordinator() (*sarama.Broker, error) {
	broker, err := o.client.TransactionCoordinator(o.transactionalID())
	if err != nil {
		return nil, fmt.Errorf("find the transaction coordinator: %w", err)
	}
	_ = broker.Open(o.client.Config()) // it may be open; if it cannot be, requests fail
	return broker, nil
}

// initialize gets the run's identity under the next epoch. With the one it had,
// it is refused if another has taken the run since.
func (o owner) initialize(was Identity) (Identity, error) {
	broker, err := o.coordinator()
	if err != nil {
		return was, err
	}
	id := o.transactionalID()
	r, err := broker.InitProducerID(&sarama.InitProducerIDRequest{
		Version: 3, TransactionalID: &id, TransactionTimeout: transactionTimeout, ProducerID: was.ID, ProducerEpoch: was.Epoch,
	})
	if err == nil && !errors.Is(r.Err, sarama.ErrNoError) {
		err = r.Err
	}
	if err != nil {
		return was, fmt.Errorf("get a producer id: %w", err)
	}
	return Identity{r.ProducerID, r.ProducerEpoch}, nil
}

// join adds the partition to the identity's transaction.
func (o owner) join(id Identity) error {
	broker, err := o.coordinator()
	if err != nil {
		return err
	}
	r, err := broker.AddPartitionsToTxn(&sarama.AddPartitionsToTxnRequest{
		TransactionalID: o.transactionalID(), ProducerID: id.ID, ProducerEpoch: id.Epoch,
		TopicPartitions: map[string][]int32{o.topic: {o.partition}},
	})
	if err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	for _, e := range r.Errors[o.topic] {
		if !errors.Is(e.Err, sarama.ErrNoError) {
			return fmt.Errorf("begin a transaction: %w", e.Err)
		}
	}
	return nil
}

// abort gives the transaction up.
func (o owner) abort(id Identity) error {
	broker, err := o.coordinator()
	if err != nil {
		return err
	}
	r, err := broker.EndTxn(&sarama.EndTxnRequest{TransactionalID: o.transactionalID(), ProducerID: id.ID, ProducerEpoch: id.Epoch})
	if err == nil && !errors.Is(r.Err, sarama.ErrNoError) {
		err = r.Err
	}
	if err != nil {
		return fmt.Errorf("end a transaction: %w", err)
	}
	return nil
}
