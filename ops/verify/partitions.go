package verify

import (
	"context"
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
	// partitionsLimit is above two rounds of brokers that do not answer (6 s each).
	partitionsLimit = 18 * time.Second
	// partitionsSettle is how long a replica of a topic just created, ours included,
	// may take to come into sync.
	partitionsSettle = 5 * time.Second
	// named is how many partitions a message names; a lost broker makes hundreds.
	named = 5
	// internalReplicas is the replication factor of Kafka's own topics, where there
	// are as many brokers.
	internalReplicas = 3
)

// checkPartitions: every partition, internal topics included, has a leader and all
// its replicas in sync, and Kafka's own topics have as many as they should.
func checkPartitions(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for a broker to describe the partitions")
	var topics []status.Topic
	r.fail(settle(ctx, partitionsSettle, func(from time.Time) []Finding {
		a, err := c.heard(ctx, from)
		if err != nil {
			return []Finding{noBroker(c.cluster, err)}
		}
		topics = a.topics
		s, err := c.settings(ctx, from, a)
		if err != nil {
			return []Finding{noBroker(c.cluster, err)}
		}
		return slices.Concat(judgeReplicas(c.cluster, topics), judgeMinISR(c.cluster, topics, s), judgeInternal(c.cluster, topics))
	})...)
	partitions, internal := 0, 0
	for _, t := range topics {
		partitions += len(t.Partitions)
		if t.Internal {
			internal++
			r.note("%s: %d partitions, replication factor %d", t.Name, len(t.Partitions), t.ReplicationFactor)
		}
	}
	r.on(brokerMachines(c.cluster)...)
	r.sum("%d partitions of %d topics, %d internal, led and in sync", partitions, len(topics), internal)
}

// names are those of the topics that exist.
func names(topics []status.Topic) (all []string) {
	for _, t := range topics {
		if t.Exists {
			all = append(all, t.Name)
		}
	}
	return all
}

// judgeReplicas groups by broker: that is where something is to be done.
func judgeReplicas(c inventory.Cluster, topics []status.Topic) []Finding {
	missing, offline := map[int32][]string{}, map[int32][]string{} // broker to partitions
	var f []Finding
	for _, t := range topics {
		for _, p := range t.Partitions {
			name := fmt.Sprintf("%s-%d", t.Name, p.ID)
			for _, b := range p.Missing() {
				if slices.Contains(p.Offline, b) {
					offline[b] = append(offline[b], name)
				} else {
					missing[b] = append(missing[b], name)
				}
			}
			if p.Leader < 0 {
				f = append(f, Finding{
					Machine: machinesOf(c, p.Replicas), Found: "partition " + name + " has no leader: nobody can write or read it",
					Expected: fmt.Sprintf("a leader among brokers %v", p.Replicas), Next: describe(c, t.Name),
				})
			}
		}
	}
	for _, of := range []struct {
		is    string
		where map[int32][]string
	}{{"offline", offline}, {"not in sync", missing}} {
		for _, id := range slices.Sorted(maps.Keys(of.where)) {
			f = append(f, Finding{
				Machine: machinesOf(c, []int32{id}), Found: fmt.Sprintf("broker %d is %s for %s", id, of.is, few(of.where[id])),
				Expected: "all replicas in sync", Next: kafkaLog(c, id),
			})
		}
	}
	return f
}

// judgeMinISR finds partitions that refuse acknowledged writes, on the machines of
// the replicas that are missing.
func judgeMinISR(c inventory.Cluster, topics []status.Topic, s settings) (f []Finding) {
	version := kafka.Assume(c.Kafka.Version)
	for _, t := range topics {
		var under []string
		var missing []int32
		want := 0
		for _, p := range t.Partitions {
			if needed := version.InSync(s.topics[t.Name].minISR(), len(p.Replicas)); len(p.ISR) < needed && p.Leader >= 0 {
				want = max(want, needed)
				under = append(under, fmt.Sprintf("%s-%d", t.Name, p.ID))
				missing = append(missing, p.Missing()...)
			}
		}
		if len(under) == 0 {
			continue
		}
		where := strings.Join(brokerMachines(c), ", ")
		if slices.Sort(missing); len(missing) > 0 {
			where = machinesOf(c, slices.Compact(missing))
		}
		f = append(f, Finding{
			Machine: where, Found: few(under) + " refuse writes that all replicas must acknowledge: too few are in sync",
			Expected: fmt.Sprintf("at least %d in sync (%s)", want, minISRSetting), Next: describe(c, t.Name),
		})
	}
	return f
}

// judgeInternal: offsets and transactions are lost with the one broker that keeps
// them, where Kafka made its topics while there was but one.
func judgeInternal(c inventory.Cluster, topics []status.Topic) (f []Finding) {
	want := min(internalReplicas, len(c.Kafka.Brokers))
	for _, t := range topics {
		if t.Internal && len(t.Partitions) > 0 && t.ReplicationFactor < want {
			f = append(f, Finding{
				Machine: strings.Join(brokerMachines(c), ", "), Found: fmt.Sprintf("topic %s has partitions with %d replicas", t.Name, t.ReplicationFactor),
				Expected: fmt.Sprintf("replication factor %d", want), Next: describe(c, t.Name),
			})
		}
	}
	return f
}

// few counts partitions and names the first ones.
func few(names []string) string {
	if len(names) == 1 {
		return "partition " + names[0]
	}
	more := ""
	if len(names) > named {
		more = ", ..."
	}
	return fmt.Sprintf("%d partitions (%s%s)", len(names), strings.Join(names[:min(named, len(names))], ", "), more)
}

// machinesOf names the machines of brokers; one that is not declared goes by its id.
func machinesOf(c inventory.Cluster, ids []int32) string {
	var names []string
	for _, id := range ids {
		name := brokerMachine(c, id)
		if name == "" {
			name = fmt.Sprintf("broker %d", id)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// describe is the command that shows a topic, on the first broker's machine.
func describe(c inventory.Cluster, topic string) string {
	return onBroker(c, connect.Tool(c, "kafka-topics.sh", "--describe", "--topic", topic))
}

// onBroker is a command on the first broker's machine.
func onBroker(c inventory.Cluster, command string) string {
	m, err := c.Machine(brokerMachines(c)[0])
	if err != nil {
		return "ops status"
	}
	return sshTo(m, command)
}
