package machine_test

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weir/provision/machine"
	"weir/provision/remote/remotetest"
)

// endless is a packed release of a size, which is nowhere: not in memory, and
// on no disk.
type endless struct{ *io.SectionReader }

func (endless) Close() error { return nil }

// pattern is what it holds.
type pattern struct{}

func (pattern) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = byte(off + int64(i))
	}
	return len(p), nil
}

// TestMemoryStaysFlatWhileAReleaseIsStreamed brings a release of some hundred
// megabytes to two machines at once, over real connections.
func TestMemoryStaysFlatWhileAReleaseIsStreamed(t *testing.T) {
	const (
		size = 192 << 20
		// most is far above what two connections, the garbage of a few rounds and
		// this test need (4 to 8 MB were seen), and far below one release.
		most = 32 << 20
	)
	want := machine.State{Cluster: "c", Component: "big", Releases: []machine.Release{
		{Name: "big", Version: "1", Digest: fmt.Sprintf("%064d", 1), Root: "/opt/weir/big"},
	}}
	packs := func(context.Context, machine.Release) (machine.Pack, error) {
		return machine.Pack{Size: size, Open: func() (io.ReadSeekCloser, error) {
			return endless{io.NewSectionReader(pattern{}, 0, size)}, nil
		}}, nil
	}
	var arrived atomic.Int64
	var group errgroup.Group
	peak := watchHeap(t)
	for _, name := range []string{"weir-1", "weir-2"} {
		server := remotetest.Start(t, remotetest.Config{Name: name})
		server.Play(remotetest.Swallow(&arrived))
		client := remotetest.Dial(t, server)
		group.Go(func() error {
			return machine.Apply(t.Context(), client, machine.Diff(name, want, machine.Observed{}), machine.Stage, packs, nil)
		})
	}
	err := group.Wait()
	if got := peak(); got > most {
		t.Errorf("%d MB of heap for two streams of %d MB, want %d MB at most", got>>20, size>>20, most>>20)
	}
	if got := arrived.Load(); err != nil || got < 2*size {
		t.Errorf("%d bytes have arrived, %v; want 2 releases of %d", got, err, size)
	}
}

// watchHeap measures the most memory that is in use until peak is called.
func watchHeap(t *testing.T) (peak func() uint64) {
	t.Helper()
	var most atomic.Uint64
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for {
			select {
			case <-tick.C:
				runtime.GC() // what is garbage does not count
				runtime.ReadMemStats(&m)
				most.Store(max(most.Load(), m.HeapAlloc))
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() uint64 {
		cancel()
		<-ended
		return most.Load()
	}
}
