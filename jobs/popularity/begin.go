package popularity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
	"weir/jobs/popularity/store"
)

// A RefusalError says why counting on would give wrong sums, and what a person
// can do. The state is unchanged.
type RefusalError struct {
	Reason, Advice string
}

func (e *RefusalError) Error() string { return e.Reason + "; " + e.Advice }

// rebuildAdvice ends most refusals.
const rebuildAdvice = "to count anew what the topic still holds, run once with --rebuild"

// begin brings the store to where counting can begin or go on: a new state gets
// its identity and first offsets, an old one is checked against the topic.
func begin(ctx context.Context, s store.Store, topic, snapshots cluster.Topic, g group, rebuild bool) (store.Identity, error) {
	identity, found, err := s.Identity(ctx)
	if err != nil {
		return identity, err
	}
	var positions map[int32]store.Position
	if found {
		positions, err = lastPositions(ctx, s, identity, topic, snapshots)
	} else {
		identity = store.Identity{
			Format: store.Format, State: store.NewState(time.Now()),
			ClusterID: topic.ClusterID, Topic: topic.Name, TopicID: topic.ID,
		}
		positions, err = firstPositions(ctx, topic, g, rebuild)
	}
	if err != nil || found && positions == nil {
		return identity, err
	}
	identity.SnapshotTopicID = snapshots.ID
	if err := s.Begin(ctx, identity, positions); err != nil {
		return identity, fmt.Errorf("write the state's identity: %w", err)
	}
	return identity, nil
}

// lastPositions checks a state that was found. It returns positions to be written
// where what it has published is gone with its topic: all is published again.
func lastPositions(ctx context.Context, s store.Store, identity store.Identity, topic, snapshots cluster.Topic) (map[int32]store.Position, error) {
	if identity.Format != store.Format {
		return nil, &RefusalError{
			fmt.Sprintf("the state has format %d, this program reads format %d", identity.Format, store.Format),
			"use the program that wrote it, or " + rebuildAdvice,
		}
	}
	if err := sameTopic(identity, topic); err != nil {
		return nil, err
	}
	positions, err := s.Positions(ctx)
	if err != nil {
		return nil, err
	}
	if err := covers(positions, topic); err != nil || identity.SnapshotTopicID == snapshots.ID {
		return nil, err
	}
	for partition, position := range positions {
		position.Published = position.First
		positions[partition] = position
	}
	return positions, nil
}

// sameTopic refuses a state that counts another topic. An id that one side does
// not know is not compared.
func sameTopic(id store.Identity, topic cluster.Topic) error {
	differ := func(a, b string) bool { return a != "" && b != "" && a != b }
	what := ""
	switch {
	case id.Topic != topic.Name:
		what = fmt.Sprintf("topic %s, not %s", id.Topic, topic.Name)
	case differ(id.ClusterID, topic.ClusterID):
		what = fmt.Sprintf("topic %s of cluster %s, not of cluster %s", id.Topic, id.ClusterID, topic.ClusterID)
	case differ(id.TopicID, topic.ID):
		what = fmt.Sprintf("an earlier topic %s (id %s), which was deleted; today's has id %s", id.Topic, id.TopicID, topic.ID)
	default:
		return nil
	}
	return &RefusalError{"the state counts " + what, "use another --state-dir, or " + rebuildAdvice}
}

// covers refuses a topic that lacks partitions the state has counted.
func covers(positions map[int32]store.Position, topic cluster.Topic) error {
	for _, partition := range slices.Sorted(maps.Keys(positions)) {
		if !slices.Contains(topic.Partitions, partition) {
			return &RefusalError{
				fmt.Sprintf("the state counts partition %d, which topic %s does not have", partition, topic.Name),
				"the topic was replaced: use another --state-dir, or " + rebuildAdvice,
			}
		}
	}
	return nil
}

// firstPositions are where a new state begins: the start of each partition's
// log. They are refused where the group shows that a state was here before.
func firstPositions(ctx context.Context, topic cluster.Topic, g group, rebuild bool) (map[int32]store.Position, error) {
	if !rebuild {
		committed, err := g.committed(ctx, topic.Partitions)
		if err != nil {
			return nil, err
		}
		if len(committed) > 0 {
			return nil, lostState(g, committed)
		}
	}
	positions := map[int32]store.Position{}
	for _, partition := range topic.Partitions {
		start, err := logStart(ctx, g.client, topic.Name, partition)
		if err != nil {
			return nil, fmt.Errorf("topic %s partition %d: ask for the log's start: %w", topic.Name, partition, err)
		}
		positions[partition] = store.Position{First: start, Next: start, Published: start}
	}
	return positions, nil
}

func lostState(g group, committed map[int32]int64) error {
	partition := slices.Min(slices.Collect(maps.Keys(committed)))
	return &RefusalError{
		fmt.Sprintf("the state is missing, but group %s has counted topic %s before (partition %d up to offset %d)",
			g.name, g.topic, partition, committed[partition]),
		"find the state directory that was used and name it with --state-dir; " + rebuildAdvice,
	}
}

// logStart asks until the partition has a leader, up to AwaitLimit.
func logStart(ctx context.Context, client sarama.Client, topic string, partition int32) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, cluster.AwaitLimit)
	defer cancel()
	for attempt := 1; ; attempt++ {
		start, err := client.GetOffset(topic, partition, sarama.OffsetOldest)
		if err == nil {
			return start, nil
		}
		select {
		case <-ctx.Done():
			return 0, errors.Join(err, ctx.Err())
		case <-time.After(cluster.Backoff(attempt, 0)):
		}
	}
}
