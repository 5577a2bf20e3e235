package journal

import (
	"context"
	"errors"
	"time"

	"weir/ops/connect"
)

// window is how long an entry is kept back so that an older one of another
// machine may still come before it: journald and the network take some tens of
// milliseconds, and a person does not notice the delay.
const window = 400 * time.Millisecond

// ErrSilent says that no machine is left to follow.
var ErrSilent = errors.New("no machine is left to follow")

// Follow gives entries to show as they are written, in the order of time as far
// as they come within a window, until ctx ends. A machine whose journal ends is
// told to lost, and the others are gone on with; once there is none, the error
// is ErrSilent.
func Follow(ctx context.Context, s *connect.Session, q Query, show func(Entry), lost func(Failure)) error {
	entries := make(chan Entry)
	ends := make(chan Failure)
	asked := 0
	for _, m := range q.Machines {
		if len(q.Units(m)) == 0 {
			continue
		}
		asked++
		go func() {
			err := q.read(ctx, s, m, true, func(e Entry) {
				select {
				case entries <- e:
				case <-ctx.Done():
				}
			})
			if err == nil {
				err = errors.New("its journal ended")
			}
			select {
			case ends <- Failure{m, err}:
			case <-ctx.Done():
			}
		}()
	}
	return merge(ctx, asked, entries, ends, show, lost)
}

func merge(ctx context.Context, asked int, entries <-chan Entry, ends <-chan Failure, show func(Entry), lost func(Failure)) error {
	var held []Entry
	var due <-chan time.Time // when what is held is shown
	flush := func() {
		sortByTime(held)
		for _, e := range held {
			show(e)
		}
		held, due = nil, nil
	}
	for asked > 0 {
		select {
		case <-ctx.Done():
			flush()
			return nil
		case e := <-entries:
			if held = append(held, e); due == nil {
				due = time.After(window)
			}
		case <-due:
			flush()
		case f := <-ends:
			asked--
			flush()
			if ctx.Err() != nil { // it ended because we were asked to
				return nil
			}
			lost(f)
		}
	}
	return ErrSilent
}
