// Package disk keeps the calculator's state in a directory.
//
// Guarantee: what Commit is given becomes durable completely or not at all, in
// one synced batch. A process killed at any moment finds the state of its last
// commit that returned, or of the one that was under way. One process at a time
// can hold a state.
//
// Layout of the directory: LOCK, and db with Pebble's files; db.replaced is the
// state that a rebuild put aside.
package disk

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
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
	// owned are the partitions that were shared.
	owned map[int32]bool
}

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
	s := &Store{dir: dir, lock: lock, owned: map[int32]bool{}}
	if err := s.open(replace, log); err != nil {
		return nil, errors.Join(fmt.Errorf("state %s: %w", dir, err), lock.Close())
	}
	return s, nil
}

// open opens the database, or with replace a new one. One that has no identity yet
// is new: it must not take the place of what an attempt before this put aside.
func (s *Store) open(replace bool, log *slog.Logger) error {
	path := filepath.Join(s.dir, "db")
	err := s.openDatabase(path, log)
	if !replace {
		return err
	}
	if err == nil {
		_, found, err := s.Identity(context.Background())
		if err == nil && !found {
			return nil
		}
		if err := s.db.Close(); err != nil {
			return err
		}
	}
	if err := putAside(path); err != nil {
		return err
	}
	return s.openDatabase(path, log)
}

func (s *Store) openDatabase(path string, log *slog.Logger) error {
	cache := pebble.NewCache(cacheBytes)
	defer cache.Unref() // the database holds a reference of its own
	options := &pebble.Options{
		Cache:              cache,
		MemTableSize:       memTableBytes,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             logger{log},
		EventListener:      &pebble.EventListener{BackgroundError: logger{log}.fail},
	}
	// Blocks and buckets are narrow already: compressing took a sixth of a commit's
	// time, and a hundredth off its size.
	options.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionNone })
	db, err := pebble.Open(path, options)
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
	// return.
	l.fail(fmt.Errorf(format, args...))
}

// fail ends the process: the state on disk is that of the last commit. Pebble
// would try a write in the background again at once, and for ever, with a line in
// the log each time, and commits would wait for it.
func (l logger) fail(err error) {
	// As a text: as a value it would be printed with its stack.
	l.Error("state failed, stopping", "error", err.Error(), "next", "make room, or mend the disk, and start again")
	os.Exit(1)
}

// Close implements store.Store.
func (s *Store) Close(context.Context) error {
	s.closing.Lock()
	defer s.closing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	return errors.Join(s.db.Close(), s.lock.Close())
}

// Identity implements store.Store.
func (s *Store) Identity(context.Context) (id store.Identity, found bool, err error) {
	value, closer, err := s.db.Get([]byte(identityKey))
	if errors.Is(err, pebble.ErrNotFound) {
		return store.Identity{}, false, nil
	}
	if err != nil {
		return store.Identity{}, false, err
	}
	defer closer.Close()
	if err := json.Unmarshal(value, &id); err != nil {
		return store.Identity{}, false, fmt.Errorf("state's identity %q: %w", value, err)
	}
	return id, true, nil
}

// Begin implements store.Store.
func (s *Store) Begin(_ context.Context, id store.Identity, positions map[int32]store.Position) error {
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := batch.Set([]byte(identityKey), encode(id), nil); err != nil {
		return err
	}
	return s.write(batch, positions)
}

// write writes positions and commits the batch.
func (s *Store) write(batch *pebble.Batch, positions map[int32]store.Position) error {
	for partition, position := range positions {
		if err := batch.Set(partitionKey(positionTag, partition), encode(position), nil); err != nil {
			return err
		}
	}
	return batch.Commit(pebble.Sync)
}

// Share implements store.Store: who holds the directory counts all partitions.
func (s *Store) Share(ctx context.Context, partitions []int32) (map[int32]store.Position, []int32, error) {
	fresh := slices.DeleteFunc(slices.Clone(partitions), func(p int32) bool { return s.owned[p] })
	if len(fresh) == 0 {
		return nil, nil, nil
	}
	positions, err := s.Positions(ctx)
	if err != nil {
		return nil, nil, err
	}
	taken := map[int32]store.Position{}
	for _, partition := range fresh {
		position := positions[partition]
		position.Epoch++
		taken[partition] = position
	}
	batch := s.db.NewBatch()
	defer batch.Close()
	if err := s.write(batch, taken); err != nil {
		return nil, nil, err
	}
	for partition := range taken {
		s.owned[partition] = true
	}
	return taken, nil, nil
}

// Release implements store.Store; nobody else wants it.
func (s *Store) Release(context.Context, int32) error { return nil }

// Positions implements store.Store.
func (s *Store) Positions(context.Context) (map[int32]store.Position, error) {
	positions := map[int32]store.Position{}
	err := s.scan([]byte{positionTag}, []byte{positionTag + 1}, func(key, value []byte) error {
		partition, _, err := splitKey(key)
		if err != nil {
			return err
		}
		var p store.Position
		if err := json.Unmarshal(value, &p); err != nil {
			return fmt.Errorf("state's position of partition %d: %w", partition, err)
		}
		positions[partition] = p
		return nil
	})
	return positions, err
}

// Pages implements store.Store, in the order of slots.
func (s *Store) Pages(_ context.Context, partition int32, visit func(page []byte, sums behavior.Sums, changed int64) error) (err error) {
	names, err := s.db.NewIter(&pebble.IterOptions{
		LowerBound: partitionKey(namesTag, partition), UpperBound: partitionKey(namesTag, partition+1),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, names.Close()) }()
	names.First()
	d, first, last := new(decoder), uint32(0), false
	err = s.scan(partitionKey(sumsTag, partition), partitionKey(sumsTag, partition+1), func(key, value []byte) error {
		count, err := d.read(partition, first, key, value, names)
		switch {
		case err != nil:
			return fmt.Errorf("partition %d, pages from %d on: %w", partition, first, err)
		case last:
			return fmt.Errorf("partition %d, pages before %d: %w: some are missing", partition, first, errBlock)
		}
		for i := range count {
			if err := visit(d.names[i], d.sums[i], d.changed[i]); err != nil {
				return err
			}
		}
		first, last = first+store.BlockPages, count < store.BlockPages
		names.Next()
		return nil
	})
	if err == nil && names.Valid() {
		err = fmt.Errorf("partition %d, pages from %d on: %w: it has no sums", partition, first, errBlock)
	}
	return errors.Join(err, names.Error())
}

// Buckets implements store.Store.
func (s *Store) Buckets(_ context.Context, w store.Width, partition int32, visit func(bucket int32, page []byte, sums behavior.Sums) error) error {
	const size = headerSize + 4
	low, high := partitionKey(byte(w), partition), partitionKey(byte(w), partition+1)
	return s.scan(low, high, func(key, value []byte) error {
		if len(key) < size {
			return fmt.Errorf("state key %x is too short", key)
		}
		bucket := int32(binary.BigEndian.Uint32(key[headerSize:]))
		sums, err := readSums(value)
		if err != nil {
			return fmt.Errorf("partition %d, %s %d, page %q: %w", partition, w, bucket, key[size:], err)
		}
		return visit(bucket, key[size:], sums)
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
