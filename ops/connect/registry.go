package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/IBM/sarama"

	"weir/provision/kafka"
	"weir/provision/remote"
)

// KafkaAdmin returns a client for what is asked and changed of the brokers behind
// gates. It goes the session's ways; close it before the session.
func (s *Session) KafkaAdmin(version kafka.Version) (*kafka.Admin, error) {
	return kafka.NewAdmin(s.Cluster.Bootstrap(), version, plainDialer{s}, s.Registry())
}

// Registry is what clusters whose brokers take no administrative requests are
// asked for beside their brokers; nil where the brokers take them.
func (s *Session) Registry() *kafka.Registry {
	k, z := s.Cluster.Kafka, s.Cluster.ZooKeeper
	if k == nil || z == nil {
		return nil
	}
	if v, known := kafka.LookUp(k.Version); !known || v.Features.Has(kafka.AdminProtocol) {
		return nil
	}
	return &kafka.Registry{ZooKeeper: s.Cluster.ZooKeeperConnect(), Chroot: k.Chroot, Dialer: s, Tool: s.tool}
}

// tool runs a program of Kafka's on the first broker's machine that can be reached.
func (s *Session) tool(ctx context.Context, program string, args ...string) (string, error) {
	var away *remote.ConnectError
	var errs []error
	for _, m := range s.Cluster.Machines {
		if _, ok := s.Cluster.Kafka.Brokers[m.Name]; !ok {
			continue
		}
		conn, err := s.Machine(ctx, m.Name)
		if err == nil {
			var said string
			if said, err = kafka.RunTool(ctx, conn, program, args...); err == nil {
				return said, nil
			}
		}
		if !errors.As(err, &away) {
			return "", err
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// complete adds what old brokers do not tell: who is the controller, and, while
// there is no topic, who is a broker.
func (s *Session) complete(ctx context.Context, answer *sarama.MetadataResponse) error {
	r := s.Registry()
	if r == nil {
		return nil
	}
	v, err := r.View(ctx)
	if err != nil {
		return fmt.Errorf("its cluster: %w", err)
	}
	answer.ControllerID = v.Controller
	if len(answer.Brokers) > 0 {
		return nil
	}
	for id, address := range v.Brokers {
		answer.AddBroker(address, id)
	}
	return nil
}
