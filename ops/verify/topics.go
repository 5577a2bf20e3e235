package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/ops/connect"
	"weir/ops/status"
	"weir/provision/inventory"
	"weir/provision/kafka"
)

const (
	// topicsLimit is above two rounds of brokers that do not answer (6 s each).
	topicsLimit = 18 * time.Second
	// topicsSettle is how long an election of leaders may be under way.
	topicsSettle = 4 * time.Second
)

// checkTopics: every declared topic is as declared, its partitions are led by the
// brokers that should, every broker leads some, and no throttle was left behind.
func checkTopics(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for a broker to describe the topics")
	var topics []status.Topic
	var s settings
	r.fail(settle(ctx, topicsSettle, func(from time.Time) []Finding {
		a, err := c.heard(ctx, from)
		if err == nil {
			topics = a.topics
			s, err = c.settings(ctx, from, a)
		}
		if err = errors.Join(err, s.err); err != nil {
			return []Finding{noBroker(c.cluster, err)}
		}
		return judgeTopics(c.cluster, topics, s)
	})...)
	r.on(brokerMachines(c.cluster)...)
	declared, elsewhere := 0, 0
	for _, t := range topics {
		if t.Declared && t.Exists {
			declared++
			r.note("%s: %d partitions, replication factor %d", t.Name, len(t.Partitions), t.ReplicationFactor)
		} else if !t.Declared {
			elsewhere += len(unpreferred(t))
		}
	}
	if elsewhere > 0 {
		r.note("%s of topics that are not declared not led by the broker that is preferred", count(elsewhere, "partition is", "partitions are"))
	}
	for _, topic := range slices.Sorted(maps.Keys(s.moving)) {
		r.note("replicas of %s move: partitions %v", topic, s.moving[topic])
	}
	r.sum("%d of %d as declared, led as preferred", declared, len(c.cluster.Topics))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func judgeTopics(c inventory.Cluster, topics []status.Topic, s settings) []Finding {
	declared := map[string]inventory.Topic{}
	for _, t := range c.Topics {
		declared[t.Name] = t
	}
	everywhere := strings.Join(brokerMachines(c), ", ")
	var f []Finding
	for _, t := range topics {
		if want, ok := declared[t.Name]; ok {
			f = append(f, judgeDeclared(t, want, everywhere)...)
			if t.Exists {
				f = append(f, judgeConfig(c, want, s.topics[t.Name])...)
				f = append(f, judgeLeaders(c, t)...)
			}
		}
		if t.Error != "" {
			f = append(f, Finding{
				Machine: everywhere, Found: fmt.Sprintf("topic %s: %s", t.Name, t.Error),
				Expected: "a topic that can be used", Next: describe(c, t.Name),
			})
		}
	}
	return append(f, judgeThrottles(c, s)...)
}

func judgeDeclared(t status.Topic, want inventory.Topic, machines string) (f []Finding) {
	switch {
	case !t.Exists:
		return []Finding{{
			Machine: machines, Found: "topic " + t.Name + " does not exist",
			Expected: fmt.Sprintf("%d partitions, replication factor %d", want.Partitions, want.ReplicationFactor), Next: "ops up",
		}}
	case len(t.Partitions) != int(want.Partitions):
		return []Finding{{
			Machine: machines, Found: fmt.Sprintf("topic %s has %d partitions", t.Name, len(t.Partitions)),
			Expected: fmt.Sprintf("%d partitions", want.Partitions), Next: "ops up",
		}}
	}
	for _, p := range t.Partitions {
		if len(p.Replicas) != int(want.ReplicationFactor) {
			f = append(f, Finding{
				Machine: machines, Found: fmt.Sprintf("partition %s-%d has %d replicas", t.Name, p.ID, len(p.Replicas)),
				Expected: fmt.Sprintf("replication factor %d", want.ReplicationFactor), Next: "ops preview",
			})
		}
	}
	return f
}

// judgeConfig compares the topic's own settings with those declared; one that
// nobody declared counts as much as one that differs.
func judgeConfig(c inventory.Cluster, want inventory.Topic, is topicSettings) (f []Finding) {
	if len(is.inForce) == 0 {
		return nil // a version that does not tell
	}
	everywhere := strings.Join(brokerMachines(c), ", ")
	add := func(expected, found string) {
		f = append(f, Finding{Machine: everywhere, Found: "topic " + want.Name + ": " + word(found), Expected: expected, Next: "ops up"})
	}
	change := kafka.Compare(
		kafka.Topic{Name: want.Name, Config: want.Config}, kafka.Topic{Name: want.Name, Config: is.own},
	)
	for _, k := range slices.Sorted(maps.Keys(change.Set)) {
		add(k+"="+change.Set[k], k+"="+is.inForce[k])
	}
	for _, k := range change.Unset {
		add(k+" at the brokers' default", k+"="+is.own[k])
	}
	if _, declared := want.Config[uncleanSetting]; !declared && is.own[uncleanSetting] == "" && is.inForce[uncleanSetting] == "true" {
		add(uncleanSetting+"=false, as a replica that lags would lose messages", uncleanSetting+"=true")
	}
	if _, declared := want.Config[minISRSetting]; !declared && is.own[minISRSetting] == "" && c.Kafka.MinInsyncReplicas > 0 && is.minISR() != c.Kafka.MinInsyncReplicas {
		add(fmt.Sprintf("%s=%d, the brokers' default as declared", minISRSetting, c.Kafka.MinInsyncReplicas), minISRSetting+"="+is.inForce[minISRSetting])
	}
	return f
}

// judgeLeaders: partitions are led by the first of their replicas, so that the
// work is spread as the assignment meant, and no broker is without any.
func judgeLeaders(c inventory.Cluster, t status.Topic) (f []Finding) {
	away := map[int32][]string{}
	for _, p := range unpreferred(t) {
		away[p.Replicas[0]] = append(away[p.Replicas[0]], fmt.Sprintf("%s-%d", t.Name, p.ID))
	}
	for _, id := range slices.Sorted(maps.Keys(away)) {
		f = append(f, Finding{
			Machine: machinesOf(c, []int32{id}), Found: fmt.Sprintf("broker %d does not lead %s, as it should", id, few(away[id])),
			Expected: "the first of the replicas leads",
			Next:     onBroker(c, connect.Tool(c, "kafka-leader-election.sh", "--election-type", "preferred", "--all-topic-partitions")),
		})
	}
	if len(t.Partitions) < len(c.Kafka.Brokers) {
		return f
	}
	first := map[int32]bool{}
	for _, p := range t.Partitions {
		if len(p.Replicas) > 0 {
			first[p.Replicas[0]] = true
		}
	}
	for _, id := range slices.Sorted(maps.Values(c.Kafka.Brokers)) {
		if !first[id] {
			f = append(f, Finding{
				Machine: brokerMachine(c, id), Found: fmt.Sprintf("broker %d is meant to lead no partition of %s", id, t.Name),
				Expected: fmt.Sprintf("every one of %d brokers leads at least one of %d partitions", len(c.Kafka.Brokers), len(t.Partitions)),
				Next:     describe(c, t.Name),
			})
		}
	}
	return f
}

// unpreferred are the partitions that another broker leads than the first of the
// replicas, although they have a leader.
func unpreferred(t status.Topic) (all []status.Partition) {
	for _, p := range t.Partitions {
		if p.Leader >= 0 && len(p.Replicas) > 0 && p.Leader != p.Replicas[0] {
			all = append(all, p)
		}
	}
	return all
}

// judgeThrottles finds throttles where nothing moves.
func judgeThrottles(c inventory.Cluster, s settings) (f []Finding) {
	if len(s.moving) > 0 {
		return nil // they belong to that
	}
	const expected = "none, as no replica moves"
	for _, topic := range slices.Sorted(maps.Keys(s.topics)) {
		for _, k := range topicThrottles {
			if value := s.topics[topic].inForce[k]; value != "" {
				f = append(f, Finding{
					Machine: strings.Join(brokerMachines(c), ", "), Found: fmt.Sprintf("topic %s: a throttle was left, %s=%s", topic, k, word(value)), Expected: expected,
					Next: onBroker(c, connect.Tool(c, "kafka-configs.sh", "--alter", "--entity-type", "topics", "--entity-name", topic, "--delete-config", k)),
				})
			}
		}
	}
	for _, machine := range slices.Sorted(maps.Keys(s.throttled)) {
		for _, setting := range s.throttled[machine] {
			name, _, _ := strings.Cut(setting, "=")
			f = append(f, Finding{
				Machine: machine, Found: fmt.Sprintf("broker %d: a throttle was left, %s", c.Kafka.Brokers[machine], setting), Expected: expected,
				Next: onBroker(c, connect.Tool(c, "kafka-configs.sh", "--alter", "--entity-type", "brokers",
					"--entity-name", fmt.Sprint(c.Kafka.Brokers[machine]), "--delete-config", name)),
			})
		}
	}
	return f
}
