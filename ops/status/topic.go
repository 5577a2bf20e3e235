package status

import (
	"cmp"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"weir/provision/inventory"
)

// Topic is a topic that exists or is declared.
type Topic struct {
	Name string `json:"name"`
	// Declared says that the inventory lists it; Exists that the cluster does.
	Declared bool `json:"declared"`
	Exists   bool `json:"exists"`
	// Internal says that Kafka made it for itself.
	Internal bool   `json:"internal"`
	Error    string `json:"error,omitempty"`
	// ReplicationFactor is the smallest of its partitions.
	ReplicationFactor int         `json:"replicationFactor"`
	UnderReplicated   int         `json:"underReplicated"`
	Leaderless        int         `json:"leaderless"`
	Partitions        []Partition `json:"partitions"`
}

// Partition is one partition and who keeps it.
type Partition struct {
	ID int32 `json:"id"`
	// Leader is -1 where there is none.
	Leader   int32   `json:"leader"`
	Replicas []int32 `json:"replicas"`
	ISR      []int32 `json:"isr"`
	// Offline are replicas whose broker, or whose disk, is gone.
	Offline []int32 `json:"offline,omitempty"`
}

// Missing are the replicas that are not in sync, in the order of Replicas.
func (p Partition) Missing() []int32 {
	var missing []int32
	for _, r := range p.Replicas {
		if !slices.Contains(p.ISR, r) {
			missing = append(missing, r)
		}
	}
	return missing
}

// topicsOf joins what is declared with what a broker said, by name; a nil view
// knows no topic.
func topicsOf(declared []inventory.Topic, view *sarama.MetadataResponse) []Topic {
	byName := map[string]Topic{}
	if view != nil {
		for _, t := range view.Topics {
			byName[t.Name] = topicOf(t)
		}
	}
	for _, d := range declared {
		t, ok := byName[d.Name]
		if !ok {
			t = Topic{Name: d.Name, Partitions: []Partition{}}
		}
		t.Declared = true
		byName[d.Name] = t
	}
	topics := make([]Topic, 0, len(byName))
	for _, t := range byName {
		topics = append(topics, t)
	}
	slices.SortFunc(topics, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	return topics
}

func topicOf(m *sarama.TopicMetadata) Topic {
	t := Topic{Name: m.Name, Exists: true, Internal: m.IsInternal, Partitions: []Partition{}}
	if m.Err != sarama.ErrNoError && m.Err != sarama.ErrLeaderNotAvailable {
		t.Error = m.Err.Error()
	}
	for i, p := range m.Partitions {
		one := Partition{ID: p.ID, Leader: p.Leader, Replicas: p.Replicas, ISR: slices.Clone(p.Isr), Offline: p.OfflineReplicas}
		slices.Sort(one.ISR)
		t.Partitions = append(t.Partitions, one)
		if i == 0 || len(p.Replicas) < t.ReplicationFactor {
			t.ReplicationFactor = len(p.Replicas)
		}
		if p.Leader < 0 {
			t.Leaderless++
		}
		if len(one.Missing()) > 0 {
			t.UnderReplicated++
		}
	}
	slices.SortFunc(t.Partitions, func(a, b Partition) int { return cmp.Compare(a.ID, b.ID) })
	return t
}
