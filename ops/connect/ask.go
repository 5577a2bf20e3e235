package connect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/provision/kafka"
	"weir/provision/remote"
)

// askTimeout bounds a question to one broker: a connection over SSH, then two
// answers. What takes longer does not serve clients either.
const askTimeout = 6 * time.Second

// Ask calls f with a connection to the broker at an address, host:port, for at
// most six seconds. The error names the address.
func Ask[T any](ctx context.Context, s *Session, address string, f func(*sarama.Broker) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("no answer within %s", askTimeout))
	defer cancel()
	answer, err := Bounded(ctx, func() (T, error) {
		var none T
		broker := sarama.NewBroker(address)
		if err := broker.Open(s.Config()); err != nil {
			return none, err
		}
		defer broker.Close()
		if _, err := broker.Connected(); err != nil {
			return none, err
		}
		return f(broker)
	})
	if err != nil {
		return answer, &AskError{address, err}
	}
	return answer, nil
}

// AskError says which broker did not answer, and why: each reason once.
type AskError struct {
	Address string
	Err     error
}

func (e *AskError) Error() string {
	return fmt.Sprintf("broker at %s: %s", e.Address, remote.Reason(e.Err))
}

func (e *AskError) Unwrap() error { return e.Err }

// AskAll asks several brokers at once, by id, and returns what each answered, or
// why it did not. One that is dead costs the others nothing.
func AskAll[T any](ctx context.Context, s *Session, brokers map[int32]string, f func(id int32, b *sarama.Broker) (T, error)) (map[int32]T, map[int32]error) {
	answers, failed := map[int32]T{}, map[int32]error{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for id, address := range brokers {
		wg.Go(func() {
			answer, err := Ask(ctx, s, address, func(b *sarama.Broker) (T, error) { return f(id, b) })
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[id] = err
			} else {
				answers[id] = answer
			}
		})
	}
	wg.Wait()
	return answers, failed
}

// AskAny asks all of the brokers at once and returns the first answer.
func AskAny[T any](ctx context.Context, s *Session, brokers map[int32]string, f func(*sarama.Broker) (T, error)) (T, error) {
	type outcome struct {
		answer T
		err    error
	}
	outcomes := make(chan outcome, len(brokers))
	for _, address := range brokers {
		go func() {
			answer, err := Ask(ctx, s, address, f)
			outcomes <- outcome{answer, err}
		}()
	}
	var failed []error
	for range brokers {
		o := <-outcomes
		if o.err == nil {
			return o.answer, nil
		}
		failed = append(failed, o.err)
	}
	var none T
	return none, errors.Join(failed...)
}

// View is what the first broker that answers knows of the cluster. It does not
// tell min.insync.replicas.
func (s *Session) View(ctx context.Context) (kafka.View, error) {
	answer, err := s.AnyMetadata(ctx)
	if err != nil {
		return kafka.View{}, err
	}
	return kafka.ViewOf(answer)
}

// Speaks returns an error where the cluster's version lacks a feature: what needs
// it is done by Kafka's own tools on a machine, then.
func (s *Session) Speaks(f kafka.Feature) error {
	if s.Cluster.Kafka == nil {
		return ErrNoKafka
	}
	version, known := kafka.LookUp(s.Cluster.Kafka.Version)
	switch {
	case !known:
		return fmt.Errorf("kafka %s is not known; known are %v", s.Cluster.Kafka.Version, kafka.Supported())
	case !version.Features.Has(f):
		return fmt.Errorf("kafka %s is too old to be asked for that; its own tools do it, in %s/bin on a broker's machine",
			version.Name, strings.TrimRight(s.Cluster.Kafka.Home, "/"))
	}
	return nil
}

// Changer returns what changes topics and settings. It begins at the brokers
// that answer now, so that a dead one costs its callers no time. Whoever asked
// for it closes it.
func (s *Session) Changer(ctx context.Context) (*kafka.Admin, error) {
	if s.Cluster.Kafka == nil {
		return nil, ErrNoKafka
	}
	if err := s.Speaks(kafka.AdminProtocol); err != nil {
		return nil, err
	}
	version, _ := kafka.LookUp(s.Cluster.Kafka.Version)
	declared := map[int32]string{}
	for machine, id := range s.Cluster.Kafka.Brokers {
		address, err := s.BrokerAddress(machine)
		if err != nil {
			return nil, err
		}
		declared[id] = address
	}
	answers, failed := AskAll(ctx, s, declared, func(_ int32, b *sarama.Broker) (*sarama.MetadataResponse, error) {
		return b.GetMetadata(sarama.NewMetadataRequest(s.Config().Version, nil))
	})
	if len(answers) == 0 {
		return nil, &kafka.SilentError{Asked: s.Cluster.Bootstrap(), Err: errors.Join(slices.Collect(maps.Values(failed))...)}
	}
	var alive []string
	for _, id := range slices.Sorted(maps.Keys(answers)) {
		alive = append(alive, declared[id])
	}
	return kafka.NewAdmin(alive, version, plainDialer{s}, nil)
}
