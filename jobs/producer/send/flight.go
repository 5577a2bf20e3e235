package send

import (
	"errors"
	"fmt"
	"slices"

	"github.com/IBM/sarama"
)

// answer is what became of a batch that was sent.
type answer struct {
	batch  *Batch
	offset int64
	err    error
}

// launch sends what the window allows. Its error ends writing.
func (w *Writer) launch() error {
	for w.trouble == nil && w.flying < w.width() {
		i := slices.IndexFunc(w.open, func(b *Batch) bool { return b.state == waiting })
		if i < 0 {
			return nil
		}
		if err := w.send(w.open[i]); err != nil {
			w.hangUp() // those in flight are answered with an error
			if err := w.final(err); err != nil {
				return err
			}
			w.fail(err)
		}
	}
	return nil
}

// width is how many batches may be in flight now. Brokers that do not know of
// numbers would take those behind one that failed, and then that one.
func (w *Writer) width() int {
	switch {
	case w.options.Ordered || w.options.Idempotent && !w.known:
		return 1
	case w.options.Idempotent && w.conn != nil:
		return w.conn.remembers()
	}
	return window
}

func (w *Writer) send(b *Batch) error {
	if err := w.prepare(b); err != nil {
		return err
	}
	if b.again {
		w.resent.Add(1)
	}
	b.state, b.again = flying, true
	w.flying++
	// There is room in answers for all that is in flight.
	err := w.conn.produce(b, func(offset int64, err error) { w.answers <- answer{b, offset, err} })
	if err != nil {
		b.state = waiting
		w.flying--
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// prepare connects, and gives the batch its number.
func (w *Writer) prepare(b *Batch) (err error) {
	if w.conn == nil {
		if w.conn, err = w.leader.connect(w.failures > 0); err != nil {
			return err
		}
	}
	if !w.options.Idempotent {
		b.stamp(nobody, -1)
		return nil
	}
	if w.renewal {
		if err := w.identify(); err != nil {
			return err
		}
	}
	if b.generation != w.generation {
		b.generation = w.generation
		b.stamp(w.id, w.sequence)
		w.sequence = advance(w.sequence, b.Len())
	}
	return nil
}

// identify takes a new producer id or epoch; nothing is in flight then.
func (w *Writer) identify() error {
	id, err := w.renew(w.conn, w.id)
	if err == nil {
		w.adopt(id)
	}
	return err
}

// adopt begins to send under an identity.
func (w *Writer) adopt(id Identity) {
	w.id, w.sequence, w.known, w.renewal = id, 0, false, false
	w.generation++
}

// land takes an answer.
func (w *Writer) land(a answer) error {
	w.flying--
	a.batch.state = waiting
	var err error
	switch {
	// A duplicate so old that the broker has forgotten its offset is there.
	case a.err == nil, errors.Is(a.err, sarama.ErrDuplicateSequenceNumber):
		a.batch.state, a.batch.offset = acknowledged, a.offset
		w.known, w.gaps = true, 0
		w.release(false)
	default:
		err = w.judge(a.batch, a.err)
	}
	w.settle()
	return err
}
