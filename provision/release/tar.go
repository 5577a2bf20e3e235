package release

import (
	"archive/tar"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// writeTar writes the tree: sorted, owned by root, without times, directories
// before what is in them. The same lock gives the same bytes.
func (s *Store) writeTar(ctx context.Context, w io.Writer, l Lock) error {
	sums, err := l.Sums()
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	items := append(slices.Clone(l.Items), Item{Place: SumsFile, Text: sums})
	slices.SortFunc(items, func(a, b Item) int { return strings.Compare(a.Place, b.Place) })
	made := map[string]bool{".": true}
	for _, i := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeDirectories(out, path.Dir(i.Place), made); err != nil {
			return err
		}
		if err := s.writeFile(out, i); err != nil {
			return err
		}
	}
	return out.Close()
}

func writeDirectories(out *tar.Writer, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := writeDirectories(out, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	return out.WriteHeader(header(dir+"/", tar.TypeDir, 0o755, 0))
}

func header(name string, kind byte, mode, size int64) *tar.Header {
	return &tar.Header{
		Typeflag: kind, Name: name, Mode: mode, Size: size, Uname: "root", Gname: "root", ModTime: time.Unix(0, 0),
	}
}

// writeFile copies one file into the tar and verifies it on the way.
func (s *Store) writeFile(out *tar.Writer, i Item) (err error) {
	mode := int64(0o644)
	if i.Executable {
		mode = 0o755
	}
	if i.Text != "" {
		if err := out.WriteHeader(header(i.Place, tar.TypeReg, mode, int64(len(i.Text)))); err != nil {
			return fmt.Errorf("%s: %w", i, err)
		}
		_, err := io.WriteString(out, i.Text)
		return err
	}
	from := i.File
	if from == "" {
		from = s.blob(i.checksum())
	}
	f, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	if err := out.WriteHeader(header(i.Place, tar.TypeReg, mode, info.Size())); err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	h := hasherFor(i.checksum())
	if _, err := io.Copy(io.MultiWriter(out, h), f); err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != i.checksum() {
		return s.changed(i, from, got)
	}
	return nil
}

// changed says that a file is not any more what it was when it was locked or
// fetched. A blob of the store is removed, so that it is fetched again.
func (s *Store) changed(i Item, from, got string) error {
	mismatch := &MismatchError{Item: i.String(), From: from, Want: i.checksum(), Got: got}
	if i.File != "" {
		return mismatch
	}
	return errors.Join(&damagedBlobError{mismatch}, os.Remove(from))
}

// damagedBlobError is a blob that changed in the store.
type damagedBlobError struct{ mismatch *MismatchError }

func (e *damagedBlobError) Error() string { return e.mismatch.Error() }
func (e *damagedBlobError) Unwrap() error { return e.mismatch }
