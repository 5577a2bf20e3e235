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
	// passLimit bounds the messages of all leaders together: a leader that answers
	// nothing (3 s) is tried three times.
	passLimit = 12 * time.Second
	// sendLimit ends sending where a cluster under load is slow: what was sent by
	// then is judged.
	sendLimit = 6 * time.Second
	// probeMessages is how many go through each leader at most: enough for a p99 of
	// all together, and done within half a second.
	probeMessages = 100
)

// passage is what one partition's messages did.
type passage struct {
	partition, leader int32
	// from is where the partition ended before, to where the last message ends.
	from, to int64
	acked    latencies
	tally    *tally
	// records are what the leader then held in between.
	records []held
	// stamp is the leader's clock.
	stamp offset
	err   error
}

// held is a record as a replica holds it.
type held struct {
	offset int64
	value  string
}

type passing struct {
	passages []passage
	err      error
}

// passages sends messages through every leader of the probe topic and reads them
// back. All checks share them.
func (c *subject) passages(ctx context.Context) ([]passage, error) {
	topic := c.probeTopicReady(ctx)
	if topic.err != nil {
		return nil, topic.err
	}
	p, err := c.passed.since(ctx, time.Time{}, func() (p passing) {
		ctx, cancel := c.bounded(c.ctx, passLimit, "not done after")
		defer cancel()
		p.err = c.mendProbe(ctx, topic)
		if p.err == nil {
			p.passages, p.err = c.passThrough(ctx, topic.leaders)
		}
		return p
	})
	if err == nil {
		err = p.err
	}
	return p.passages, err
}

// mendProbe sees to the topic's settings. A broker that does not tell them is found
// wanting by what is sent through it.
func (c *subject) mendProbe(ctx context.Context, topic probeTopic) error {
	if c.Registry() != nil {
		return nil // such a broker tells no settings
	}
	machine := brokerMachine(c.cluster, topic.leaders[0])
	found, err := c.askBroker(machine, []string{ProbeTopic})
	if err != nil {
		return nil
	}
	return c.mendTopic(ctx, found.topics[ProbeTopic], len(topic.replicas[0]))
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

// probeConfig makes the producer idempotent, where brokers know of that: a duplicate
// is then the cluster's.
func probeConfig(config *sarama.Config) *sarama.Config {
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Producer.Idempotent = config.Version.IsAtLeast(sarama.V0_11_0_0)
	// 3 s: as long as leaders may take to learn that they were elected.
	config.Producer.Retry.Max, config.Producer.Retry.Backoff = 30, 100*time.Millisecond
	config.Net.MaxOpenRequests = 1
	return config
}

// run sends one message after the other, then reads from where it began.
func (p *passage) run(ctx context.Context, run string, client sarama.Client, producer sarama.SyncProducer) error {
	prefix := "probe " + run + " "
	from, err := endOffset(ctx, client, ProbeTopic, p.partition)
	if err != nil {
		return err
	}
	p.from, p.to = from, from
	if err := p.send(ctx, prefix, producer); err != nil {
		return err
	}
	p.tally = newTally(len(p.acked))
	return readRange(ctx, client, ProbeTopic, p.partition, p.from, p.to, func(m *sarama.ConsumerMessage) {
		p.records = append(p.records, held{m.Offset, string(m.Value)})
		if rest, ours := strings.CutPrefix(string(m.Value), prefix); ours {
			if seq, err := strconv.Atoi(rest); err == nil {
				p.tally.add(seq)
			}
		}
	})
}

func (p *passage) send(ctx context.Context, prefix string, producer sarama.SyncProducer) error {
	began := time.Now()
	for seq := 0; seq < probeMessages && time.Since(began) < sendLimit; seq++ {
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
		heard := time.Now()
		p.acked = append(p.acked, heard.Sub(started))
		if offset < p.to {
			return fmt.Errorf("message %d was acknowledged at offset %d, behind which others are already", seq+1, offset)
		}
		p.to = offset + 1
		p.take(message.Timestamp, started, heard)
	}
	return nil
}

// take keeps the most exact look at the leader's clock. Sarama tells a time where
// the broker stamped it, which has milliseconds and no more.
func (p *passage) take(stamped, sent, heard time.Time) {
	if stamped.IsZero() {
		return
	}
	o := offsetOf(stamped, sent, heard)
	o.most += time.Millisecond
	if !p.stamp.known || o.doubt() < p.stamp.doubt() {
		p.stamp = o
	}
}
