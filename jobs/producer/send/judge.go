package send

import (
	"errors"
	"slices"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

// gapEvidence is how often a broker must refuse a number before records are
// called lost: each time its leader is looked up anew.
const gapEvidence = 3

// judge decides what it means that a batch has failed: the error that ends
// writing, or nil where it is sent again.
func (w *Writer) judge(b *Batch, err error) error {
	first := b == w.open[0] // so that all before it is acknowledged
	if err := w.final(err); err != nil {
		return err
	}
	switch {
	case errors.Is(err, sarama.ErrOutOfOrderSequenceNumber) && first:
		if w.gaps++; w.gaps >= gapEvidence {
			return &LostError{Topic: w.options.Topic, Partition: w.partition, LastOffset: w.lastOffset, Err: err}
		}
	case errors.Is(err, sarama.ErrUnknownProducerID) && first:
		// The brokers before Kafka 2.4 forget a producer with its last record,
		// when retention takes that: nothing is lost, its numbers begin anew.
		w.renewal = true
	}
	w.fail(err)
	return nil
}

// final is the error that ends writing where sending again is of no use.
func (w *Writer) final(err error) error {
	switch {
	case fenced(err) && w.options.Run != "":
		return &FencedError{Run: w.options.Run, Err: err}
	case fenced(err), refused(err):
		return w.undelivered(err)
	}
	return nil
}

// fail stops sending; the first reason counts, others follow from it.
func (w *Writer) fail(err error) {
	if w.trouble == nil {
		w.trouble = err
	}
	w.settle()
}

// settle ends a failure once there are answers for all that was in flight: the
// connection is given up, and after a pause sending begins anew.
func (w *Writer) settle() {
	if w.trouble == nil || w.flying > 0 || w.pause != nil {
		return
	}
	w.hangUp()
	w.failures++
	if text := w.trouble.Error(); text != w.said {
		w.said = text
		w.log.Warn("cannot send, retrying", "after-offset", w.lastOffset, "error", text)
	}
	w.pause = time.After(cluster.Backoff(w.failures, 0))
}

// release gives acknowledged batches back, in order; at the end also those that
// have one before them that is not acknowledged.
func (w *Writer) release(end bool) {
	now := time.Now()
	for i := 0; i < len(w.open); {
		b := w.open[i]
		if b.state != acknowledged {
			if !end {
				break
			}
			i++
			continue
		}
		w.open = slices.Delete(w.open, i, i+1)
		w.acked.Add(int64(b.Len()))
		if b.offset >= 0 {
			w.lastOffset = b.offset + int64(b.Len()) - 1
		}
		w.options.Acknowledged(b, now)
		b.reset()
		w.free <- b
		w.recovered()
	}
	w.note()
}

func (w *Writer) recovered() {
	if w.said != "" {
		w.log.Info("sending again", "offset", w.lastOffset)
	}
	w.failures, w.said = 0, ""
}
