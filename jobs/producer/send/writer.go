package send

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

// Options are what a writer is told.
type Options struct {
	Topic string
	// Acks is what an acknowledgement means; Idempotent needs WaitForAll.
	Acks       sarama.RequiredAcks
	Idempotent bool
	// Ordered sends one batch at a time: it keeps the order where idempotence is
	// not to be had.
	Ordered bool
	Codec   sarama.CompressionCodec
	// BatchSize bounds a batch's records in bytes, before compression, and
	// Batches how many batches a writer has, those in flight included: together
	// they bound its memory, at about twice their product where records are as
	// short as the article's.
	BatchSize, Batches int
	// Run is the run that the records belong to, in its header; "" is none.
	Run string
	// Bound is how long a record may stay unacknowledged.
	Bound time.Duration
	// Acknowledged is called for each batch in the order of sending, by the
	// goroutine of Run, which it must not keep.
	Acknowledged func(b *Batch, now time.Time)
	Log          *slog.Logger
}

// Writer writes one partition. Free, Send and Close are for one goroutine, Run
// for another; what else it tells may be asked by any.
type Writer struct {
	options   Options
	partition int32
	leader    leader
	renew     func(c connection, was Identity) (Identity, error)
	log       *slog.Logger

	free, in chan *Batch
	answers  chan answer

	handed, acked, resent atomic.Int64
	oldest                atomic.Int64 // when the first open batch was begun; 0 for none

	// What follows belongs to Run.
	open       []*Batch // in order; an acknowledged one waits for those before it
	flying     int
	closed     bool
	conn       connection
	id         Identity
	renewal    bool  // id must be renewed before anything more is sent
	generation int   // of id; 0 before the first
	sequence   int32 // the next
	known      bool  // the cluster has acknowledged something under this id
	trouble    error // why nothing is sent at the moment
	pause      <-chan time.Time
	failures   int // in a row
	gaps       int // in a row: numbers refused though all before is acknowledged
	said       string
	lastOffset int64
}

// NewWriter returns a writer whose connections have the client's settings,
// which are those of Config.
func NewWriter(client sarama.Client, id int32, o Options) *Writer {
	return newWriter(partition{client, o.Topic, id, o.Acks, cluster.Old(client.Config())}, id, o)
}

func newWriter(l leader, id int32, o Options) *Writer {
	w := &Writer{
		options: o, partition: id, leader: l, renew: ownIdentity,
		log:        o.Log.With("topic", o.Topic, "partition", id),
		free:       make(chan *Batch, o.Batches),
		in:         make(chan *Batch, o.Batches),
		answers:    make(chan answer, window),
		id:         nobody,
		renewal:    o.Idempotent,
		lastOffset: -1,
	}
	for range o.Batches {
		w.free <- NewBatch(o.BatchSize)
	}
	return w
}

// Free is where empty batches come from. It gives none while all are filled or
// on their way.
func (w *Writer) Free() <-chan *Batch { return w.free }

// enough is how many batches keep a broker at work: it deals with one of a
// connection at a time, and has the next by then.
const enough = 2

// Busy says that enough batches are on their way: one more would only wait, and
// might as well be filled up meanwhile. Fewer and larger ones cost brokers less.
func (w *Writer) Busy() bool { return cap(w.free)-len(w.free)-1 >= enough }

// Send hands a batch over that Free gave and that holds at least one record. It
// does not wait, and the batch must not be used any more.
func (w *Writer) Send(b *Batch) {
	w.handed.Add(int64(b.Len()))
	w.in <- b
}

// Close says that nothing more is sent.
func (w *Writer) Close() { close(w.in) }

// Handed and Acknowledged are how many records were handed over, and how many
// of them acknowledged; Resent counts batches that were sent again.
func (w *Writer) Handed() int64       { return w.handed.Load() }
func (w *Writer) Acknowledged() int64 { return w.acked.Load() }
func (w *Writer) Resent() int64       { return w.resent.Load() }

// Waiting is since when the oldest record that was handed over waits for its
// acknowledgement; false where none does.
func (w *Writer) Waiting() (since time.Time, any bool) {
	nano := w.oldest.Load()
	return time.Unix(0, nano), nano != 0
}

// watchInterval is how often the oldest batch is looked at; it is what a bound
// may be exceeded by.
const watchInterval = 500 * time.Millisecond

// Run sends what is handed over until Close has been called and everything is
// acknowledged. It ends before with an *UndeliveredError, a *LostError or a
// *FencedError, or when ctx does.
func (w *Writer) Run(ctx context.Context) error {
	defer w.hangUp()
	watch := time.NewTicker(watchInterval)
	defer watch.Stop()
	for !w.closed || len(w.open) > 0 {
		if err := w.step(ctx, watch.C); err != nil {
			w.release(true)
			return err
		}
	}
	return nil
}

func (w *Writer) step(ctx context.Context, watch <-chan time.Time) error {
	if err := w.launch(); err != nil {
		return err
	}
	select {
	case b, more := <-w.intake():
		return w.take(b, more)
	case a := <-w.answers:
		return w.land(a)
	case <-w.pause:
		w.pause, w.trouble = nil, nil
	case now := <-watch:
		return w.overdue(now)
	case <-ctx.Done():
		return w.undelivered(context.Cause(ctx))
	}
	return nil
}

// intake is where batches come from, while there is room in the window.
func (w *Writer) intake() <-chan *Batch {
	if w.closed || len(w.open) >= window {
		return nil
	}
	return w.in
}

func (w *Writer) take(b *Batch, more bool) error {
	if !more {
		w.closed = true
		return nil
	}
	w.open = append(w.open, b)
	w.note()
	if err := b.seal(w.options.Codec); err != nil {
		return w.undelivered(err)
	}
	return nil
}

// note tells others what the oldest batch is.
func (w *Writer) note() {
	if len(w.open) == 0 {
		w.oldest.Store(0)
		return
	}
	w.oldest.Store(w.open[0].begun.UnixNano())
}

// overdue ends writing when the oldest batch has waited for too long.
func (w *Writer) overdue(now time.Time) error {
	if len(w.open) == 0 || now.Sub(w.open[0].begun) <= w.options.Bound {
		return nil
	}
	err := fmt.Errorf("no answer within %s", w.options.Bound)
	if w.said != "" {
		err = fmt.Errorf("%w; the last problem was: %s", err, w.said)
	}
	return w.undelivered(err)
}

func (w *Writer) undelivered(err error) error {
	if len(w.open) == 0 {
		return err
	}
	e := &UndeliveredError{Topic: w.options.Topic, Partition: w.partition, Open: int(w.handed.Load() - w.acked.Load()), Err: err}
	for _, b := range w.open {
		if b.state != acknowledged {
			e.Value = string(b.Value(0))
			break
		}
	}
	return e
}

func (w *Writer) hangUp() {
	if w.conn != nil {
		w.conn.close()
		w.conn = nil
	}
}
