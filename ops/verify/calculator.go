package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"weir/provision/inventory"
)

const (
	// calculatorInterval is the article's pause between two results.
	calculatorInterval = 2 * time.Second
	// calculatorMargin is for a commit, its publication, and messages that are
	// still to come: the article's producer sends some every 5 s.
	calculatorMargin = 8 * time.Second
	// recountLimit is the most records of a partition that are recounted: a few
	// seconds' work, and no load to speak of.
	recountLimit = 100_000
)

// checkCalculator takes what a calculator published and counts the records that
// it says it added again. Equality is exact, per partition and page.
func checkCalculator(ctx context.Context, c *subject, job inventory.Job, r *record) {
	if job.SnapshotTopic == "" {
		r.note("job %s publishes no snapshots: only its unit was looked at", job.Name)
		return
	}
	expected := fmt.Sprintf("snapshots of topic %s on %s that equal a recount", job.Topic, job.SnapshotTopic)
	client, err := c.Client(ctx)
	if err != nil {
		r.fail(c.jobFinding(job, expected, "%v", err))
		return
	}
	input, err := readBounds(ctx, client, job.Topic)
	if err != nil {
		r.fail(c.jobFinding(job, expected, "%v", err))
		return
	}
	w := watch{job: job, input: input, spans: newSpans(input.start, recountLimit), fed: c.isFed(job.Topic)}
	limit := seconds(job.IntervalSeconds, calculatorInterval)*2 + c.within(calculatorMargin)
	if err := w.follow(ctx, client, limit); err != nil {
		r.fail(c.jobFinding(job, expected, "%v", err))
		return
	}
	r.fail(c.judgeWatch(w, limit)...)
	c.recountAll(ctx, client, w, r)
}

// isFed says whether a producer is declared for the topic: then silence is not
// a proof of anything.
func (c *subject) isFed(topic string) bool {
	return slices.ContainsFunc(c.cluster.Jobs, func(j inventory.Job) bool {
		return j.Kind == kindProducer && j.Topic == topic
	})
}

func (c *subject) judgeWatch(w watch, limit time.Duration) (f []Finding) {
	expected := fmt.Sprintf("snapshots that follow topic %s", w.job.Topic)
	for _, p := range slices.Sorted(maps.Keys(w.input.end)) {
		switch one := w.spans.of[p]; {
		case !w.stalled(p):
		case one == nil:
			f = append(f, c.jobFinding(w.job, expected, "no complete snapshot of partition %d on %s within %s",
				p, w.job.SnapshotTopic, limit))
		default:
			f = append(f, c.jobFinding(w.job, expected, "the snapshots of partition %d stand at offset %d of %d and did not move within %s",
				p, one.until, w.input.end[p], limit))
		}
	}
	if len(f) == 0 && w.fed && w.spans.records() == 0 {
		f = append(f, c.jobFinding(w.job, expected, "no message of topic %s came between two snapshots within %s although a producer is declared",
			w.job.Topic, limit))
	}
	return f
}

// recountAll counts every stretch once more and compares; where all of it is still
// there and not too much, from where counting began.
func (c *subject) recountAll(ctx context.Context, client sarama.Client, w watch, r *record) {
	good, bad, pages, whole := 0, 0, 0, 0
	for _, p := range slices.Sorted(maps.Keys(w.spans.of)) {
		one := w.spans.of[p]
		from, all := one.from, newRecount()
		isWhole := one.whole(w.input.start[p], recountLimit)
		if isWhole {
			from = one.first
		} else if one.records() == 0 {
			r.note("job %s: partition %d has no message between two snapshots", w.job.Name, p)
			continue
		}
		r.doing("recounting %s-%d from offset %d to %d", w.job.Topic, p, from, one.until)
		counted := newRecount()
		err := readRange(ctx, client, w.job.Topic, p, from, one.until, func(m *sarama.ConsumerMessage) {
			all.add(string(m.Value))
			if m.Offset >= one.from {
				counted.add(string(m.Value))
			}
		})
		if gone(err) {
			r.note("job %s: retention has taken offset %d of partition %d before it could be recounted", w.job.Name, from, p)
			continue
		}
		if err != nil {
			r.fail(c.jobFinding(w.job, "a topic that can be read", "%v", err))
			continue
		}
		wrong := cmp.Or(disagreement(one.claimed, counted.pages), one.jump)
		if isWhole {
			wrong = cmp.Or(wrong, one.contradiction(all))
			whole++
		}
		if wrong != "" {
			r.fail(c.jobFinding(w.job, "the sums of an independent recount", "partition %d, offsets %d to %d: %s",
				p, from, one.until, wrong))
		}
		good, bad, pages = good+all.good, bad+all.bad, pages+len(all.pages)
	}
	if w.fed && w.spans.records() > 0 && good+bad == 0 {
		r.fail(c.jobFinding(w.job, "messages between two snapshots that can be recounted", "none of %d could be", w.spans.records()))
	}
	r.note("job %s on %s: %d messages of %d partitions recounted (%d sums of pages, %d bad records), %d partitions from where counting began",
		w.job.Name, w.job.Machine, good, len(w.spans.of), pages, bad, whole)
}
