package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// How often a condition is looked at: soon at first, as most hold at once or
// within a second, and never so often that looking disturbs. Each pause is
// longer by pauseGrowth, so that it is about a twentieth of what was waited so
// far: a broker that starts in eight seconds is seen within half of one.
// There is no jitter, as nobody else waits at the same time.
const (
	firstPause  = 150 * time.Millisecond
	lastPause   = 1500 * time.Millisecond
	pauseGrowth = 1.04
)

// WaitError says that a condition did not come to hold in time.
type WaitError struct {
	Waited time.Duration
	// Err is what the condition said last.
	Err error
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("waited %s: %v", e.Waited.Round(time.Second), e.Err)
}

func (e *WaitError) Unwrap() error { return e.Err }

// Wait looks at condition until it returns nil, at once and then with growing
// pauses, for as long as patience allows; a condition that is being looked at
// then is cancelled. Time over is a *WaitError; ctx over is ctx's cause, with
// what was waited for. waiting, when set, is told each time it does not hold.
func Wait(ctx context.Context, patience time.Duration, condition func(context.Context) error, waiting func(error)) error {
	began := time.Now()
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	look := func() (struct{}, error) {
		err := condition(bounded)
		// What a cancelled look says is only that it was cancelled.
		if err != nil && (last == nil || bounded.Err() == nil) {
			last = err
		}
		return struct{}{}, err
	}
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = firstPause, lastPause
	pauses.Multiplier, pauses.RandomizationFactor = pauseGrowth, 0
	_, err := backoff.Retry(bounded, look, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(err error, _ time.Duration) {
			if waiting != nil {
				waiting(err)
			}
		}))
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errors.Join(context.Cause(ctx), last)
	case bounded.Err() != nil:
		return &WaitError{Waited: time.Since(began), Err: last}
	}
	return err // the condition said that it will never hold (backoff.Permanent)
}
