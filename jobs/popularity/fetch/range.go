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
func Range(ctx context.Context, client sarama.Client, topic string, partition int32, from, until int64, visit func(Record)) error {
	if from >= until {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	chunks, done := make(chan Chunk), make(chan error, 1)
	go func() {
		done <- NewReader(client, topic, partition, from, slog.New(slog.DiscardHandler)).Run(ctx, chunks)
	}()
	for {
		select {
		case chunk := <-chunks:
			for r := range chunk.Records() {
				if r.Offset < until {
					visit(r)
				}
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
