package topic

import (
	"context"
	"fmt"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/provision/kafka"
)

// The times that Offsets takes besides milliseconds since 1970.
const (
	Latest   = sarama.OffsetNewest
	Earliest = sarama.OffsetOldest
)

// Offsets asks the partitions' leaders, all at once, for the first offset at or
// after a time: -1 where there is none. What could not be told is in failed.
func Offsets(ctx context.Context, s *connect.Session, view kafka.View, partitions []kafka.Partition, when int64) (map[Partition]int64, map[Partition]error) {
	offsets, failed := map[Partition]int64{}, map[Partition]error{}
	leaders, of := map[int32]string{}, map[int32][]kafka.Partition{}
	for _, p := range partitions {
		address, known := view.Brokers[p.Leader]
		if !known {
			failed[Partition{p.Topic, p.ID}] = sarama.ErrLeaderNotAvailable
			continue
		}
		leaders[p.Leader] = address
		of[p.Leader] = append(of[p.Leader], p)
	}
	version := s.Config().Version
	answers, silent := connect.AskAll(ctx, s, leaders, func(id int32, b *sarama.Broker) (*sarama.OffsetResponse, error) {
		request := sarama.NewOffsetRequest(version)
		for _, p := range of[id] {
			request.AddBlock(p.Topic, p.ID, when, 1)
		}
		return b.GetAvailableOffsets(request)
	})
	for id, all := range of {
		for _, p := range all {
			at := Partition{p.Topic, p.ID}
			if silent[id] != nil {
				failed[at] = fmt.Errorf("its leader, broker %d, does not answer", id)
				continue
			}
			switch block := answers[id].GetBlock(p.Topic, p.ID); {
			case block == nil:
				failed[at] = sarama.ErrIncompleteResponse
			case block.Err != sarama.ErrNoError:
				failed[at] = block.Err
			case len(block.Offsets) == 0: // so says Kafka before 0.10.1 that there is none
				offsets[at] = -1
			default:
				offsets[at] = block.Offsets[0]
			}
		}
	}
	return offsets, failed
}
