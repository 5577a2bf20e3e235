package postgres

import (
	"context"
	"sync"
	"time"
)

// heart has others hear of this instance while it loads or commits, which may take
// longer than the lease: were its partitions taken then, the heir would load for as
// long, and lose them in turn.
type heart struct {
	end  context.CancelFunc
	done sync.WaitGroup
}

func (h *heart) start(beat func(context.Context)) {
	ctx, end := context.WithCancel(context.Background())
	h.end = end
	h.done.Go(func() {
		ticker := time.NewTicker(lease / 5)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				beat(ctx)
			}
		}
	})
}

func (h *heart) stop() {
	h.end()
	h.done.Wait()
}

// beat renews this member. One whose lease has ended joins again by Share. An error
// is Share's to tell, and the next commit's.
func (s *Store) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lease)
	defer cancel()
	_, _ = s.pool.Exec(ctx, `UPDATE weir_member SET seen = clock_timestamp()
		WHERE name = $1 AND seen >= clock_timestamp() - $2::interval`, s.instance, lease)
}
