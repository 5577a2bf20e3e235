package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// load is a producer at work while a cluster is changed: numbered messages at a
// steady rate, acknowledged by all in-sync replicas, idempotent.
type load struct {
	topic    string
	producer sarama.AsyncProducer
	config   *sarama.Config
	brokers  []string
	stop     context.CancelFunc
	sent     int
	done     sync.WaitGroup

	mu     sync.Mutex
	acked  map[int]bool
	failed []error
}

const (
	// loadRate is messages per second.
	loadRate = 500
	// loadPatience bounds the creation of the load's topic and the reading of it.
	loadPatience = time.Minute
)

// startLoad makes the topic and begins to send.
func startLoad(t *testing.T, topic string, brokers []string) *load {
	t.Helper()
	l := &load{topic: topic, brokers: brokers, config: loadConfig(), acked: map[int]bool{}}
	admin, err := sarama.NewClusterAdmin(brokers, l.config)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	inSync := "2"
	err = admin.CreateTopic(topic, &sarama.TopicDetail{
		NumPartitions: 3, ReplicationFactor: 3, ConfigEntries: map[string]*string{"min.insync.replicas": &inSync},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	if l.producer, err = sarama.NewAsyncProducer(brokers, l.config); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	l.stop = stop
	l.done.Go(func() { l.send(ctx) })
	l.done.Go(l.count)
	l.done.Go(l.complain)
	t.Cleanup(func() {
		stop()
		if admin, err := sarama.NewClusterAdmin(brokers, l.config); err == nil {
			_ = admin.DeleteTopic(topic)
			_ = admin.Close()
		}
	})
	return l
}

func loadConfig() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_9_2_0
	c.Metadata.AllowAutoTopicCreation = false
	c.Producer.RequiredAcks, c.Producer.Idempotent = sarama.WaitForAll, true
	c.Producer.Return.Successes, c.Producer.Return.Errors = true, true
	c.Producer.Partitioner = sarama.NewRoundRobinPartitioner
	c.Net.MaxOpenRequests = 1
	// A broker that dies is missed after its session of 18 s at the latest.
	c.Producer.Retry.Max, c.Producer.Retry.Backoff = 600, 100*time.Millisecond
	return c
}

func (l *load) send(ctx context.Context) {
	tick := time.NewTicker(time.Second / loadRate)
	defer tick.Stop()
	defer l.producer.AsyncClose()
	for {
		select {
		case <-ctx.Done():
			l.settle()
			return
		case <-tick.C:
			l.producer.Input() <- &sarama.ProducerMessage{Topic: l.topic, Value: sarama.StringEncoder(strconv.Itoa(l.sent)), Metadata: l.sent}
			l.sent++
		}
	}
}

// settle waits until it is known what became of all that was sent: the library
// fails what it has to send again once it is told to end.
func (l *load) settle() {
	for deadline := time.Now().Add(loadPatience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		l.mu.Lock()
		known := len(l.acked) + len(l.failed)
		l.mu.Unlock()
		if known == l.sent {
			return
		}
	}
}

func (l *load) count() {
	for m := range l.producer.Successes() {
		l.mu.Lock()
		l.acked[m.Metadata.(int)] = true
		l.mu.Unlock()
	}
}

func (l *load) complain() {
	for err := range l.producer.Errors() {
		l.mu.Lock()
		l.failed = append(l.failed, err)
		l.mu.Unlock()
	}
}

// finish ends the load and counts, from the topic's first offset: each message
// was acknowledged, is there, and is there once.
func (l *load) finish(t *testing.T) {
	t.Helper()
	l.stop()
	l.done.Wait()
	if len(l.failed) > 0 {
		t.Errorf("%d of %d messages failed, the first one: %v", len(l.failed), l.sent, l.failed[0])
	}
	if len(l.acked) != l.sent {
		t.Errorf("%d of %d messages were acknowledged", len(l.acked), l.sent)
	}
	found, disordered, err := l.read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost, twice := 0, 0
	for seq := range l.acked {
		switch found[seq] {
		case 0:
			lost++
		case 1:
		default:
			twice++
		}
	}
	if lost+twice+disordered > 0 {
		t.Errorf("of %d messages %d are lost, %d are there more than once, %d are out of order", l.sent, lost, twice, disordered)
	}
	if l.sent < loadRate {
		t.Errorf("only %d messages were sent: that proves nothing", l.sent)
	}
	t.Logf("%d messages acknowledged and read back once, in order", len(found))
}

// read counts how often each message is on the topic, and how many follow a
// later one of their partition.
func (l *load) read(ctx context.Context) (found map[int]int, disordered int, err error) {
	ctx, cancel := context.WithTimeout(ctx, loadPatience)
	defer cancel()
	client, err := sarama.NewClient(l.brokers, l.config)
	if err != nil {
		return nil, 0, err
	}
	defer client.Close()
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return nil, 0, err
	}
	defer consumer.Close()
	found = map[int]int{}
	for partition := range int32(3) {
		n, err := l.readPartition(ctx, client, consumer, partition, found)
		if err != nil {
			return nil, 0, err
		}
		disordered += n
	}
	return found, disordered, nil
}

func (l *load) readPartition(ctx context.Context, client sarama.Client, consumer sarama.Consumer, partition int32, found map[int]int) (disordered int, err error) {
	end, err := client.GetOffset(l.topic, partition, sarama.OffsetNewest)
	if err != nil || end == 0 {
		return 0, err
	}
	pc, err := consumer.ConsumePartition(l.topic, partition, sarama.OffsetOldest)
	if err != nil {
		return 0, err
	}
	defer pc.Close()
	for last := -1; ; {
		select {
		case m := <-pc.Messages():
			seq, err := strconv.Atoi(string(m.Value))
			if err != nil {
				return 0, err
			}
			if seq < last {
				disordered++
			}
			last = seq
			found[seq]++
			if m.Offset == end-1 {
				return disordered, nil
			}
		case <-ctx.Done():
			return 0, fmt.Errorf("partition %d of %s was not read to offset %d within %s", partition, l.topic, end, loadPatience)
		}
	}
}

// unpreferred are the partitions that another broker leads than the first of
// their replicas.
func unpreferred(t *testing.T, brokers []string) []string {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(brokers, loadConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	topics, err := admin.ListTopics()
	if err != nil {
		t.Fatal(err)
	}
	described, err := admin.DescribeTopics(slices.Collect(maps.Keys(topics)))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, topic := range described {
		for _, p := range topic.Partitions {
			if len(p.Replicas) > 0 && p.Leader != p.Replicas[0] {
				all = append(all, fmt.Sprintf("%s-%d", topic.Name, p.ID))
			}
		}
	}
	slices.Sort(all)
	return all
}
