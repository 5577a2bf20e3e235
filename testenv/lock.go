package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// lockPoll is how often a held lock is tried again: holders keep it for tens of
// milliseconds, or for the minutes an image takes.
const lockPoll = 20 * time.Millisecond

// lock takes the lock of that name, among goroutines and among this user's
// processes, and returns its release. The kernel releases it when the process
// dies, so no lock outlives its holder.
func lock(ctx context.Context, name string) (release func(), err error) {
	dir, err := os.UserCacheDir()
	if err != nil { // no home directory, as in a bare service
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("weir-%d", os.Getuid()))
	}
	dir = filepath.Join(dir, "weir", "locks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		if err := pause(ctx, lockPoll); err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("waiting for another run that holds %s: %w", f.Name(), err)
		}
	}
}

// pause waits for d, or returns ctx's cause when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
