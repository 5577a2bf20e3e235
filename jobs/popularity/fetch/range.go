package fetch

import (
	"context"
	"errors"
	"log/slog"

	"github.com/IBM/sarama"
)

// Range visits the committed records of a partition from one offset up to, not
// including, another that the log has reached. It waits for the rest as long as
// ctx lasts.
func Range(ctx context.Context, client sarama.Client, topic string, partition int32, from, until int64, visit func(*Record)) error {
	if from >= until {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	chunks, done := make(chan Chunk), make(chan error, 1)
	place := Place{Topic: topic, Partition: partition, Next: from, LeaderEpoch: noEpoch}
	go func() { done <- NewReader(client, place, slog.New(slog.DiscardHandler)).Run(ctx, chunks) }()
	for {
		select {
		case chunk := <-chunks:
			records := chunk.Records()
			for records.Next() && records.Record.Offset < until {
				visit(&records.Record)
			}
			chunk.Release()
			if records.Err() != nil {
				return records.Err()
			}
			if chunk.Next < until {
				continue
			}
			stop()
			if err := <-done; !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		case err := <-done:
			return err
		}
	}
}
