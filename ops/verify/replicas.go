package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/provision/kafka"
)

const (
	// replicasLimit is above the longest wait for the probe that leaves time to read.
	replicasLimit = 25 * time.Second
	// replicaPatience is how long a follower may take to learn that all in-sync
	// replicas have a record: it is told with its next fetch, half a second later.
	replicaPatience = 5 * time.Second
	// replicaPoll is how often it is asked meanwhile.
	replicaPoll = 100 * time.Millisecond
	// replicaBytes bounds one answer; the probe's messages have some 10 KiB.
	replicaBytes = 1 << 20
	// followerFetch is the first version of a fetch that followers answer too
	// (KIP-392, Kafka 2.4).
	followerFetch = 11
)

// checkReplicas: each partition of the probe topic ends where what was sent says,
// without a gap, and each of its replicas holds the same records.
func checkReplicas(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for the probe's messages")
	topic := c.probeTopicReady(ctx)
	passages, err := c.passages(ctx)
	if err != nil {
		r.fail(c.unprobed(err))
		return
	}
	r.on(brokerMachines(c.cluster)...)
	r.doing("reading %s from every replica", ProbeTopic)
	compares := c.replicasAnswer()
	var wg sync.WaitGroup
	copies, records := 0, 0
	for _, p := range passages {
		r.fail(c.judgeEnd(p)...)
		if p.err != nil {
			continue
		}
		records += len(p.records)
		for _, id := range topic.replicas[p.partition] {
			if compares && id != p.leader {
				copies++
				wg.Go(func() { r.fail(c.compare(ctx, p, id)...) })
			}
		}
		r.note("%s-%d: offsets %d to %d, %d sent by this run, leader broker %d, replicas %v", ProbeTopic, p.partition, p.from, p.to, len(p.acked), p.leader, topic.replicas[p.partition])
	}
	wg.Wait()
	if !compares {
		r.note("Kafka %s lets only leaders answer: replicas were not read", c.cluster.Kafka.Version)
	}
	r.sum("%d records between end offsets as sent, %d replicas equal to their leaders", records, copies)
}

// replicasAnswer says that brokers of this version let followers be read.
func (c *subject) replicasAnswer() bool {
	return kafka.Assume(c.cluster.Kafka.Version).Protocol.IsAtLeast(sarama.V2_4_0_0)
}

// judgeEnd: between the end before and the last acknowledged message each offset
// holds one record; other runs may have written some of them.
func (c *subject) judgeEnd(p passage) []Finding {
	found := ""
	switch {
	case p.err != nil:
		found = fmt.Sprintf("%s-%d was not written and read: %v", ProbeTopic, p.partition, p.err)
	case int64(len(p.records)) != p.to-p.from:
		found = fmt.Sprintf("%s-%d advanced from offset %d to %d and holds %d records there", ProbeTopic, p.partition, p.from, p.to, len(p.records))
	default:
		for i, r := range p.records {
			if r.offset != p.from+int64(i) {
				found = fmt.Sprintf("%s-%d holds offset %d where %d should be", ProbeTopic, p.partition, r.offset, p.from+int64(i))
				break
			}
		}
	}
	if found == "" {
		return nil
	}
	return []Finding{{
		Machine: brokerMachine(c.cluster, p.leader), Found: found, Expected: "one record for each offset, as many as were sent",
		Next: kafkaLog(c.cluster, p.leader),
	}}
}

// compare reads the same offsets from a follower.
func (c *subject) compare(ctx context.Context, p passage, id int32) []Finding {
	machine := brokerMachine(c.cluster, id)
	f := Finding{
		Machine: machine, Expected: fmt.Sprintf("the %d records that its leader, broker %d, holds", len(p.records), p.leader),
		Next: kafkaLog(c.cluster, id),
	}
	if machine == "" {
		f.Found = fmt.Sprintf("broker %d keeps %s-%d and is not declared", id, ProbeTopic, p.partition)
		return []Finding{f}
	}
	records, err := c.readReplica(ctx, machine, p)
	switch {
	case err != nil:
		f.Found = fmt.Sprintf("broker %d: its replica of %s-%d could not be read: %v", id, ProbeTopic, p.partition, err)
	case !slices.Equal(records, p.records):
		f.Found = fmt.Sprintf("broker %d: its replica of %s-%d differs, offsets %d to %d: %s", id, ProbeTopic, p.partition, p.from, p.to, difference(records, p.records))
	default:
		return nil
	}
	return []Finding{f}
}

func difference(is, want []held) string {
	for i := range min(len(is), len(want)) {
		if is[i] != want[i] {
			return fmt.Sprintf("at offset %d it holds offset %d, %q, and not %q", want[i].offset, is[i].offset, is[i].value, want[i].value)
		}
	}
	return fmt.Sprintf("%d records of %d", len(is), len(want))
}

// readReplica reads what a broker itself holds of the passage's offsets, and waits
// until it has all of them.
func (c *subject) readReplica(ctx context.Context, machine string, p passage) ([]held, error) {
	ctx, cancel := c.bounded(ctx, replicaPatience, "not all there after")
	defer cancel()
	return connect.WithBroker(ctx, c.Session, machine, func(b *sarama.Broker) (all []held, err error) {
		for next := p.from; next < p.to; {
			records, err := fetchHeld(b, p.partition, next)
			if err != nil && !errors.Is(err, sarama.ErrOffsetOutOfRange) { // beyond its own end, for a moment
				return all, err
			}
			for _, r := range records {
				if r.offset >= next && r.offset < p.to {
					all, next = append(all, r), r.offset+1
				}
			}
			if next >= p.to || len(records) > 0 {
				continue
			}
			select {
			case <-ctx.Done():
				return all, fmt.Errorf("it has %d of %d records: %w", len(all), len(p.records), context.Cause(ctx))
			case <-time.After(replicaPoll):
			}
		}
		return all, nil
	})
}

func fetchHeld(b *sarama.Broker, partition int32, from int64) ([]held, error) {
	request := &sarama.FetchRequest{Version: followerFetch, MaxWaitTime: 100, MinBytes: 1, MaxBytes: replicaBytes, SessionEpoch: -1}
	request.AddBlock(ProbeTopic, partition, from, replicaBytes, -1)
	answer, err := b.Fetch(request)
	if err != nil {
		return nil, err
	}
	block := answer.GetBlock(ProbeTopic, partition)
	switch {
	case block == nil:
		return nil, errors.New("the answer says nothing of the partition")
	case block.Err != sarama.ErrNoError:
		return nil, block.Err
	}
	var all []held
	for _, set := range block.RecordsSet {
		if set.RecordBatch == nil {
			continue
		}
		for _, r := range set.RecordBatch.Records {
			all = append(all, held{set.RecordBatch.FirstOffset + r.OffsetDelta, string(r.Value)})
		}
	}
	return all, nil
}
