package kafka

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"weir/provision/health"
)

// View is what the cluster's metadata said at one moment: a plain value, on
// which every judgement is made.
type View struct {
	// ClusterID is Kafka's own; empty before 0.10.1.
	ClusterID string `json:"clusterId,omitempty"`
	// Controller is the active controller's broker id, -1 where there is none.
	// With KRaft it is just some broker.
	Controller int32 `json:"controller"`
	// Brokers are the registered brokers' addresses, host:port, by id.
	Brokers map[int32]string `json:"brokers"`
	// Partitions are those of all topics, internal ones included, by topic and id.
	Partitions []Partition `json:"partitions"`
}

// Partition is one partition and who keeps it.
type Partition struct {
	Topic string `json:"topic"`
	ID    int32  `json:"id"`
	// Leader is -1 where there is none.
	Leader int32 `json:"leader"`
	// Replicas are all that should keep it, the preferred leader first.
	Replicas []int32 `json:"replicas"`
	// ISR are the replicas in sync.
	ISR []int32 `json:"isr"`
	// MinISR is how many must be in sync for an acks=all write: see [Version.InSync].
	MinISR int `json:"minIsr"`
}

func (p Partition) String() string { return fmt.Sprintf("%s-%d", p.Topic, p.ID) }

// Offline says that the partition has no leader: nobody can use it.
func (p Partition) Offline() bool { return p.Leader < 0 }

// UnderReplicated says that a replica is missing or lags.
func (p Partition) UnderReplicated() bool { return len(p.ISR) < len(p.Replicas) }

// UnderMinISR says that an acks=all write is refused.
func (p Partition) UnderMinISR() bool { return len(p.ISR) < p.MinISR }

// Preferred says that the leader is the one that the assignment meant.
func (p Partition) Preferred() bool {
	return len(p.Replicas) > 0 && p.Leader == p.Replicas[0]
}

// With returns the partitions for which the condition holds, in order:
// v.With(Partition.UnderReplicated).
func (v View) With(condition func(Partition) bool) []Partition {
	var out []Partition
	for _, p := range v.Partitions {
		if condition(p) {
			out = append(out, p)
		}
	}
	return out
}

// Of returns the partitions of one topic, in order.
func (v View) Of(topic string) []Partition {
	return v.With(func(p Partition) bool { return p.Topic == topic })
}

// CheckBrokers compares the registered brokers with those that should be,
// id to machine name.
func (v View) CheckBrokers(want map[int32]string) health.Findings {
	var f health.Findings
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if _, ok := v.Brokers[id]; !ok {
			f.Add(fmt.Sprintf("broker %d on %s", id, want[id]), "registered in the cluster", "missing")
		}
	}
	for _, id := range slices.Sorted(maps.Keys(v.Brokers)) {
		if _, ok := want[id]; !ok {
			f.Add(fmt.Sprintf("broker %d at %s", id, v.Brokers[id]), "only declared brokers", "registered, not declared")
		}
	}
	if _, ok := v.Brokers[v.Controller]; !ok {
		f.Add("controller", "a registered broker", "broker %d", v.Controller)
	}
	return f
}

// CheckPartitions finds partitions that are offline, under their minimum of
// in-sync replicas or under-replicated: each is named once, by the worst.
func (v View) CheckPartitions() health.Findings {
	var f health.Findings
	for _, p := range v.Partitions {
		switch {
		case p.Offline():
			f.Add("partition "+p.String(), "a leader", "none; in sync %s of %s", ids(p.ISR), ids(p.Replicas))
		case p.UnderMinISR():
			f.Add("partition "+p.String(), fmt.Sprintf("at least %d in sync", p.MinISR), "in sync %s of %s", ids(p.ISR), ids(p.Replicas))
		case p.UnderReplicated():
			f.Add("partition "+p.String(), "all replicas in sync", "in sync %s of %s", ids(p.ISR), ids(p.Replicas))
		}
	}
	return f
}

// CanStop says whether broker may be stopped without refusing an acknowledged
// write (Strimzi's canRoll): block is what speaks against it. A partition that
// has no more replicas than it needs in sync cannot be spared: it is warned of
// and does not block, else it would for ever.
func (v View) CanStop(broker int32) (warn, block health.Findings) {
	for _, p := range v.Partitions {
		if !slices.Contains(p.Replicas, broker) {
			continue
		}
		subject := "partition " + p.String()
		switch {
		case len(p.Replicas) <= p.MinISR || len(p.Replicas) == 1:
			warn.Add(subject, "", "has %d replicas and needs %d in sync: it refuses writes while broker %d is away", len(p.Replicas), p.MinISR, broker)
		case p.UnderMinISR():
			block.Add(subject, fmt.Sprintf("at least %d in sync", p.MinISR), "in sync %s", ids(p.ISR))
		case slices.Contains(p.ISR, broker) && (len(p.ISR) == p.MinISR || len(p.ISR) == 1):
			block.Add(subject, fmt.Sprintf("more than %d in sync before broker %d stops", max(1, p.MinISR), broker), "in sync %s", ids(p.ISR))
		}
	}
	return warn, block
}

// Unpreferred returns the partitions that another broker than the preferred
// one leads although that one is in sync: what an election would move.
func (v View) Unpreferred() map[string][]int32 {
	out := map[string][]int32{}
	for _, p := range v.Partitions {
		if !p.Preferred() && len(p.Replicas) > 0 && slices.Contains(p.ISR, p.Replicas[0]) {
			out[p.Topic] = append(out[p.Topic], p.ID)
		}
	}
	return out
}

func (v *View) sort() {
	slices.SortFunc(v.Partitions, func(a, b Partition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
}

// ids writes broker ids sorted: "[1 2 3]".
func ids(list []int32) string {
	list = slices.Clone(list)
	slices.Sort(list)
	return fmt.Sprint(list)
}
