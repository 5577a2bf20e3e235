package kafka

import (
	"context"
	"errors"
	"net"

	"golang.org/x/net/proxy"

	"weir/provision/remote"
)

// Through returns a dialer for NewAdmin that goes through machines: each is
// tried in order until one connects. It dials until ctx ends, as sarama passes
// no context of its own: give it the one that the Admin lives in.
func Through(ctx context.Context, machines ...remote.Dialer) proxy.Dialer {
	return through{ctx, machines}
}

type through struct {
	ctx      context.Context
	machines []remote.Dialer
}

// Dial implements proxy.Dialer.
func (t through) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, dialTimeout)
	defer cancel()
	errs := make([]error, 0, len(t.machines))
	for _, m := range t.machines {
		conn, err := m.DialContext(ctx, network, address)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
