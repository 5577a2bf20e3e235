package rollout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"
)

func TestAConditionThatHoldsIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := Wait(t.Context(), time.Minute, func(context.Context) error { return nil }, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("took %v, want no time", took)
		}
	})
}

func TestAConditionThatComesToHoldIsSeenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		looks := 0
		err := Wait(t.Context(), 5*time.Minute, func(context.Context) error {
			looks++
			if time.Since(began) < time.Minute {
				return errShut
			}
			return nil
		}, nil)
		if late := time.Since(began) - time.Minute; err != nil || late > lastPause {
			t.Errorf("error %v, seen %v late, want at most %v", err, late, lastPause)
		}
		if looks > 80 {
			t.Errorf("looked %d times in a minute, which disturbs", looks)
		}
	})
}

func TestAConditionThatHoldsWithinSecondsIsSeenATwentiethLateAtMost(t *testing.T) {
	for _, holds := range []time.Duration{300 * time.Millisecond, time.Second, 3 * time.Second, 8 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			err := Wait(t.Context(), time.Minute, func(context.Context) error {
				if time.Since(began) < holds {
					return errShut
				}
				return nil
			}, nil)
			most := firstPause + holds/20
			if late := time.Since(began) - holds; err != nil || late > most {
				t.Errorf("what holds after %v: error %v, seen %v late, want at most %v", holds, err, late, most)
			}
		})
	}
}

func TestTimeOverNamesWhatWasWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The last look is cancelled: its own error must not hide the reason.
		looks := 0
		err := Wait(t.Context(), 10*time.Second, func(ctx context.Context) error {
			if looks++; looks < 3 {
				return errShut
			}
			<-ctx.Done()
			return ctx.Err()
		}, nil)
		over, ok := errors.AsType[*WaitError](err)
		if !ok || !errors.Is(err, errShut) || over.Waited != 10*time.Second {
			t.Errorf("got %v, want 10s waited for %v", err, errShut)
		}
	})
}

func TestACancelledWaitSaysSoAndWhatForItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		interrupted := errors.New("interrupted by the operator")
		time.AfterFunc(3*time.Second, func() { cancel(interrupted) })
		err := Wait(ctx, time.Minute, func(context.Context) error { return errShut }, nil)
		if !errors.Is(err, interrupted) || !strings.Contains(err.Error(), errShut.Error()) {
			t.Errorf("got %v, want both %v and %v", err, interrupted, errShut)
		}
	})
}

func TestAConditionThatWillNeverHoldEndsTheWait(t *testing.T) {
	looks := 0
	err := Wait(t.Context(), time.Minute, func(context.Context) error {
		looks++
		return backoff.Permanent(errShut)
	}, nil)
	if !errors.Is(err, errShut) || looks != 1 {
		t.Errorf("got %v after %d looks, want %v after one", err, looks, errShut)
	}
}
