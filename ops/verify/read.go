package verify

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
)

// readIdle is how long a reader waits for a next record before it takes the
// rest of its range for empty (removed by compaction, or markers of
// transactions). A fetch takes at most half a second.
const readIdle = 2 * time.Second

// newRunID names a run: the time, so that leftovers can be told by age, and
// randomness, so that two runs in one second do not meet.
func newRunID(now time.Time) string {
	return strconv.FormatInt(now.Unix(), 10) + "-" + strconv.FormatUint(rand.Uint64(), 36)
}

// readRange calls each for the records of a partition from one offset up to,
// not including, another, in order. It ends early where nothing more comes; how
// far it got is for the caller to judge by what it was given.
func readRange(ctx context.Context, client sarama.Client, topic string, partition int32, from, to int64, each func(*sarama.ConsumerMessage)) error {
	if from >= to {
		return nil
	}
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return err
	}
	defer consumer.Close()
	pc, err := connect.Bounded(ctx, func() (sarama.PartitionConsumer, error) {
		return consumer.ConsumePartition(topic, partition, from)
	})
	if err != nil {
		return fmt.Errorf("read %s-%d from offset %d: %w", topic, partition, from, err)
	}
	defer pc.AsyncClose()
	idle := time.NewTimer(readIdle)
	defer idle.Stop()
	for {
		select {
		case m, open := <-pc.Messages():
			if !open {
				return fmt.Errorf("read %s-%d: the reader stopped", topic, partition)
			}
			if m.Offset >= to {
				return nil
			}
			each(m)
			if m.Offset+1 >= to {
				return nil
			}
			idle.Reset(readIdle)
		case err := <-pc.Errors():
			return fmt.Errorf("read %s-%d: %w", topic, partition, err)
		case <-idle.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("read %s-%d from %d to %d: %w", topic, partition, from, to, context.Cause(ctx))
		}
	}
}

// endOffset is the offset that the next record of a partition will get.
func endOffset(ctx context.Context, client sarama.Client, topic string, partition int32) (int64, error) {
	return connect.Bounded(ctx, func() (int64, error) {
		return client.GetOffset(topic, partition, sarama.OffsetNewest)
	})
}

// startOffset is the first offset that retention has left.
func startOffset(ctx context.Context, client sarama.Client, topic string, partition int32) (int64, error) {
	return connect.Bounded(ctx, func() (int64, error) {
		return client.GetOffset(topic, partition, sarama.OffsetOldest)
	})
}

// gone says that an error means that retention took the asked offset.
func gone(err error) bool { return errors.Is(err, sarama.ErrOffsetOutOfRange) }
