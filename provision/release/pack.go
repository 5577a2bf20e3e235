package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Encoding is how a pack's tar is compressed.
type Encoding string

// Machines are trusted to have tar and gzip, which every Debian does; zstd is
// not part of a minimal one.
const (
	Tar  Encoding = "tar"
	Gzip Encoding = "tar.gz"
)

// worthwhile is the share that gzip must save. Jars are compressed already (a
// Kafka release shrinks by a tenth, which costs more time than sending it);
// static Go programs shrink by half.
const worthwhile = 0.20

// keepPacks is how long a pack that nobody asks for is kept: packs of programs
// under development would otherwise fill the disk. A pack is made again from
// its blobs in a second.
const keepPacks = 30 * 24 * time.Hour

// Pack is a release in one file, ready to be streamed to machines.
type Pack struct {
	Name, Version string
	// Digest is the release's identity, Lock.Digest: the sha256 of the
	// SHA256SUMS in the tree, not of the packed file.
	Digest string
	// Size is the packed file's, in bytes.
	Size     int64
	Encoding Encoding
	// Path is the packed file in the store.
	Path string
}

// Open opens the packed file.
func (p Pack) Open() (io.ReadSeekCloser, error) { return os.Open(p.Path) }

// Pack returns the lock's release as one file, fetching and packing what is not
// there yet. A pack, or a file in the store, that was damaged since is made or
// fetched again. Memory use does not depend on the size of the release.
func (s *Store) Pack(ctx context.Context, l Lock) (Pack, error) {
	resolved, err := s.Resolve(ctx, l)
	if err != nil {
		return Pack{}, err
	}
	digest, err := resolved.Digest()
	if err != nil {
		return Pack{}, err
	}
	if pack, ok := s.packed(resolved, digest); ok {
		return pack, nil
	}
	var pack Pack
	err = s.exclusive(ctx, func(ctx context.Context, tmp string) error {
		var ok bool
		if pack, ok = s.packed(resolved, digest); ok {
			return nil // another process was faster
		}
		err := s.pack(ctx, tmp, resolved, digest)
		if _, damaged := errors.AsType[*damagedBlobError](err); damaged {
			// The damaged blob has been removed: fetch it again, once.
			if resolved, err = s.resolve(ctx, tmp, l); err == nil {
				err = s.pack(ctx, tmp, resolved, digest)
			}
		}
		if err != nil {
			return err
		}
		if pack, ok = s.packed(resolved, digest); !ok {
			return fmt.Errorf("the pack disappeared from %s while it was made", s.Dir)
		}
		return s.forgetOld(time.Now())
	})
	if err != nil {
		return Pack{}, fmt.Errorf("release %s: %w", l, err)
	}
	return pack, nil
}

func (s *Store) packPath(digest, kind string) string {
	return filepath.Join(s.Dir, "packs", digest+"."+kind)
}

// packed finds a finished pack and verifies it by the checksum beside it, once
// in the life of this store: a run asks for the same pack for every machine.
func (s *Store) packed(l Lock, digest string) (Pack, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pack, ok := s.verified[digest]; ok {
		if info, err := os.Stat(pack.Path); err == nil && info.Size() == pack.Size {
			return pack, true
		}
	}
	pack, ok := s.verify(l, digest)
	if ok {
		if s.verified == nil {
			s.verified = map[string]Pack{}
		}
		s.verified[digest] = pack
	}
	return pack, ok
}

func (s *Store) verify(l Lock, digest string) (Pack, bool) {
	for _, encoding := range []Encoding{Tar, Gzip} {
		want, err := os.ReadFile(s.packPath(digest, string(encoding)+".sha256"))
		if err != nil {
			continue
		}
		file := s.packPath(digest, string(encoding))
		got, size, err := hashFile(file)
		if err != nil || got != strings.TrimSpace(string(want)) {
			continue
		}
		now := time.Now()
		_ = os.Chtimes(file, now, now) // says that it is in use; another user's cache may refuse
		return Pack{Name: l.Name, Version: l.Version, Digest: digest, Size: size, Encoding: encoding, Path: file}, true
	}
	return Pack{}, false
}

// pack writes the tree both ways at once and keeps the one that is worth it.
func (s *Store) pack(ctx context.Context, tmp string, l Lock, digest string) (err error) {
	s.report("packing", l.String(), totalSize(l.Items))
	plain, err := os.CreateTemp(tmp, "pack-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plain.Close()) }()
	small, err := os.CreateTemp(tmp, "pack-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, small.Close()) }()
	compressor, err := gzip.NewWriterLevel(small, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := errors.Join(s.writeTar(ctx, io.MultiWriter(plain, compressor), l), compressor.Close()); err != nil {
		return err
	}
	plainSize, err := plain.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	smallSize, err := small.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if float64(smallSize) <= float64(plainSize)*(1-worthwhile) {
		return s.keepPack(small.Name(), digest, Gzip)
	}
	return s.keepPack(plain.Name(), digest, Tar)
}

// keepPack gives a written pack its name. Its checksum comes first: a pack
// without one does not count.
func (s *Store) keepPack(file, digest string, encoding Encoding) error {
	hash, _, err := hashFile(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".sha256", []byte(hash+"\n"), 0o644); err != nil {
		return err
	}
	return errors.Join(
		os.Chmod(file, 0o644),
		os.Rename(file, s.packPath(digest, string(encoding))),
		os.Rename(file+".sha256", s.packPath(digest, string(encoding)+".sha256")),
	)
}

// forgetOld removes packs that nobody asked for in a long time.
func (s *Store) forgetOld(now time.Time) error {
	files, err := filepath.Glob(filepath.Join(s.Dir, "packs", "*"))
	if err != nil {
		return err
	}
	for _, f := range files {
		encoding := strings.TrimSuffix(f, ".sha256")
		info, err := os.Stat(encoding)
		if err == nil && now.Sub(info.ModTime()) < keepPacks {
			continue
		}
		if err := ignoreMissing(os.Remove(f)); err != nil {
			return err
		}
	}
	return nil
}
