package producer

import (
	"context"
	"time"

	"weir/jobs/producer/send"
)

// lane is the way into a partition: a send.Writer.
type lane interface {
	Take(ctx context.Context) (*send.Batch, error)
	TryTake() *send.Batch
	Send(b *send.Batch)
	Close()
}

// feeder fills a batch for each partition and passes it on when it is full, or
// has waited for the linger.
type feeder struct {
	lanes   []lane
	filling []*send.Batch // of each partition; nil for none
	linger  time.Duration
	// now is the time as last looked at: asking for each message would cost as
	// much as making it.
	now   time.Time
	timer *time.Timer
	sent  func(messages int)
}

func newFeeder[L lane](lanes []L, linger time.Duration, sent func(int)) *feeder {
	f := &feeder{filling: make([]*send.Batch, len(lanes)), linger: linger, now: time.Now(), timer: time.NewTimer(0), sent: sent}
	for _, l := range lanes {
		f.lanes = append(f.lanes, l)
	}
	f.timer.Stop()
	return f
}

// add puts a record into the batch of the i-th partition. It waits while all
// batches of that partition are on their way.
func (f *feeder) add(ctx context.Context, i int, r send.Record) error {
	b := f.filling[i]
	if b != nil && !b.Fits(r) {
		f.pass(i)
		b = nil
	}
	if b == nil {
		if b = f.lanes[i].TryTake(); b == nil {
			f.flush(0) // nobody else would, while this waits
			var err error
			if b, err = f.lanes[i].Take(ctx); err != nil {
				return err
			}
			f.look()
		}
		f.filling[i] = b
	}
	b.Add(r, f.now)
	return nil
}

// look looks at the clock.
func (f *feeder) look() { f.now = time.Now() }

// pass hands the i-th partition's batch over.
func (f *feeder) pass(i int) {
	f.sent(f.filling[i].Len())
	f.lanes[i].Send(f.filling[i])
	f.filling[i] = nil
}

// flush hands over what has waited for so long, and returns how long it is
// until the next has; false where nothing waits.
func (f *feeder) flush(age time.Duration) (next time.Duration, any bool) {
	for i, b := range f.filling {
		if b == nil {
			continue
		}
		left := age - f.now.Sub(b.Begun())
		if left <= 0 {
			f.pass(i)
			continue
		}
		if !any || left < next {
			next, any = left, true
		}
	}
	return next, any
}

// wait waits until a time, and hands over meanwhile what has waited for the
// linger.
func (f *feeder) wait(ctx context.Context, until time.Time) error {
	for {
		f.look()
		next, any := f.flush(f.linger)
		pause := until.Sub(f.now)
		if pause <= 0 {
			return nil
		}
		if any {
			pause = min(pause, next)
		}
		f.timer.Reset(pause)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-f.timer.C:
		}
	}
}

// close hands over what is left, and says that nothing follows.
func (f *feeder) close() {
	f.flush(0)
	for _, l := range f.lanes {
		l.Close()
	}
}
