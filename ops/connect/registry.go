package connect

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"

	"weir/provision/kafka"
	"weir/provision/remote"
)

// KafkaAdmin returns a client for what is asked and changed of the brokers
// behind gates. It goes the session's ways; close it before the session.
func (s *Session) KafkaAdmin(version kafka.Version) (*kafka.Admin, error) {
	return kafka.NewAdmin(s.Cluster.Bootstrap(), version, plainDialer{s}, s.registry())
}

// registry is what clusters without the admin protocol are asked for beside
// their brokers; nil without an ensemble.
func (s *Session) registry() *kafka.Registry {
	zk := s.Cluster.ZooKeeper
	if zk == nil {
		return nil
	}
	r := &kafka.Registry{Chroot: s.Cluster.Kafka.Chroot, Dialer: s, Tool: s.kafkaTool}
	for _, m := range s.Cluster.Machines {
		if _, ok := zk.Members[m.Name]; ok {
			r.ZooKeeper = append(r.ZooKeeper, net.JoinHostPort(m.Address, strconv.Itoa(zk.ClientPort)))
		}
	}
	return r
}

// kafkaTool runs a program of Kafka's on the first broker's machine that can be
// reached.
func (s *Session) kafkaTool(ctx context.Context, program string, args ...string) (string, error) {
	var away *remote.ConnectError
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.Cluster.Kafka.Brokers)) {
		m, err := s.Machine(ctx, name)
		if err == nil {
			var said string
			if said, err = kafka.RunTool(ctx, m, program, args...); !errors.As(err, &away) {
				return said, err
			}
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}
