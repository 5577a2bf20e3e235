package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/provision/inventory"
	"weir/provision/kafka"
)

const (
	// ProbeTopic is verify's own topic. It is made by the first run and kept: a
	// topic that comes and goes is work for the controller each time.
	ProbeTopic = "weir-verify"
	// probeRetention is how long its messages are kept, and how long a segment
	// stays open: only closed segments are removed.
	probeRetention = 10 * time.Minute
	// probeReplicas is the replication factor, where there are as many brokers.
	probeReplicas = 3
	// topicReady bounds the wait until every partition of it has a leader: a
	// cluster that was just started on busy machines took 5 s.
	topicReady = 15 * time.Second
	// topicPoll is how often it is looked at meanwhile.
	topicPoll = 100 * time.Millisecond
)

// probeTopic is the probe topic as this run found or made it.
type probeTopic struct {
	// leaders are the leaders' broker ids by partition; replicas are all that keep it.
	leaders  map[int32]int32
	replicas map[int32][]int32
	err      error
}

// probeTopicFor has a check wait for the topic, and fail where it does not come.
func (c *subject) probeTopicFor(ctx context.Context, r *record) (topic probeTopic, ok bool) {
	r.doing("waiting for the probe topic")
	if topic = c.probeTopicReady(ctx); topic.err != nil {
		r.fail(c.unprobed(topic.err))
		return topic, false
	}
	return topic, true
}

// probeTopicReady makes sure that the topic exists, that it has a partition for
// each broker, and that every broker that can leads one. All checks share it.
func (c *subject) probeTopicReady(ctx context.Context) probeTopic {
	topic, err := c.probe.since(ctx, time.Time{}, func() (t probeTopic) {
		if t.leaders, t.replicas, t.err = c.prepareTopic(c.ctx); t.err == nil {
			c.answered.Store(true)
		}
		return t
	})
	if err != nil {
		return probeTopic{err: fmt.Errorf("topic %s was not there in time: %w", ProbeTopic, err)}
	}
	return topic
}

func (c *subject) prepareTopic(ctx context.Context) (leaders map[int32]int32, replicas map[int32][]int32, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.within(topicReady))
	defer cancel()
	changed := false // one change a run: what it does not bring about is found
	for {
		found, err := c.describeTopic(ctx)
		if err != nil {
			return nil, nil, err
		}
		leaders, moved := leadersOf(found)
		complete := len(found.Partitions) >= len(c.cluster.Kafka.Brokers)
		switch {
		case complete && len(leaders) == len(found.Partitions) && (len(moved) == 0 || changed):
			if !changed || c.spread(ctx, leaders) {
				return leaders, replicasOf(found), nil
			}
		case changed:
		case !complete:
			err = c.makeTopic(ctx, found)
			changed = true
		case len(moved) > 0:
			// Where it fails, a broker is left that leads nothing: that is found.
			_ = c.elect(ctx, moved)
			changed = true
		}
		if err != nil {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, fmt.Errorf("%d of %d partitions of topic %s have a leader after %s",
				len(leaders), len(c.cluster.Kafka.Brokers), ProbeTopic, topicReady)
		case <-time.After(topicPoll):
		}
	}
}

func replicasOf(t *sarama.TopicMetadata) map[int32][]int32 {
	all := map[int32][]int32{}
	for _, p := range t.Partitions {
		all[p.ID] = p.Replicas
	}
	return all
}

// spread says whether every leader knows by itself that it leads: the controller
// tells one broker after the other.
func (c *subject) spread(ctx context.Context, leaders map[int32]int32) bool {
	for partition, leader := range leaders {
		answer, err := c.Metadata(ctx, brokerMachine(c.cluster, leader))
		if err != nil {
			continue // it is found wanting by what is sent through it
		}
		knows := slices.ContainsFunc(answer.Topics, func(t *sarama.TopicMetadata) bool {
			return t.Name == ProbeTopic && slices.ContainsFunc(t.Partitions, func(p *sarama.PartitionMetadata) bool {
				return p.ID == partition && p.Leader == leader
			})
		})
		if !knows {
			return false
		}
	}
	return true
}

// describeTopic returns the topic without partitions where it does not exist.
func (c *subject) describeTopic(ctx context.Context) (*sarama.TopicMetadata, error) {
	answer, err := c.AnyMetadata(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range answer.Topics {
		if t.Name == ProbeTopic {
			return t, nil
		}
	}
	return &sarama.TopicMetadata{Name: ProbeTopic}, nil
}

// leadersOf returns who leads, and the partitions that another broker than the
// preferred one leads although that one is in sync.
func leadersOf(t *sarama.TopicMetadata) (leaders map[int32]int32, moved []int32) {
	leaders = map[int32]int32{}
	for _, p := range t.Partitions {
		if p.Leader < 0 {
			continue
		}
		leaders[p.ID] = p.Leader
		if len(p.Replicas) > 0 && p.Leader != p.Replicas[0] && slices.Contains(p.Isr, p.Replicas[0]) {
			moved = append(moved, p.ID)
		}
	}
	slices.Sort(moved)
	return leaders, moved
}

// makeTopic creates the topic, or gives it partitions for brokers that came later.
func (c *subject) makeTopic(ctx context.Context, found *sarama.TopicMetadata) error {
	if r := c.Registry(); r != nil {
		return c.makeOldTopic(ctx, r, found)
	}
	admin, err := c.Admin(ctx)
	if err != nil {
		return err
	}
	assignment := assign(slices.Sorted(maps.Values(c.cluster.Kafka.Brokers)))
	_, err = connect.Bounded(ctx, func() (struct{}, error) {
		if had := len(found.Partitions); had > 0 {
			return struct{}{}, admin.CreatePartitions(ProbeTopic, int32(len(assignment)), assignment[had:], false)
		}
		return struct{}{}, admin.CreateTopic(ProbeTopic, topicDetail(assignment), false)
	})
	// A controller that is slow to answer goes on all the same; whether it did
	// is what the caller looks at next.
	var slow net.Error
	if err == nil || errors.Is(err, sarama.ErrTopicAlreadyExists) || errors.As(err, &slow) && slow.Timeout() {
		return nil
	}
	return fmt.Errorf("create topic %s with replicas %v: %w", ProbeTopic, assignment, err)
}

// assign gives each broker one partition to lead, followed by the next ones.
func assign(brokers []int32) [][]int32 {
	replicas := min(probeReplicas, len(brokers))
	assignment := make([][]int32, len(brokers))
	for i := range brokers {
		for j := range replicas {
			assignment[i] = append(assignment[i], brokers[(i+j)%len(brokers)])
		}
	}
	return assignment
}

func topicDetail(assignment [][]int32) *sarama.TopicDetail {
	detail := &sarama.TopicDetail{
		// The counts follow from the assignment and must not be said twice.
		NumPartitions: -1, ReplicationFactor: -1,
		ReplicaAssignment: map[int32][]int32{},
		ConfigEntries:     map[string]*string{},
	}
	for k, v := range probeSettings(len(assignment[0]), true) {
		detail.ConfigEntries[k] = &v
	}
	for i, replicas := range assignment {
		detail.ReplicaAssignment[int32(i)] = replicas
	}
	return detail
}

// makeOldTopic does so with Kafka's own tool on a machine.
func (c *subject) makeOldTopic(ctx context.Context, r *kafka.Registry, found *sarama.TopicMetadata) (err error) {
	assignment := assign(slices.Sorted(maps.Values(c.cluster.Kafka.Brokers)))
	if len(found.Partitions) > 0 {
		err = r.Extend(ctx, ProbeTopic, assignment)
	} else {
		err = r.CreateAssigned(ctx, ProbeTopic, assignment, probeSettings(len(assignment[0]), false))
	}
	if errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return nil
	}
	return err
}

// probeSettings are the topic's, with so many replicas; stamped where records have
// a time.
func probeSettings(replicas int, stamped bool) map[string]string {
	milliseconds := strconv.FormatInt(probeRetention.Milliseconds(), 10)
	settings := map[string]string{
		"cleanup.policy": "delete",
		"retention.ms":   milliseconds,
		"segment.ms":     milliseconds,
		// One replica may be away, as in the topics that matter.
		minISRSetting: strconv.Itoa(max(1, replicas-1)),
	}
	if stamped { // by the leader: that is how its clock is seen
		settings["message.timestamp.type"] = "LogAppendTime"
	}
	return settings
}

// mendTopic makes the settings that differ what they should be: those of a topic
// that somebody changed, or that an older weir made.
func (c *subject) mendTopic(ctx context.Context, is topicSettings, replicas int) error {
	entries := map[string]sarama.IncrementalAlterConfigsEntry{}
	for k, v := range probeSettings(replicas, true) {
		if now, told := is.inForce[k]; told && now != v {
			entries[k] = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &v}
		}
	}
	if len(entries) == 0 {
		return nil
	}
	admin, err := c.Admin(ctx)
	if err != nil {
		return err
	}
	_, err = connect.Bounded(ctx, func() (struct{}, error) {
		return struct{}{}, admin.IncrementalAlterConfig(sarama.TopicResource, ProbeTopic, entries, false)
	})
	return err
}

// elect gives partitions of our own topic back to their preferred leaders:
// after a restart the brokers do so by themselves only minutes later.
func (c *subject) elect(ctx context.Context, partitions []int32) error {
	if r := c.Registry(); r != nil {
		return r.Elect(ctx, map[string][]int32{ProbeTopic: partitions})
	}
	ctx, cancel := context.WithTimeout(ctx, c.within(adminLimit))
	defer cancel()
	admin, err := c.Admin(ctx)
	if err != nil {
		return err
	}
	_, err = connect.Bounded(ctx, func() (struct{}, error) {
		_, err := admin.ElectLeaders(sarama.PreferredElection, map[string][]int32{ProbeTopic: partitions})
		return struct{}{}, err
	})
	return err
}

// unprobed says that there is no usable probe topic.
func (c *subject) unprobed(err error) Finding {
	return Finding{
		Machine: strings.Join(brokerMachines(c.cluster), ", "), Found: err.Error(),
		Expected: fmt.Sprintf("topic %s with a partition led by each of %d brokers", ProbeTopic, len(c.cluster.Kafka.Brokers)),
		Next:     describe(c.cluster, ProbeTopic),
	}
}

// has says that brokers of the declared version have a feature; one that weir does
// not know has all.
func has(c inventory.Cluster, f kafka.Feature) bool {
	return kafka.Assume(c.Kafka.Version).Features.Has(f)
}
