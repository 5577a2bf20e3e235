package popularity

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/jobs/cluster"
)

// courier carries things to the cluster beside the counting, one at a time. What
// it was handed it tries to deliver until that succeeds; while it is busy it
// takes nothing else, and the counting goes on.
type courier[T any] struct {
	name     string
	deliver  func(context.Context, T) error
	in       chan T
	done     chan struct{} // closed when run has returned
	failures prometheus.Counter
	log      *slog.Logger
	// handed is how many things were, and dealt how many of them are done with.
	handed int64
	dealt  atomic.Int64
}

func newCourier[T any](name string, deliver func(context.Context, T) error, failures prometheus.Counter, log *slog.Logger) *courier[T] {
	return &courier[T]{
		name: name, deliver: deliver, failures: failures, log: log,
		in: make(chan T), done: make(chan struct{}),
	}
}

// newLatest returns a courier of things of which the latest is all that matters: it
// takes them while it is busy too, and one that waits gives way to the next.
func newLatest[T any](name string, deliver func(context.Context, T) error, failures prometheus.Counter, log *slog.Logger) *courier[T] {
	c := newCourier(name, deliver, failures, log)
	c.in = make(chan T, 1)
	return c
}

// update hands the latest thing over, to a courier made by newLatest. All that is
// handed over must come from one goroutine.
func (c *courier[T]) update(thing T) {
	select {
	case <-c.in:
	default:
	}
	c.in <- thing // there is room
}

// run delivers until the last thing is delivered or ctx is cancelled.
func (c *courier[T]) run(ctx context.Context) {
	defer close(c.done)
	for {
		select {
		case thing, open := <-c.in:
			if !open {
				return
			}
			c.insist(ctx, thing)
			c.dealt.Add(1)
		case <-ctx.Done():
			return
		}
	}
}

func (c *courier[T]) insist(ctx context.Context, thing T) {
	said := ""
	for attempt := 1; ; attempt++ {
		err := c.deliver(ctx, thing)
		if err == nil {
			if said != "" {
				c.log.Info("delivered again", "what", c.name)
			}
			return
		}
		c.failures.Inc()
		if err.Error() != said {
			said = err.Error()
			c.log.Warn("cannot deliver, retrying", "what", c.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(cluster.Backoff(attempt, 0)):
		}
	}
}

// offer hands a thing over if the courier is idle. As with give and settled, the
// caller is one goroutine.
func (c *courier[T]) offer(thing T) bool {
	select {
	case c.in <- thing:
		c.handed++
		return true
	default:
		return false
	}
}

// give hands a thing over once the courier is idle.
func (c *courier[T]) give(thing T) {
	c.in <- thing
	c.handed++
}

// settled says that nothing that was offered or given is on its way: what is offered
// next is taken, or soon.
func (c *courier[T]) settled() bool { return c.dealt.Load() == c.handed }

// last hands over the last thing and waits until it is delivered or ctx ends;
// it says which.
func (c *courier[T]) last(ctx context.Context, thing T) bool {
	select {
	case c.in <- thing:
		close(c.in)
	case <-ctx.Done():
		return false
	}
	select {
	case <-c.done:
		return true
	case <-ctx.Done():
		return false
	}
}
