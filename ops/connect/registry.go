package connect

import (
	"context"
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
	if kafka.Assume(k.Version).Features.Has(kafka.AdminProtocol) {
		return nil
	}
	return &kafka.Registry{ZooKeeper: s.Cluster.ZooKeeperConnect(), Chroot: k.Chroot, Dialer: s, Tool: kafka.ToolOn(s.brokerMachines()...)}
}

// brokerMachines are the machines with a broker; each is connected to when it is asked.
func (s *Session) brokerMachines() (all []remote.Runner) {
	for _, m := range s.Cluster.Machines {
		if _, ok := s.Cluster.Kafka.Brokers[m.Name]; ok {
			all = append(all, sessionMachine{s, m.Name})
		}
	}
	return all
}

// sessionMachine is a machine that the session is, or will be, connected to.
type sessionMachine struct {
	session *Session
	name    string
}

func (m sessionMachine) Machine() string { return m.name }

func (m sessionMachine) Run(ctx context.Context, script remote.Script) (remote.Result, error) {
	return m.session.Run(ctx, m.name, script)
}

// complete puts right what old brokers do not tell: who is the controller, while
// there is no topic who is a broker, and which replicas are in sync: of a replica that
// comes back only its leader and the ensemble know (KAFKA-1367, fixed in 0.9). Who
// completes the answers of several brokers at once looks at the ensemble once.
func (s *Session) complete(ctx context.Context, answer *sarama.MetadataResponse) error {
	r := s.Registry()
	if r == nil {
		return nil
	}
	look, err, _ := s.ensemble.Do("", func() (any, error) { return r.View(ctx) })
	if err != nil {
		return fmt.Errorf("its cluster: %w", err)
	}
	v := look.(kafka.View)
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
