package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// complete puts right what old brokers do not tell: who is the controller, while
// there is no topic who is a broker, and which replicas are in sync: of a replica that
// comes back only its leader and the ensemble know (KAFKA-1367, fixed in 0.9).
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
	for _, t := range answer.Topics {
		known := v.Of(t.Name)
		for _, p := range t.Partitions {
			if i := slices.IndexFunc(known, func(k kafka.Partition) bool { return k.ID == p.ID }); i >= 0 {
				p.Leader, p.Isr = known[i].Leader, known[i].ISR
			}
		}
	}
	if len(answer.Brokers) > 0 {
		return nil
	}
	for id, address := range v.Brokers {
		answer.AddBroker(address, id)
	}
	return nil
}
