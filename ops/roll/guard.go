package roll

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cenkalti/backoff/v5"

	"weir/ops/connect"
	"weir/provision/fleet"
	"weir/provision/health"
	"weir/provision/kafka"
	"weir/provision/remote"
	"weir/provision/rollout"
	"weir/provision/zookeeper"
)

// Brokers are the gates of a cluster's brokers, as every change of them has them,
// and those that only a roll needs. Close ends their connections.
type Brokers struct {
	kafka.Roll
	session *connect.Session
}

// NewBrokers returns the gates of the session's brokers. Connections go as the
// session's do.
func NewBrokers(s *connect.Session, allowUnderReplicated bool, warn func(machine string, f health.Findings)) (*Brokers, error) {
	k := s.Cluster.Kafka
	version, ok := kafka.LookUp(k.Version)
	if !ok {
		return nil, fmt.Errorf("kafka %s is no version that weir knows", k.Version)
	}
	admin, err := s.KafkaAdmin(version)
	if err != nil {
		return nil, err
	}
	return &Brokers{kafka.Roll{Admin: admin, Brokers: k.Brokers, AllowUnderReplicated: allowUnderReplicated, Warn: warn}, s}, nil
}

// Close ends the connections.
func (b *Brokers) Close() error { return b.Admin.Close() }

// Before also waits for reassignments to end, which copy from the brokers, and
// for a broker that loads its logs: a restart would have it begin again.
func (b *Brokers) Before(ctx context.Context, machine string) error {
	if err := b.Settled(ctx); err != nil {
		return err
	}
	v, err := b.Admin.View(ctx)
	if err != nil {
		return err
	}
	if _, registered := v.Brokers[b.Brokers[machine]]; !registered {
		p, err := Look(ctx, b.session, machine, b.session.Cluster.Kafka.Unit)
		if err == nil && p.Runs() && p.Recovering() != "" {
			return fmt.Errorf("its broker loads its logs: %s", p.Recovering())
		}
	}
	return b.Roll.Before(ctx, machine)
}

// Settled fails while replicas are being moved.
func (b *Brokers) Settled(ctx context.Context) error {
	moving, err := b.Admin.Reassigning(ctx)
	if err == nil && len(moving) > 0 {
		err = fmt.Errorf("replicas are being moved: %s", strings.Join(moving, ", "))
	}
	return err
}

// Healthy gives partitions back to their preferred leaders, and holds once each
// has its own.
func (b *Brokers) Healthy(ctx context.Context) error {
	if err := b.Finish(ctx); err != nil {
		return err
	}
	v, err := b.Admin.View(ctx)
	if err != nil {
		return err
	}
	var f health.Findings
	for topic, partitions := range v.Unpreferred() {
		f.Add("topic "+topic, "preferred leaders", "partitions %v have others", partitions)
	}
	return f.Err()
}

// Members are the gates of the session's ensemble, each member asked from its
// own machine.
func Members(s *connect.Session) zookeeper.Ensemble {
	e := zookeeper.Ensemble{ClientPort: s.Cluster.ZooKeeper.ClientPort, Dialer: func(machine string) remote.Dialer { return s.On(machine) }}
	for _, m := range s.Cluster.Machines {
		if id, ok := s.Cluster.ZooKeeper.Members[m.Name]; ok {
			e.Members = append(e.Members, zookeeper.Member{Machine: m.Name, ID: id, Address: m.Address})
		}
	}
	return e
}

// watched ends the wait for a server that does not come back: its gate would
// only say what the cluster misses, until patience is over.
type watched struct {
	fleet.Guard
	session *connect.Session
	unit    string
}

func (w watched) After(ctx context.Context, machine string) error {
	err := w.Guard.After(ctx, machine)
	if err == nil {
		return nil
	}
	p, unseen := Look(ctx, w.session, machine, w.unit)
	if unseen == nil {
		p.Words = p.Words[max(0, len(p.Words)-wordsShown):]
		if why := p.Fallen(); why != "" {
			return backoff.Permanent(fmt.Errorf("it does not come back: %s", why))
		}
	}
	return err
}

// order is the guard's order of the moment, or, where the cluster does not tell
// it, that of names with the reason.
func order(ctx context.Context, g fleet.Guard, pending []string) ([]rollout.Turn, error) {
	turns, err := g.Order(ctx, pending)
	if err != nil {
		turns = nil
		for _, m := range pending {
			turns = append(turns, rollout.Turn{Machine: m})
		}
		return turns, errors.Join(errors.New("the cluster does not tell its order"), err)
	}
	return turns, nil
}
