package release

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	// fetchTimeout is for everything one lock is missing: half a gigabyte over
	// a slow office line, with room to spare.
	fetchTimeout = 30 * time.Minute
	// lockPoll is how often a store that another process is filling is looked at.
	lockPoll = 100 * time.Millisecond
)

// Store is a cache of what locks name: blobs by checksum, and packs of them.
// Any number of processes may use the same directory, and any number of
// goroutines the same Store, which must not be copied.
type Store struct {
	// Dir is the cache directory; it is made where it is missing.
	Dir string
	// Sources are directories of blobs, as Export fills them, that are asked
	// before any network.
	Sources []string
	// Maven and Pip are the clients' commands; empty is "mvn" and "pip3".
	Maven, Pip string
	// HTTP fetches archives; nil is a client that honours the proxy variables.
	HTTP *http.Client
	// Progress, which may be nil, is told what is being done. It may
	// be called from several goroutines at once where several use the store.
	Progress func(Progress)

	mu       sync.Mutex
	verified map[string]Pack // by digest: checked by this process
}

// Progress is one thing a store is doing, told when it begins.
type Progress struct {
	// Doing is "waiting", "copying", "fetching", "unpacking" or "packing".
	Doing string
	// What names it: "105 files with mvn", "kafka 3.9.2".
	What string
	// Bytes is how much it is, 0 where that is not known.
	Bytes int64
}

// String returns a line for a person.
func (p Progress) String() string {
	if p.Bytes < 1e5 {
		return p.Doing + " " + p.What
	}
	return fmt.Sprintf("%s %s (%.1f MB)", p.Doing, p.What, float64(p.Bytes)/1e6)
}

// DefaultDir is where the cache is unless a person says otherwise:
// $WEIR_CACHE, else weir in the user's cache directory ($XDG_CACHE_HOME).
func DefaultDir() (string, error) {
	if dir := os.Getenv("WEIR_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache directory: %w; set WEIR_CACHE to a directory", err)
	}
	return filepath.Join(dir, "weir"), nil
}

// SourcesVariable is the environment's variable that names directories of
// fetched software, as `ops fetch` fills them, separated like those of PATH.
const SourcesVariable = "WEIR_FETCHED"

// DefaultSources are the directories that $WEIR_FETCHED names.
func DefaultSources() []string {
	return slices.DeleteFunc(filepath.SplitList(os.Getenv(SourcesVariable)), func(dir string) bool { return dir == "" })
}

func (s *Store) blob(checksum string) string { return filepath.Join(s.Dir, "blobs", checksum) }

func (s *Store) has(checksum string) bool {
	info, err := os.Stat(s.blob(checksum))
	return err == nil && info.Mode().IsRegular()
}

func (s *Store) report(doing, what string, bytes int64) {
	if s.Progress != nil {
		s.Progress(Progress{Doing: doing, What: what, Bytes: bytes})
	}
}

// exclusive runs work with the store to itself, in this process and among all,
// and a directory that is removed afterwards. What a killed process left in
// such a directory is removed by the next.
func (s *Store) exclusive(ctx context.Context, work func(ctx context.Context, tmp string) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	for _, dir := range []string{"blobs", "packs", "trees"} {
		if err := os.MkdirAll(filepath.Join(s.Dir, dir), 0o755); err != nil {
			return fmt.Errorf("cache directory: %w; set WEIR_CACHE to a directory that can be written", err)
		}
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	tmp := filepath.Join(s.Dir, "tmp")
	if err := errors.Join(os.RemoveAll(tmp), os.Mkdir(tmp, 0o700)); err != nil {
		return fmt.Errorf("cache directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	return work(ctx, tmp)
}

// lock takes the store's lock, which the kernel gives back when a process ends.
// It asks again and again because a blocking flock cannot be cancelled.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cache directory: %w", err)
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for waited := false; ; waited = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
		}
		if !waited {
			s.report("waiting", "for another process that fills "+s.Dir, 0)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("waiting for another process that fills %s: %w", s.Dir, ctx.Err()), f.Close())
		case <-ticker.C:
		}
	}
}

// admit takes a fetched file into the store if it is what the item says, and
// removes it if it is not. from names who brought it.
func (s *Store) admit(i Item, file, from string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	got, err := checksumLike(f, i.checksum())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	if got != i.checksum() {
		return errors.Join(&MismatchError{Item: i.String(), From: from, Want: i.checksum(), Got: got}, os.Remove(file))
	}
	if err := os.Chmod(file, 0o444); err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	return os.Rename(file, s.blob(i.checksum()))
}

// checksumLike reads r to its end and returns the checksum of want's kind.
func checksumLike(r io.Reader, want string) (string, error) {
	h := hasherFor(want)
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hasherFor tells sha512 from sha256 by its length.
func hasherFor(checksum string) hash.Hash {
	if len(checksum) == hex.EncodedLen(sha512.Size) {
		return sha512.New()
	}
	return sha256.New()
}
