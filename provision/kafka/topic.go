package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/IBM/sarama"
)

// ErrNoTopic says that the cluster has no topic of that name.
var ErrNoTopic = errors.New("there is no such topic")

// Topic is a topic as it should be, or as it is.
type Topic struct {
	Name       string `json:"name"`
	Partitions int32  `json:"partitions"`
	// ReplicationFactor is the smallest of its partitions'.
	ReplicationFactor int16 `json:"replicationFactor"`
	// Config are the settings made for this topic; defaults are not among them.
	Config map[string]string `json:"config,omitempty"`
}

// Describe returns a topic as it is; where there is none the error is ErrNoTopic.
func (a *Admin) Describe(ctx context.Context, name string) (Topic, error) {
	if a.registry != nil {
		return a.registry.Describe(ctx, name)
	}
	t := Topic{Name: name, Config: map[string]string{}}
	err := a.do(ctx, "describing topic "+name, func(client sarama.Client, admin sarama.ClusterAdmin) error {
		broker, answer, err := a.metadata(client, admin)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(answer.Topics, func(t *sarama.TopicMetadata) bool { return t.Name == name })
		if i < 0 {
			return ErrNoTopic
		}
		t.count(answer.Topics[i].Partitions)
		settings, err := describeConfigs(broker, sarama.TopicResource, []string{name})
		if err != nil {
			return err
		}
		for _, r := range settings {
			for _, c := range r.Configs {
				if c.Source == sarama.SourceTopic {
					t.Config[c.Name] = c.Value
				}
			}
		}
		return nil
	})
	if err != nil {
		return Topic{}, err
	}
	return t, nil
}

func (t *Topic) count(partitions []*sarama.PartitionMetadata) {
	t.Partitions = int32(len(partitions))
	for i, p := range partitions {
		if n := int16(len(p.Replicas)); i == 0 || n < t.ReplicationFactor {
			t.ReplicationFactor = n
		}
	}
}

// Create makes a topic. One that exists is sarama.ErrTopicAlreadyExists: the
// caller decides whether to adopt it.
func (a *Admin) Create(ctx context.Context, t Topic) error {
	if a.registry != nil {
		return a.registry.create(ctx, t)
	}
	config := make(map[string]*string, len(t.Config))
	for k, v := range t.Config {
		config[k] = &v
	}
	detail := &sarama.TopicDetail{NumPartitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, ConfigEntries: config}
	return a.do(ctx, "creating topic "+t.Name, func(_ sarama.Client, admin sarama.ClusterAdmin) error {
		return admin.CreateTopic(t.Name, detail, false)
	})
}

// Change carries out what Compare found: first the settings, then the partitions.
func (a *Admin) Change(ctx context.Context, name string, c TopicChange) error {
	if a.registry != nil {
		return a.registry.change(ctx, name, c)
	}
	if len(c.Set)+len(c.Unset) > 0 {
		entries := map[string]sarama.IncrementalAlterConfigsEntry{}
		for k, v := range c.Set {
			entries[k] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &v}
		}
		for _, k := range c.Unset {
			entries[k] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationDelete}
		}
		err := a.do(ctx, "changing the settings of topic "+name, func(_ sarama.Client, admin sarama.ClusterAdmin) error {
			return admin.IncrementalAlterConfig(sarama.TopicResource, name, entries, false)
		})
		if err != nil {
			return err
		}
	}
	if c.Partitions == 0 {
		return nil
	}
	return a.do(ctx, fmt.Sprintf("raising topic %s to %d partitions", name, c.Partitions), func(_ sarama.Client, admin sarama.ClusterAdmin) error {
		return admin.CreatePartitions(name, c.Partitions, nil, false)
	})
}

// Delete removes a topic and all of its messages. One that is not there is no error.
func (a *Admin) Delete(ctx context.Context, name string) error {
	if a.registry != nil {
		return a.registry.delete(ctx, name)
	}
	return a.do(ctx, "deleting topic "+name, func(_ sarama.Client, admin sarama.ClusterAdmin) error {
		if err := admin.DeleteTopic(name); !errors.Is(err, sarama.ErrUnknownTopicOrPartition) {
			return err
		}
		return nil
	})
}

// TopicReady is the gate behind a change of a topic: it has the partitions and
// replicas that it should, all in sync.
func (a *Admin) TopicReady(ctx context.Context, t Topic) error {
	v, err := a.View(ctx)
	if err != nil {
		return err
	}
	v.Partitions = v.Of(t.Name)
	if n := len(v.Partitions); n != int(t.Partitions) {
		return fmt.Errorf("topic %s has %d of %d partitions", t.Name, n, t.Partitions)
	}
	return v.CheckPartitions().Err()
}

// TopicChange is what must be done to make a topic what it should be.
type TopicChange struct {
	// Partitions is the number to raise to; 0 leaves it.
	Partitions int32
	// Set are settings to make, Unset those to give back to the default.
	Set   map[string]string
	Unset []string
	// Refused are differences that cannot be removed without moving or losing
	// messages: a person must decide.
	Refused []string
}

// Empty says that nothing is to be done and nothing was refused.
func (c TopicChange) Empty() bool {
	return c.Partitions == 0 && len(c.Set)+len(c.Unset)+len(c.Refused) == 0
}

// throttles are set on a topic while replicas move; they belong to that move.
var throttles = []string{"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"}

// Compare says how to make a topic what it should be.
func Compare(want, is Topic) TopicChange {
	var c TopicChange
	switch {
	case want.Partitions > is.Partitions:
		c.Partitions = want.Partitions
	case want.Partitions < is.Partitions:
		c.Refused = append(c.Refused, fmt.Sprintf(
			"topic %s has %d partitions, declared are %d: Kafka cannot take partitions away; declare %d, or delete the topic with its data and create it anew",
			want.Name, is.Partitions, want.Partitions, is.Partitions))
	}
	if want.ReplicationFactor != is.ReplicationFactor {
		c.Refused = append(c.Refused, fmt.Sprintf(
			"topic %s has replication factor %d, declared is %d: changing it moves data between brokers and is not done here; declare %d, or move its replicas: ops topic reassign %s --replication-factor %d",
			want.Name, is.ReplicationFactor, want.ReplicationFactor, is.ReplicationFactor, want.Name, want.ReplicationFactor))
	}
	for k, v := range want.Config {
		if now, ok := is.Config[k]; !ok || now != v {
			if c.Set == nil {
				c.Set = map[string]string{}
			}
			c.Set[k] = v
		}
	}
	for _, k := range slices.Sorted(maps.Keys(is.Config)) {
		if _, ok := want.Config[k]; !ok && !slices.Contains(throttles, k) {
			c.Unset = append(c.Unset, k)
		}
	}
	return c
}

// Parts tells what is done, in a few words each, in the order of Change.
func (c TopicChange) Parts() []string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(c.Set)) {
		parts = append(parts, "set "+k+"="+c.Set[k])
	}
	for _, k := range c.Unset {
		parts = append(parts, "unset "+k)
	}
	if c.Partitions > 0 {
		parts = append(parts, fmt.Sprintf("raise to %d partitions", c.Partitions))
	}
	return parts
}

// String tells the change in one line, for a person.
func (c TopicChange) String() string { return strings.Join(append(c.Parts(), c.Refused...), "; ") }
