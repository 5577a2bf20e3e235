// Package store keeps the calculator's state on disk: for each input partition
// the next offset and the sums of its pages, and an outbox of dead letters.
//
// Guarantee: what Commit is given becomes durable completely or not at all, in
// one synced batch. A process killed at any moment finds the state of its last
// commit that returned, or of the one that was under way. One process at a time
// can hold a state.
//
// Layout of the directory: LOCK, and db with Pebble's files; db.replaced is the
// state that a rebuild put aside.
package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/jobs/behavior"
)

// ErrLocked says that another process holds the state.
var ErrLocked = errors.New("another process uses this state directory")

// Sizes of Pebble's memory: enough for millions of pages, small beside the sums
// themselves, which the calculator holds in memory too.
const (
	memTableBytes = 16 << 20
	cacheBytes    = 32 << 20
)

// Store is an open state. Its methods may be called concurrently.
type Store struct {
	dir  string
	lock io.Closer
	db   *pebble.DB
	// closing keeps the outbox, which is emptied beside the counting, from
	// using a database that is closed.
	closing sync.RWMutex
	closed  bool
}

// ErrClosed says that the store was closed before the call.
var ErrClosed = errors.New("the state is closed")

// Open opens the state in dir, which is created where it is missing. The error
// is ErrLocked where another process has it open. With replace a state that is
// there is put aside, and the state is new.
func Open(dir string, replace bool, log *slog.Logger) (*Store, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("create the state directory: %w", err)
	}
	lock, err := vfs.Default.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("state %s: %w (%v)", dir, ErrLocked, err)
	}
	s := &Store{dir: dir, lock: lock}
	if err := s.open(replace, log); err != nil {
		return nil, errors.Join(fmt.Errorf("state %s: %w", dir, err), lock.Close())
	}
	return s, nil
}

func (s *Store) open(replace bool, log *slog.Logger) error {
	path := filepath.Join(s.dir, "db")
	if replace {
		if err := putAside(path); err != nil {
			return err
		}
	}
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref() // the database holds a reference of its own
	db, err := pebble.Open(path, &pebble.Options{
		Cache:              cache,
		MemTableSize:       memTableBytes,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             logger{log},
	})
	s.db = db
	return err
}

// putAside keeps the last state that a rebuild replaced, for a person who did
// not mean it.
func putAside(path string) error {
	aside := path + ".replaced"
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := os.RemoveAll(aside); err != nil {
		return fmt.Errorf("remove the state put aside before: %w", err)
	}
	return os.Rename(path, aside)
}

// logger passes on what matters of Pebble's messages.
type logger struct{ *slog.Logger }

func (l logger) Infof(string, ...any)              {}
func (l logger) Errorf(format string, args ...any) { l.Error("state: " + fmt.Sprintf(format, args...)) }
func (l logger) Fatalf(format string, args ...any) {
	// Pebble cannot go on, for example because the disk is full, and must not
	// return. The state on disk is that of the last commit.
	l.Error("state failed, stopping: " + fmt.Sprintf(format, args...))
	os.Exit(1)
}

// Close closes the state and releases its lock. Closing twice is no error.
func (s *Store) Close() error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.db.Close(), s.lock.Close())
}

// Identity returns what the state counts; false where it is new.
func (s *Store) Identity() (id Identity, found bool, err error) {
	value, closer, err := s.db.Get([]byte(identityKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return Identity{}, false, nil
	}
	if err != nil {
		return Identity{}, false, err
	}
	defer closer.Close()
	if err := json.Unmarshal(value, &id); err != nil {
		return Identity{}, false, fmt.Errorf("state's identity %q: %w", value, err)
	}
	return id, true, nil
}

// NewState returns an id for a state that begins now.
func NewState(now time.Time) string {
	var random [4]byte
	_, _ = rand.Read(random[:]) // documented never to fail
	return now.UTC().Format("20060102T150405.000Z-") + hex.EncodeToString(random[:])
}

// Begin writes the identity, and positions where a new state has them, in one
// synced batch.
func (s *Store) Begin(id Identity, positions map[int32]Position) error {
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := batch.Set([]byte(identityKey), encode(id), nil); err != nil {
		return err
	}
	for partition, position := range positions {
		if err := batch.Set(partitionKey(positionTag, partition), encode(position), nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.Sync)
}

// Positions returns the stored position of each partition.
func (s *Store) Positions() (map[int32]Position, error) {
	positions := map[int32]Position{}
	err := s.scan([]byte{positionTag}, []byte{positionTag + 1}, func(key, value []byte) error {
		partition, _, err := splitKey(key)
		if err != nil {
			return err
		}
		var p Position
		if err := json.Unmarshal(value, &p); err != nil {
			return fmt.Errorf("state's position of partition %d: %w", partition, err)
		}
		positions[partition] = p
		return nil
	})
	return positions, err
}

// Pages calls visit with the stored sums of each page of a partition, in the
// order of page ids, and with the next offset of the commit that changed them
// last. The page is only valid during the call.
func (s *Store) Pages(partition int32, visit func(page []byte, sums behavior.Sums, changed int64) error) error {
	low, high := partitionKey(pageTag, partition), partitionKey(pageTag, partition+1)
	return s.scan(low, high, func(key, value []byte) error {
		const changedSize = 8
		var sums behavior.Sums
		split := max(len(value)-changedSize, 0)
		if err := sums.UnmarshalBinary(value[:split]); err != nil {
			return fmt.Errorf("partition %d page %q: %w", partition, key[headerSize:], err)
		}
		return visit(key[headerSize:], sums, int64(binary.BigEndian.Uint64(value[split:])))
	})
}

// scan visits the keys from low up to, not including, high.
func (s *Store) scan(low, high []byte, visit func(key, value []byte) error) (err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for it.First(); it.Valid(); it.Next() {
		if err := visit(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return it.Error()
}
