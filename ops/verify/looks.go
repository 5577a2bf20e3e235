package verify

import (
	"context"
	"sync"
	"time"
)

// looks has checks share what takes a round trip: those that ask at the same time
// get the same answer, and whoever wants to look again does.
type looks[T any] struct {
	mu   sync.Mutex
	last *look[T]
}

// look is one, begun at a time; its value is there when done closes.
type look[T any] struct {
	begun time.Time
	done  chan struct{}
	value T
}

// since returns what a look found that began at from or later, and takes one where
// there was none. The error is ctx's: the look goes on for whoever waits longer,
// within limits of its own.
func (l *looks[T]) since(ctx context.Context, from time.Time, take func() T) (T, error) {
	l.mu.Lock()
	one := l.last
	if one == nil || one.begun.Before(from) {
		one = &look[T]{begun: time.Now(), done: make(chan struct{})}
		l.last = one
		go func() {
			defer close(one.done)
			one.value = take()
		}()
	}
	l.mu.Unlock()
	select {
	case <-one.done:
		return one.value, nil
	case <-ctx.Done():
		var zero T
		return zero, context.Cause(ctx)
	}
}
