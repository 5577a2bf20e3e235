package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/ops/status"
	"weir/provision/inventory"
)

const (
	// topicsLimit is above two rounds of brokers that do not answer (6 s).
	topicsLimit = 14 * time.Second
	// topicsSettle is how long a replica of a topic just created, ours included,
	// may take to come into sync.
	topicsSettle = 4 * time.Second
	// named is how many partitions a message names; a lost broker makes hundreds.
	named = 5
)

// checkTopics: every declared topic exists as declared, and every partition,
// internal topics included, has a leader and all its replicas in sync.
func checkTopics(ctx context.Context, c *subject, r *record) {
	if c.cluster.Kafka == nil {
		r.skip("the inventory declares no Kafka")
		return
	}
	r.doing("waiting for a broker to describe the topics")
	var topics []status.Topic
	r.fail(settle(ctx, topicsSettle, func() []Finding {
		k, found := status.Brokers(ctx, c.Session)
		topics = found
		if err := k.Err(); err != nil {
			return []Finding{noBroker(c.cluster, err)}
		}
		c.answered.Store(true)
		return judgeTopics(c.cluster, topics)
	})...)
	partitions, internal := 0, 0
	for _, t := range topics {
		partitions += len(t.Partitions)
		if t.Internal {
			internal++
		}
		if t.Declared && t.Exists {
			r.note("%s: %d partitions, replication factor %d", t.Name, len(t.Partitions), t.ReplicationFactor)
		}
	}
	r.on(brokerMachines(c.cluster)...)
	r.note("%d topics, %d of them internal, %d partitions", len(topics), internal, partitions)
}

func noBroker(c inventory.Cluster, err error) Finding {
	return Finding{
		Machine: strings.Join(brokerMachines(c), ", "), Found: err.Error(),
		Expected: "at least one broker that answers", Next: "ops status",
	}
}

func judgeTopics(c inventory.Cluster, topics []status.Topic) []Finding {
	declared := map[string]inventory.Topic{}
	for _, t := range c.Topics {
		declared[t.Name] = t
	}
	everywhere := strings.Join(brokerMachines(c), ", ")
	var f []Finding
	for _, t := range topics {
		f = append(f, judgeDeclared(t, declared, everywhere)...)
		if t.Error != "" {
			f = append(f, Finding{
				Machine: everywhere, Found: fmt.Sprintf("topic %s: %s", t.Name, t.Error),
				Expected: "a topic that can be used", Next: describe(c, t.Name),
			})
		}
	}
	return append(f, judgeReplicas(c, topics)...)
}

func judgeDeclared(t status.Topic, declared map[string]inventory.Topic, machines string) []Finding {
	want, ok := declared[t.Name]
	switch {
	case !ok:
		return nil
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
			return []Finding{{
				Machine: machines, Found: fmt.Sprintf("partition %s-%d has %d replicas", t.Name, p.ID, len(p.Replicas)),
				Expected: fmt.Sprintf("replication factor %d", want.ReplicationFactor), Next: "ops preview",
			}}
		}
	}
	return nil
}

// judgeReplicas groups by broker: that is where something is to be done.
func judgeReplicas(c inventory.Cluster, topics []status.Topic) []Finding {
	missing := map[int32][]string{} // broker to partitions
	var f []Finding
	for _, t := range topics {
		for _, p := range t.Partitions {
			name := fmt.Sprintf("%s-%d", t.Name, p.ID)
			for _, b := range p.Missing() {
				missing[b] = append(missing[b], name)
			}
			if p.Leader < 0 {
				f = append(f, Finding{
					Machine: machinesOf(c, p.Replicas), Found: "partition " + name + " has no leader: nobody can write or read it",
					Expected: fmt.Sprintf("a leader among brokers %v", p.Replicas), Next: describe(c, t.Name),
				})
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		f = append(f, Finding{
			Machine: machinesOf(c, []int32{id}), Found: fmt.Sprintf("broker %d is not in sync for %s", id, few(missing[id])),
			Expected: "all replicas in sync", Next: kafkaLog(c, id),
		})
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
	m, err := c.Machine(brokerMachines(c)[0])
	if err != nil {
		return "ops status"
	}
	return sshTo(m, tool(c, "kafka-topics.sh", "--describe", "--topic", topic))
}
