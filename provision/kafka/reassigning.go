package kafka

import (
	"context"
	"fmt"
	"slices"

	"github.com/IBM/sarama"
)

// Reassigning are the partitions whose replicas are being moved, "topic-0",
// sorted. Versions that do not tell (before 2.4) have none.
func (a *Admin) Reassigning(ctx context.Context) ([]string, error) {
	if !a.version.Protocol.IsAtLeast(sarama.V2_4_0_0) {
		return nil, nil
	}
	v, err := a.View(ctx)
	if err != nil {
		return nil, err
	}
	byTopic := map[string][]int32{}
	for _, p := range v.Partitions {
		byTopic[p.Topic] = append(byTopic[p.Topic], p.ID)
	}
	var moving []string
	err = a.do(ctx, "asking what is being moved", func(_ sarama.Client, admin sarama.ClusterAdmin) error {
		moving = nil
		controller, err := admin.Controller()
		if err != nil {
			return err
		}
		request := &sarama.ListPartitionReassignmentsRequest{TimeoutMs: int32(requestTimeout.Milliseconds())}
		for topic, partitions := range byTopic {
			request.AddBlock(topic, partitions)
		}
		answer, err := controller.ListPartitionReassignments(request)
		if err != nil {
			return err
		}
		if answer.ErrorCode != sarama.ErrNoError {
			return answer.ErrorCode
		}
		for topic, partitions := range answer.TopicStatus {
			for id := range partitions {
				moving = append(moving, fmt.Sprintf("%s-%d", topic, id))
			}
		}
		slices.Sort(moving)
		return nil
	})
	return moving, err
}
