package verify

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestWhoeverAsksAtTheSameTimeSharesALook(t *testing.T) {
	var l looks[int32]
	var taken atomic.Int32
	release := make(chan struct{})
	take := func() int32 {
		<-release
		return taken.Add(1)
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if n, err := l.since(t.Context(), time.Time{}, take); n != 1 || err != nil {
				t.Errorf("got %d, %v, want the first look", n, err)
			}
		})
	}
	close(release)
	wg.Wait()
	if n, _ := l.since(t.Context(), time.Time{}, take); n != 1 {
		t.Errorf("an old look is good enough: got look %d", n)
	}
	if n, _ := l.since(t.Context(), time.Now(), take); n != 2 {
		t.Errorf("a new look was asked for: got look %d", n)
	}
}

func TestWhoeverIsOutOfTimeLeavesTheLookToOthers(t *testing.T) {
	var l looks[string]
	release := make(chan struct{})
	take := func() string {
		<-release
		return "seen"
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.since(ctx, time.Time{}, take); err == nil {
		t.Error("want the error of a wait that is over")
	}
	close(release)
	if got, err := l.since(t.Context(), time.Time{}, func() string { return "again" }); got != "seen" || err != nil {
		t.Errorf("got %q, %v, want what the first one went on to see", got, err)
	}
}

func TestWhatWasSeenIsKeptWhereALaterLookIsCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	looks := 0
	got := settle(ctx, 10*time.Second, func(time.Time) []Finding {
		if looks++; looks == 2 {
			cancel()
			return []Finding{{Found: "the time was over"}}
		}
		return []Finding{{Found: "a broker is down"}}
	})
	if !slices.Equal(got, []Finding{{Found: "a broker is down"}}) {
		t.Errorf("got %+v, want what the first look found", got)
	}
}

func TestACheckThatFindsNothingUntilItsTimeIsOverHasFailed(t *testing.T) {
	idle := check{"idle", "one that waits", 20 * time.Millisecond, ofMachines, func(ctx context.Context, _ *subject, r *record) {
		r.doing("waiting for node2")
		<-ctx.Done()
	}}
	if got := idle.do(t.Context(), &subject{cluster: article()}); got.Outcome != Failed {
		t.Errorf("got %+v, want a failure", got)
	}
}
