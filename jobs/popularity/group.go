package popularity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

// group is a consumer group's committed offsets. The calculator is no member of
// the group: it mirrors its offsets there, so that tools that show lag have
// something to show, and reads them only to notice that its state is missing.
type group struct {
	client sarama.Client
	name   string
	topic  string
}

// mirror commits next offsets. They are behind the state's at times and never
// ahead of it.
func (g group) mirror(_ context.Context, next map[int32]int64) error {
	coordinator, err := g.client.Coordinator(g.name)
	if err != nil {
		return fmt.Errorf("find the coordinator of group %s: %w", g.name, err)
	}
	request := &sarama.OffsetCommitRequest{
		Version:                 g.either(2, 1),
		ConsumerGroup:           g.name,
		ConsumerGroupGeneration: sarama.GroupGenerationUndefined,
		RetentionTime:           -1, // the broker's
	}
	for partition, offset := range next {
		request.AddBlock(g.topic, partition, offset, sarama.ReceiveTime, "")
	}
	response, err := coordinator.CommitOffset(request)
	if err != nil {
		_ = coordinator.Close() // a dead connection must not be chosen again
		return errors.Join(err, g.client.RefreshCoordinator(g.name))
	}
	for _, partitions := range response.Errors {
		for partition, code := range partitions {
			if !errors.Is(code, sarama.ErrNoError) {
				_ = g.client.RefreshCoordinator(g.name) // it may have moved; the next attempt tells
				return fmt.Errorf("commit offset of partition %d to group %s: %w", partition, g.name, code)
			}
		}
	}
	return nil
}

// either is the version of a request, or that which old brokers know. Their 1 is
// the first that keeps offsets in Kafka itself.
func (g group) either(today, old int16) int16 {
	if cluster.Old(g.client.Config()) {
		return old
	}
	return today
}

// committed returns the group's offsets for the partitions that have one. It
// retries until AwaitLimit: a group's coordinator is created on first use.
func (g group) committed(ctx context.Context, partitions []int32) (map[int32]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, cluster.AwaitLimit)
	defer cancel()
	for attempt := 1; ; attempt++ {
		offsets, err := g.ask(partitions)
		if err == nil {
			return offsets, nil
		}
		_ = g.client.RefreshCoordinator(g.name) // it may have moved; the next attempt tells
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("read the offsets of group %s: %w", g.name, err)
		case <-time.After(cluster.Backoff(attempt, 0)):
		}
	}
}

func (g group) ask(partitions []int32) (map[int32]int64, error) {
	coordinator, err := g.client.Coordinator(g.name)
	if err != nil {
		return nil, err
	}
	request := &sarama.OffsetFetchRequest{Version: g.either(5, 1), ConsumerGroup: g.name}
	for _, partition := range partitions {
		request.AddPartition(g.topic, partition)
	}
	response, err := coordinator.FetchOffset(request)
	if err != nil {
		_ = coordinator.Close()
		return nil, err
	}
	if !errors.Is(response.Err, sarama.ErrNoError) {
		return nil, response.Err
	}
	offsets := map[int32]int64{}
	for _, partition := range partitions {
		block := response.GetBlock(g.topic, partition)
		if block == nil {
			return nil, sarama.ErrIncompleteResponse
		}
		if !errors.Is(block.Err, sarama.ErrNoError) {
			return nil, block.Err
		}
		if block.Offset >= 0 {
			offsets[partition] = block.Offset
		}
	}
	return offsets, nil
}
