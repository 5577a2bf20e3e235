package verify

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
)

const (
	// probeLimit is above a leader that answers nothing (3 s) tried again.
	probeLimit = 20 * time.Second
	// probeMessages is how many go through each leader: enough for a p95, and
	// done within half a second.
	probeMessages = 50
)

// passage is what one partition's messages did.
type passage struct {
	partition, leader int32
	acked             latencies
	tally             *tally
	err               error
}

// checkProbe writes through the leader of every partition of the probe topic,
// acknowledged by all in-sync replicas, reads back and counts. Every declared
// broker must lead one of them.
func checkProbe(ctx context.Context, c *subject, r *record) {
	if c.cluster.Kafka == nil {
		r.skip("the inventory declares no Kafka")
		return
	}
	r.doing("waiting for the probe topic")
	topic := c.probeTopicReady(ctx)
	if topic.err != nil {
		r.fail(c.unprobed(topic.err))
		return
	}
	r.on(brokerMachines(c.cluster)...)
	r.fail(c.leaderless(topic.leaders)...)
	r.doing("writing and reading through the leaders of %s", ProbeTopic)
	passages, err := c.passThrough(ctx, topic.leaders)
	if err != nil {
		r.fail(c.unprobed(err))
		return
	}
	var all latencies
	for _, p := range passages {
		r.fail(c.judgePassage(p)...)
		all = append(all, p.acked...)
	}
	r.note("%d messages through %d leaders, acknowledged by all in-sync replicas: %s", len(all), len(passages), all)
	r.note("lost, duplicated, out of order: counted by reading them back")
}

// leaderless finds declared brokers that lead no partition.
func (c *subject) leaderless(leaders map[int32]int32) []Finding {
	leading := slices.Collect(maps.Values(leaders))
	var f []Finding
	for _, id := range slices.Sorted(maps.Values(c.cluster.Kafka.Brokers)) {
		if slices.Contains(leading, id) {
			continue
		}
		f = append(f, Finding{
			Machine: brokerMachine(c.cluster, id), Found: fmt.Sprintf("broker %d leads no partition of %s", id, ProbeTopic),
			Expected: "every broker in sync and leading at least one", Next: kafkaLog(c.cluster, id),
		})
	}
	return f
}

func (c *subject) passThrough(ctx context.Context, leaders map[int32]int32) ([]passage, error) {
	client, err := c.Client(ctx)
	if err != nil {
		return nil, err
	}
	producer, err := connect.Bounded(ctx, func() (sarama.SyncProducer, error) {
		return sarama.NewSyncProducer(c.cluster.Bootstrap(), probeConfig(c.Config()))
	})
	if err != nil {
		return nil, err
	}
	// Closing waits for what is under way, which limits of its own end.
	defer func() { go producer.Close() }()
	passages := make([]passage, 0, len(leaders))
	for _, partition := range slices.Sorted(maps.Keys(leaders)) {
		passages = append(passages, passage{partition: partition, leader: leaders[partition]})
	}
	var wg sync.WaitGroup
	for i := range passages {
		wg.Go(func() { passages[i].err = passages[i].run(ctx, c.run, client, producer) })
	}
	wg.Wait()
	return passages, nil
}

// probeConfig makes the producer idempotent: a duplicate is then the cluster's.
func probeConfig(config *sarama.Config) *sarama.Config {
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Idempotent = true
	// 3 s: as long as leaders may take to learn that they were elected.
	config.Producer.Retry.Max, config.Producer.Retry.Backoff = 30, 100*time.Millisecond
	config.Net.MaxOpenRequests = 1
	return config
}

// run sends one message after the other, then reads from where it began.
func (p *passage) run(ctx context.Context, run string, client sarama.Client, producer sarama.SyncProducer) error {
	prefix := "probe " + run + " "
	p.tally = newTally(probeMessages)
	from, err := endOffset(ctx, client, ProbeTopic, p.partition)
	if err != nil {
		return err
	}
	to := from
	for seq := range probeMessages {
		message := &sarama.ProducerMessage{
			Topic: ProbeTopic, Partition: p.partition, Value: sarama.StringEncoder(prefix + strconv.Itoa(seq)),
		}
		started := time.Now()
		offset, err := connect.Bounded(ctx, func() (int64, error) {
			_, offset, err := producer.SendMessage(message)
			return offset, err
		})
		if err != nil {
			return fmt.Errorf("message %d of %d was not acknowledged: %w", seq+1, probeMessages, err)
		}
		p.acked = append(p.acked, time.Since(started))
		to = max(to, offset+1)
	}
	return readRange(ctx, client, ProbeTopic, p.partition, from, to, func(m *sarama.ConsumerMessage) {
		if rest, ours := strings.CutPrefix(string(m.Value), prefix); ours {
			if seq, err := strconv.Atoi(rest); err == nil {
				p.tally.add(seq)
			}
		}
	})
}

func (c *subject) judgePassage(p passage) []Finding {
	f := Finding{
		Machine:  brokerMachine(c.cluster, p.leader),
		Expected: fmt.Sprintf("%d messages acknowledged by all in-sync replicas and read back once, in order", probeMessages),
		Next:     kafkaLog(c.cluster, p.leader),
	}
	wrong := ""
	if p.tally != nil {
		wrong = p.tally.wrong()
	}
	switch {
	case p.err != nil:
		f.Found = fmt.Sprintf("partition %s-%d, led by broker %d: %v", ProbeTopic, p.partition, p.leader, p.err)
	case wrong != "":
		f.Found = fmt.Sprintf("partition %s-%d, led by broker %d: %s", ProbeTopic, p.partition, p.leader, wrong)
	default:
		return nil
	}
	return []Finding{f}
}
