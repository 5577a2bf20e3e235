package release

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"gopkg.in/yaml.v3"
)

// Limits on what an archive may unpack to: above the largest release there is
// (Spark's, 1 GB in some 2,000 files; Hadoop's, 1.5 GB in 25,000) and below
// what a compressed bomb would fill a disk with.
const (
	unpackLimit = 8 << 30
	unpackFiles = 200_000
)

// tree is the list of an archive's files, kept in the store so that an archive
// is read once.
func (s *Store) tree(i Item) string {
	return filepath.Join(s.Dir, "trees", fmt.Sprintf("%s-%d.yaml", i.checksum(), i.Unpack.Strip))
}

// known replaces archives by their files as far as the store knows them; ok is
// false where it does not. A file that the lock names itself wins over one that
// an archive brings to the same place.
func (s *Store) known(l Lock) (resolved Lock, ok bool) {
	named := map[string]bool{}
	for _, i := range l.Items {
		if i.Unpack == nil {
			named[i.Place] = true
		}
	}
	resolved = Lock{Name: l.Name, Version: l.Version}
	for _, i := range l.Items {
		if i.Unpack == nil {
			resolved.Items = append(resolved.Items, i)
			continue
		}
		data, err := os.ReadFile(s.tree(i))
		if err != nil {
			return Lock{}, false
		}
		var files []Item
		if err := yaml.Unmarshal(data, &files); err != nil {
			return Lock{}, false
		}
		for _, f := range files {
			f.Place = path.Join(i.Place, f.Place)
			if !named[f.Place] {
				resolved.Items = append(resolved.Items, f)
			}
		}
	}
	resolved.sort()
	return resolved, true
}

// unpack makes a blob of each of the archive's files and writes their list.
func (s *Store) unpack(ctx context.Context, tmp string, i Item) (err error) {
	s.report("unpacking", i.String(), i.Size)
	f, err := os.Open(s.blob(i.checksum()))
	if err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := decompress(f)
	if err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	defer r.Close()
	files, err := s.unpackTar(ctx, tmp, tar.NewReader(&limited{r: r, left: unpackLimit}), i.Unpack.Strip)
	if err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	if len(files) == 0 {
		return fmt.Errorf("%s: holds no files once %d leading directories are stripped", i, i.Unpack.Strip)
	}
	data, err := yaml.Marshal(files)
	if err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	list := filepath.Join(tmp, "tree")
	if err := os.WriteFile(list, data, 0o644); err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	return os.Rename(list, s.tree(i))
}

func (s *Store) unpackTar(ctx context.Context, tmp string, archive *tar.Reader, strip int) ([]Item, error) {
	places := map[string]bool{}
	var files []Item
	for ctx.Err() == nil {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			slices.SortFunc(files, func(a, b Item) int { return cmp.Compare(a.Place, b.Place) })
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		place, err := archivePlace(header, strip)
		if err != nil {
			return nil, err
		}
		if place == "" {
			continue
		}
		if places[place] {
			return nil, fmt.Errorf("holds %s twice", place)
		}
		if places[place] = true; len(places) > unpackFiles {
			return nil, fmt.Errorf("holds more than %d files", unpackFiles)
		}
		file, err := s.admitStream(tmp, archive)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place, err)
		}
		file.Place, file.Executable = place, header.Mode&0o111 != 0
		files = append(files, file)
	}
	return nil, ctx.Err()
}

// archivePlace says where a file of the archive goes: "" for what is left out,
// an error for what no release may hold.
func archivePlace(h *tar.Header, strip int) (string, error) {
	switch h.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return "", nil
	default:
		return "", fmt.Errorf("holds %s, which is no regular file (tar type %q); releases hold regular files only", h.Name, h.Typeflag)
	}
	name := strings.TrimPrefix(h.Name, "./")
	if err := checkPlace(name); err != nil {
		return "", err
	}
	for range strip {
		_, rest, ok := strings.Cut(name, "/")
		if !ok {
			return "", nil
		}
		name = rest
	}
	return name, checkPlace(name)
}

// admitStream makes a blob of what r holds.
func (s *Store) admitStream(tmp string, r io.Reader) (item Item, err error) {
	f, err := os.CreateTemp(tmp, "file-")
	if err != nil {
		return Item{}, err
	}
	h := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, h), r)
	if err = errors.Join(err, f.Chmod(0o444), f.Close()); err != nil {
		return Item{}, err
	}
	item = Item{SHA256: hex.EncodeToString(h.Sum(nil)), Size: size}
	return item, os.Rename(f.Name(), s.blob(item.SHA256))
}

// decompress finds out by its first bytes how the archive is compressed.
func decompress(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReader(r)
	magic, err := b.Peek(4)
	if err != nil {
		return nil, errors.New("is too short to be an archive")
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(b)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(b, zstd.WithDecoderMaxMemory(1<<30))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case bytes.HasPrefix(magic, []byte("PK")):
		return nil, errors.New("is a zip file; expected tar, tar.gz or tar.zst")
	}
	return io.NopCloser(b), nil
}

// limited fails, where io.LimitedReader would pretend that the end was reached.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("unpacks to more than %d bytes", int64(unpackLimit))
	}
	return n, err
}
