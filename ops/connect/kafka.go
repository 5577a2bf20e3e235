package connect

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"weir/provision/kafka"
)

const (
	// kafkaTimeout bounds one request to a broker. A broker that answers no
	// metadata for three seconds does not serve its clients either.
	kafkaTimeout = 3 * time.Second
	// clientID is how brokers' logs and quotas see an operator's tool.
	clientID = "weir-ops"
)

// ErrNoKafka says that the inventory declares no Kafka.
var ErrNoKafka = errors.New("the inventory declares no Kafka")

// Config returns the settings for Kafka clients of this session: its dialer,
// short limits, no topics created by asking, acknowledgement by all replicas.
func (s *Session) Config() *sarama.Config {
	c := sarama.NewConfig()
	c.ClientID = clientID
	c.Version, c.ApiVersionsRequest = s.protocol()
	c.Net.DialTimeout = dialTimeout
	c.Net.ReadTimeout = kafkaTimeout
	c.Net.WriteTimeout = kafkaTimeout
	c.Net.Proxy.Enable = true
	c.Net.Proxy.Dialer = plainDialer{s}
	c.Admin.Timeout = kafkaTimeout
	c.Admin.Retry.Max = 1
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.Full = true // else sarama refreshes nothing before a topic is named
	c.Metadata.Retry.Max = 1
	c.Metadata.Retry.Backoff = 100 * time.Millisecond
	c.Metadata.Timeout = 2 * kafkaTimeout
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Return.Successes = true
	c.Producer.Return.Errors = true
	c.Consumer.Offsets.AutoCommit.Enable = false
	if c.Version.IsAtLeast(sarama.V0_11_0_0) { // the first with transactions
		c.Consumer.IsolationLevel = sarama.ReadCommitted
	}
	c.Consumer.Return.Errors = true
	return c
}

// protocol is the cluster's version, where weir knows it, and whether its
// brokers tell which requests they understand.
func (s *Session) protocol() (version sarama.KafkaVersion, negotiates bool) {
	if s.Cluster.Kafka != nil {
		if v, ok := kafka.LookUp(s.Cluster.Kafka.Version); ok {
			return v.Protocol, v.Negotiates
		}
	}
	return sarama.V2_8_0_0, true
}

// Client returns the session's Kafka client, made on first use and closed with
// the session. An error is not kept: the next call tries again.
func (s *Session) Client(ctx context.Context) (sarama.Client, error) {
	client, _, err := s.connectKafka(ctx)
	return client, err
}

// Admin returns the session's Kafka admin client, as Client does. Clusters that have
// a Registry have none.
func (s *Session) Admin(ctx context.Context) (sarama.ClusterAdmin, error) {
	_, admin, err := s.connectKafka(ctx)
	if err == nil && admin == nil {
		return nil, fmt.Errorf("brokers of Kafka %s take no such requests: use the tools in %s/bin on a machine", s.Cluster.Kafka.Version, s.Cluster.Kafka.Home)
	}
	return admin, err
}

func (s *Session) connectKafka(ctx context.Context) (sarama.Client, sarama.ClusterAdmin, error) {
	if s.Cluster.Kafka == nil {
		return nil, nil, ErrNoKafka
	}
	_, err := Bounded(ctx, func() (struct{}, error) {
		s.clients.mu.Lock()
		defer s.clients.mu.Unlock()
		return struct{}{}, s.clients.open(s.Cluster.Bootstrap(), s.Config(), s.Registry() == nil)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("no broker of %v answers: %w", s.Cluster.Bootstrap(), err)
	}
	return s.clients.client, s.clients.admin, nil
}

// open connects; to administer, where brokers take such requests.
func (k *clients) open(brokers []string, config *sarama.Config, administer bool) error {
	if k.client != nil {
		return nil
	}
	client, err := sarama.NewClient(brokers, config)
	if err != nil {
		return err
	}
	if !administer {
		k.client = client
		return nil
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		_ = client.Close()
		return err
	}
	k.client, k.admin = client, admin
	return nil
}

func (s *Session) closeKafka() error {
	// A client that is still being made holds the lock until its own limits end
	// it; the end of a session does not wait for that.
	if !s.clients.mu.TryLock() {
		return nil
	}
	defer s.clients.mu.Unlock()
	switch {
	case s.clients.admin != nil:
		return s.clients.admin.Close() // closes the client too
	case s.clients.client != nil:
		return s.clients.client.Close()
	}
	return nil
}

// Metadata asks the broker of one machine, at its declared address, what it
// knows of the cluster: its id, brokers, controller and all topics.
func (s *Session) Metadata(ctx context.Context, machine string) (*sarama.MetadataResponse, error) {
	answer, err := WithBroker(ctx, s, machine, func(broker *sarama.Broker) (*sarama.MetadataResponse, error) {
		return broker.GetMetadata(sarama.NewMetadataRequest(s.Config().Version, nil))
	})
	if err != nil {
		return nil, err
	}
	return answer, s.complete(ctx, answer)
}

// AnyMetadata asks all declared brokers at once and returns the first answer:
// a dead broker, or a dead controller, costs no time.
func (s *Session) AnyMetadata(ctx context.Context) (*sarama.MetadataResponse, error) {
	if s.Cluster.Kafka == nil {
		return nil, ErrNoKafka
	}
	type outcome struct {
		answer *sarama.MetadataResponse
		err    error
	}
	outcomes := make(chan outcome, len(s.Cluster.Kafka.Brokers))
	for machine := range s.Cluster.Kafka.Brokers {
		go func() {
			answer, err := s.Metadata(ctx, machine)
			outcomes <- outcome{answer, err}
		}()
	}
	var failed []string
	for range s.Cluster.Kafka.Brokers {
		o := <-outcomes
		if o.err == nil {
			return o.answer, nil
		}
		failed = append(failed, o.err.Error())
	}
	slices.Sort(failed)
	return nil, fmt.Errorf("no broker answered: %s", strings.Join(failed, "; "))
}

// BrokerAddress is the declared address, host:port, of a machine's broker.
func (s *Session) BrokerAddress(machine string) (string, error) {
	if s.Cluster.Kafka == nil {
		return "", ErrNoKafka
	}
	m, err := s.Cluster.Machine(machine)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(m.Address, strconv.Itoa(s.Cluster.Kafka.Port)), nil
}

// Bounded calls a function that takes no context and returns when it does or
// when ctx ends. In the second case the function goes on by itself until limits
// of its own end it: a broker's connection cannot be interrupted from outside.
func Bounded[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := f()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}

// plainDialer is the session as a library without contexts wants a dialer; the
// session's own limits bound it.
type plainDialer struct{ session *Session }

// Dial connects to host:port.
func (d plainDialer) Dial(network, address string) (net.Conn, error) {
	return d.session.DialContext(d.session.ctx, network, address)
}
