package release

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Carry completes a directory that Export has filled: it copies programs to
// their places in it (place: path on this computer) and lists all files of it in
// SHA256SUMS, so that `sha256sum --check` tells on the other side whether it
// arrived whole. Files that the directory no longer needs stay, and are listed.
func Carry(dir string, programs map[string]string) (files int, bytes int64, err error) {
	for _, place := range slices.Sorted(maps.Keys(programs)) {
		if err := carry(filepath.Join(dir, place), programs[place]); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", place, err)
		}
	}
	var list strings.Builder
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		name, relErr := filepath.Rel(dir, path)
		if err = errors.Join(err, relErr); err != nil || !d.Type().IsRegular() || name == SumsFile || strings.HasSuffix(name, ".part") {
			return err
		}
		digest, size, err := hashFile(path)
		if err != nil {
			return err
		}
		files, bytes = files+1, bytes+size
		fmt.Fprintf(&list, "%s  %s\n", digest, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	return files, bytes, replaceFile(filepath.Join(dir, SumsFile), func(part string) error {
		return os.WriteFile(part, []byte(list.String()), 0o644)
	})
}

func carry(to, from string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return replaceFile(to, func(part string) error {
		return errors.Join(copyFile(part, from), os.Chmod(part, 0o755))
	})
}

// replaceFile gives a file its name once it is whole.
func replaceFile(path string, write func(part string) error) error {
	part := path + ".part"
	if err := errors.Join(ignoreMissing(os.Remove(part)), write(part)); err != nil {
		return err
	}
	return os.Rename(part, path)
}
