package producer

import (
	"context"
	"time"

	"weir/jobs/producer/send"
)

// lane is the way into a partition: a send.Writer.
type lane interface {
	Free() <-chan *send.Batch
	Busy() bool
	Send(b *send.Batch)
	Close()
}

// feeder fills a batch for each partition and passes it on when it is full, or
// when it has waited for the linger and would not wait any longer behind others.
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
	if b := f.filling[i]; b != nil {
		if b.Add(r, f.now) {
			return nil
		}
		f.pass(i)
	}
	b, err := f.take(ctx, f.lanes[i].Free())
	if err != nil {
		return err
	}
	b.Add(r, f.now)
	f.filling[i] = b
	return nil
}

// take waits for an empty batch, and hands over meanwhile what is to be.
func (f *feeder) take(ctx context.Context, free <-chan *send.Batch) (*send.Batch, error) {
	select {
	case b := <-free:
		return b, nil
	default:
	}
	for {
		f.look()
		pause, any := f.flush(f.linger)
		var timer <-chan time.Time
		if any {
			f.timer.Reset(pause)
			timer = f.timer.C
		}
		select {
		case b := <-free:
			f.look()
			return b, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-timer:
		}
	}
}

// look looks at the clock.
func (f *feeder) look() { f.now = time.Now() }

// pass hands the i-th partition's batch over.
func (f *feeder) pass(i int) {
	f.sent(f.filling[i].Len())
	f.lanes[i].Send(f.filling[i])
	f.filling[i] = nil
}

// flush hands over what has waited for so long, and returns when to look again;
// false where nothing waits.
func (f *feeder) flush(age time.Duration) (next time.Duration, any bool) {
	for i, b := range f.filling {
		if b == nil {
			continue
		}
		left := age - f.now.Sub(b.Begun())
		if left <= 0 && !f.lanes[i].Busy() {
			f.pass(i)
			continue
		}
		left = max(left, busyPause)
		if !any || left < next {
			next, any = left, true
		}
	}
	return next, any
}

// busyPause is when to look again at a partition that was busy: about the time
// in which a cluster acknowledges a batch.
const busyPause = time.Millisecond

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
	for i, b := range f.filling {
		if b != nil {
			f.pass(i)
		}
	}
	for _, l := range f.lanes {
		l.Close()
	}
}
