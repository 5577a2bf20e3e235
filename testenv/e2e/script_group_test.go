package e2e

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/rogpeppe/go-internal/testscript"
)

// members are consumers that scripts have join a group: they read from the
// beginning and commit what they have read.
type members struct {
	mu sync.Mutex
	of map[string]*groupMember
}

// groupMember is one, until it leaves.
type groupMember struct {
	group sarama.ConsumerGroup
	stop  context.CancelFunc
	done  chan struct{}
	// assigned is closed when it has partitions.
	assigned chan struct{}
	once     sync.Once
}

// join GROUP TOPIC: it has partitions when the command ends.
func (ms *members) join(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 2, "join GROUP TOPIC")
	config := loadConfig()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Interval = 100 * time.Millisecond
	group, err := sarama.NewConsumerGroup(brokers, args[0], config)
	ts.Check(err)
	ctx, stop := context.WithCancel(context.Background())
	m := &groupMember{group: group, stop: stop, done: make(chan struct{}), assigned: make(chan struct{})}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			if err := group.Consume(ctx, args[1:], m); errors.Is(err, sarama.ErrClosedConsumerGroup) {
				return
			}
		}
	}()
	ms.mu.Lock()
	ms.of[args[0]] = m
	ms.mu.Unlock()
	ts.Defer(m.leave)
	select {
	case <-m.assigned:
	case <-time.After(settling):
		ts.Fatalf("waited %s for partitions of %s", settling, args[1])
	}
}

// leave GROUP: what was read is committed, and the group is empty.
func (ms *members) leave(ts *testscript.TestScript, neg bool, args []string) {
	need(ts, neg, args, 1, "leave GROUP")
	ms.mu.Lock()
	m := ms.of[args[0]]
	ms.mu.Unlock()
	if m == nil {
		ts.Fatalf("nobody joined %s", args[0])
	}
	m.leave()
}

func (m *groupMember) leave() {
	m.stop()
	<-m.done
	_ = m.group.Close() // a second time says that it is closed
}

// Setup, Cleanup and ConsumeClaim make it a sarama.ConsumerGroupHandler.
func (m *groupMember) Setup(sarama.ConsumerGroupSession) error {
	m.once.Do(func() { close(m.assigned) })
	return nil
}

func (m *groupMember) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (m *groupMember) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message, open := <-claim.Messages():
			if !open {
				return nil
			}
			s.MarkMessage(message, "")
		case <-s.Context().Done():
			return nil
		}
	}
}
