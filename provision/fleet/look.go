package fleet

import (
	"context"
	"sync"

	"weir/provision/machine"
	"weir/provision/remote"
)

// lookouts let components that are looked at at the same time share a script: a
// machine with four of them answers once or twice, not four times, and what
// does not depend on the component is asked once.
type lookouts struct {
	mu      sync.Mutex
	waiting map[remote.HostDigest][]request
}

// request is a component whose turn has not come.
type request struct {
	state  machine.State
	answer chan<- Sight
}

// observe waits for the machine's next answer, which is about all components
// that asked while it was dialled, or busy with the answer before.
func (f *Fleet) observe(ctx context.Context, t Target) (machine.Observed, error) {
	host, err := t.Host.Digest()
	if err != nil || t.State.Validate() != nil {
		return machine.Observe(ctx, f.Pool.On(t.Host), t.State) // which says what is wrong
	}
	answer := make(chan Sight, 1)
	f.lookouts.mu.Lock()
	if f.lookouts.waiting == nil {
		f.lookouts.waiting = map[remote.HostDigest][]request{}
	}
	queue, busy := f.lookouts.waiting[host]
	f.lookouts.waiting[host] = append(queue, request{t.State, answer})
	f.lookouts.mu.Unlock()
	if !busy {
		// One component's patience must not end the others' look; what is left
		// behind ends with its connection.
		go f.serve(context.WithoutCancel(ctx), host, t.Host)
	}
	select {
	case s := <-answer:
		return s.Observed, s.Err
	case <-ctx.Done():
		return machine.Observed{}, context.Cause(ctx)
	}
}

// serve asks the machine until nobody waits.
func (f *Fleet) serve(ctx context.Context, digest remote.HostDigest, host remote.Host) {
	for more := true; more; more = f.more(digest) {
		_, err := f.Pool.Get(ctx, host)
		requests := f.take(digest)
		var seen []machine.Observed
		if err == nil {
			seen, err = machine.ObserveTogether(ctx, f.Pool.On(host), states(requests)...)
		}
		for i, r := range requests {
			if err != nil {
				r.answer <- Sight{Err: err}
			} else {
				r.answer <- Sight{Observed: seen[i]}
			}
		}
	}
}

func (f *Fleet) take(digest remote.HostDigest) []request {
	f.lookouts.mu.Lock()
	defer f.lookouts.mu.Unlock()
	requests := f.lookouts.waiting[digest]
	f.lookouts.waiting[digest] = nil
	return requests
}

// more says whether somebody has begun to wait; else the machine is not busy
// any more.
func (f *Fleet) more(digest remote.HostDigest) bool {
	f.lookouts.mu.Lock()
	defer f.lookouts.mu.Unlock()
	if len(f.lookouts.waiting[digest]) > 0 {
		return true
	}
	delete(f.lookouts.waiting, digest)
	return false
}

func states(requests []request) []machine.State {
	all := make([]machine.State, len(requests))
	for i, r := range requests {
		all[i] = r.state
	}
	return all
}
