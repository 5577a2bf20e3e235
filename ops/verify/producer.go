package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/provision/inventory"
)

const (
	// acknowledgedMetric is the producer's own count of what the cluster has
	// taken; see package producer.
	acknowledgedMetric = "weir_producer_messages_acknowledged_total"
	// producerRound is the article's pause between two rounds of messages.
	producerRound = 5 * time.Second
	// producerMargin is for an acknowledgement under load, and a leader that moves.
	producerMargin = 5 * time.Second
	// producerPoll is how often the counter is read while it is waited for.
	producerPoll = 250 * time.Millisecond
)

// checkProducer waits until the number of acknowledged messages rises.
func checkProducer(ctx context.Context, c *subject, job inventory.Job, r *record) {
	if job.MetricsAddress == "" {
		r.note("job %s serves no metrics: only its unit was looked at", job.Name)
		return
	}
	limit := seconds(job.IntervalSeconds, producerRound) + c.within(producerMargin)
	expected := fmt.Sprintf("acknowledged messages rise within %s", limit)
	read := func() (float64, error) {
		metrics, err := c.Metrics(ctx, job.Machine, job.MetricsAddress)
		if err != nil {
			return 0, err
		}
		value, ok := metrics[acknowledgedMetric]
		if !ok {
			return 0, errors.New("its page does not have " + acknowledgedMetric)
		}
		return value, nil
	}
	before, after, waited, err := waitForRise(ctx, limit, read)
	switch {
	case err != nil:
		r.fail(c.jobFinding(job, expected, "%v", err))
	case after <= before:
		r.fail(c.jobFinding(job, expected, "%.0f acknowledged messages, and no more after %.1f s", before, waited.Seconds()))
	default:
		r.note("job %s on %s: acknowledged messages rose from %.0f to %.0f in %.1f s", job.Name, job.Machine, before, after, waited.Seconds())
	}
}

// waitForRise reads a counter until it is above its first value. A counter that
// went down began anew with its program, and is measured from there.
func waitForRise(ctx context.Context, limit time.Duration, read func() (float64, error)) (before, after float64, waited time.Duration, err error) {
	started := time.Now()
	if before, err = read(); err != nil {
		return 0, 0, 0, err
	}
	after = before
	for after <= before && time.Since(started) < limit {
		select {
		case <-ctx.Done():
			return before, after, time.Since(started), context.Cause(ctx)
		case <-time.After(producerPoll):
		}
		if after, err = read(); err != nil {
			return before, after, time.Since(started), err
		}
		before = min(before, after)
	}
	return before, after, time.Since(started), nil
}
