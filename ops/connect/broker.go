package connect

import (
	"context"
	"net"

	"github.com/IBM/sarama"
)

// WithBroker connects to the broker of a machine, at its declared address, and
// calls ask with it. The connection ends with ask; ctx ends the wait for it.
func WithBroker[T any](ctx context.Context, s *Session, machine string, ask func(*sarama.Broker) (T, error)) (T, error) {
	address, err := s.BrokerAddress(machine)
	if err != nil {
		var zero T
		return zero, err
	}
	return Bounded(ctx, func() (T, error) {
		var zero T
		broker := sarama.NewBroker(address)
		if err := broker.Open(s.Config()); err != nil {
			return zero, err
		}
		defer broker.Close()
		if _, err := broker.Connected(); err != nil {
			return zero, err
		}
		return ask(broker)
	})
}

// DialDirect connects to host:port from here, never through SSH: it tells whether
// clients on this computer would get there.
func (s *Session) DialDirect(ctx context.Context, network, address string) (net.Conn, error) {
	return s.opts.Direct.DialContext(ctx, network, address)
}
