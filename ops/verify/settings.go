package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/status"
	"weir/provision/kafka"
)

// The settings that checks look at.
const (
	minISRSetting  = "min.insync.replicas"
	uncleanSetting = "unclean.leader.election.enable"
)

// throttles are set while replicas move, on topics and on brokers; what is left
// behind slows every broker that catches up.
var (
	topicThrottles  = []string{"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"}
	brokerThrottles = []string{"leader.replication.throttled.rate", "follower.replication.throttled.rate"}
)

// adminLimit bounds what the controller is asked for, which may be the one that does
// not answer; what it would say is not worth a check's whole time.
const adminLimit = 4 * time.Second

// settings are those in force, and the moves of replicas under way.
type settings struct {
	// topics are each topic's settings; of declared ones all, of others what
	// writing needs.
	topics map[string]topicSettings
	// throttled are the brokers' own throttles, by machine.
	throttled map[string][]string
	// moving are the partitions whose replicas move, by topic.
	moving map[string][]int32
	err    error
}

// topicSettings are in force, and those of them that were made for the topic.
type topicSettings struct{ inForce, own map[string]string }

// minISR is how many replicas must be in sync for a write, 0 where it is not known.
func (t topicSettings) minISR() int {
	n, _ := strconv.Atoi(t.inForce[minISRSetting])
	return n
}

// settings asks the brokers that answered for the settings of the topics that they
// told of; a look that began after from will do.
func (c *subject) settings(ctx context.Context, from time.Time, a answers) (settings, error) {
	return c.configs.since(ctx, from, func() settings { return c.askSettings(a) })
}

func (c *subject) askSettings(a answers) settings {
	s := settings{topics: map[string]topicSettings{}, throttled: map[string][]string{}, moving: map[string][]int32{}}
	if !has(c.cluster, kafka.IncrementalConfig) {
		s.askRegistry(c, names(a.topics))
		return s // such a broker tells no settings, or not where they come from
	}
	var mu sync.Mutex
	var failed []error
	var wg sync.WaitGroup
	for _, b := range a.kafka.Brokers {
		if !b.Answers {
			continue
		}
		wg.Go(func() {
			found, err := c.askBroker(b.Machine, names(a.topics))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = append(failed, fmt.Errorf("broker on %s: %w", b.Machine, err))
				return
			}
			if len(found.throttled) > 0 {
				s.throttled[b.Machine] = found.throttled
			}
			maps.Copy(s.topics, found.topics)
		})
	}
	wg.Wait()
	if len(s.topics) == 0 {
		s.err = errors.Join(failed...)
	}
	s.askMoves(c, a.topics)
	return s
}

// askRegistry knows what topics were set to; what is in force by default is what was
// declared.
func (s *settings) askRegistry(c *subject, topics []string) {
	r := c.Registry()
	if r == nil {
		return
	}
	for _, name := range topics {
		t, err := r.Describe(c.ctx, name)
		if err != nil && !errors.Is(err, kafka.ErrNoTopic) {
			s.err = err
			return
		}
		inForce := map[string]string{minISRSetting: strconv.Itoa(c.cluster.Kafka.MinInsyncReplicas)}
		maps.Copy(inForce, t.Config)
		s.topics[name] = topicSettings{inForce: inForce, own: t.Config}
	}
}

type brokerSettings struct {
	topics    map[string]topicSettings
	throttled []string
}

// askBroker asks one broker for its own throttles and for the topics' settings.
func (c *subject) askBroker(machine string, topics []string) (brokerSettings, error) {
	request := &sarama.DescribeConfigsRequest{Version: 2, Resources: []*sarama.ConfigResource{{
		Type: sarama.BrokerResource, Name: fmt.Sprint(c.cluster.Kafka.Brokers[machine]), ConfigNames: brokerThrottles,
	}}}
	for _, topic := range topics {
		r := &sarama.ConfigResource{Type: sarama.TopicResource, Name: topic}
		if !c.declares(topic) && topic != ProbeTopic {
			r.ConfigNames = slices.Concat([]string{minISRSetting}, topicThrottles)
		}
		request.Resources = append(request.Resources, r)
	}
	answer, err := connect.WithBroker(c.ctx, c.Session, machine, func(b *sarama.Broker) (*sarama.DescribeConfigsResponse, error) {
		return b.DescribeConfigs(request)
	})
	out := brokerSettings{topics: map[string]topicSettings{}}
	if err != nil {
		return out, err
	}
	for _, r := range answer.Resources {
		switch {
		case sarama.KError(r.ErrorCode) != sarama.ErrNoError: // a topic that went meanwhile
		case r.Type == sarama.BrokerResource:
			for _, e := range r.Configs {
				if e.Value != "" && e.Source != sarama.SourceDefault && slices.Contains(brokerThrottles, e.Name) {
					out.throttled = append(out.throttled, e.Name+"="+word(e.Value))
				}
			}
		case r.Type == sarama.TopicResource:
			t := topicSettings{inForce: map[string]string{}, own: map[string]string{}}
			for _, e := range r.Configs {
				t.inForce[e.Name] = e.Value
				if e.Source == sarama.SourceTopic {
					t.own[e.Name] = e.Value
				}
			}
			out.topics[r.Name] = t
		}
	}
	return out, nil
}

// askMoves asks which replicas move, of declared topics and of those with throttles.
func (s *settings) askMoves(c *subject, topics []status.Topic) {
	ctx, cancel := context.WithTimeout(c.ctx, c.within(adminLimit))
	defer cancel()
	admin, err := c.Admin(ctx)
	if err != nil {
		return
	}
	for _, t := range topics {
		if !t.Exists || !t.Declared && !s.topics[t.Name].throttled() {
			continue
		}
		var partitions []int32
		for _, p := range t.Partitions {
			partitions = append(partitions, p.ID)
		}
		moves, err := connect.Bounded(ctx, func() (map[string]map[int32]*sarama.PartitionReplicaReassignmentsStatus, error) {
			return admin.ListPartitionReassignments(t.Name, partitions)
		})
		if err == nil && len(moves[t.Name]) > 0 {
			s.moving[t.Name] = slices.Sorted(maps.Keys(moves[t.Name]))
		}
	}
}

func (t topicSettings) throttled() bool {
	return slices.ContainsFunc(topicThrottles, func(k string) bool { return t.inForce[k] != "" })
}

// declares says that the inventory lists a topic.
func (c *subject) declares(topic string) bool {
	for _, t := range c.cluster.Topics {
		if t.Name == topic {
			return true
		}
	}
	return false
}
