package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// fromPyPI fetches all items in one run of pip, which picks by the checksum
// among the files of a version.
func (s *Store) fromPyPI(ctx context.Context, tmp string, items []Item) error {
	if len(items) == 0 {
		return nil
	}
	s.report("fetching", count(len(items), "file")+" with pip", totalSize(items))
	dir := filepath.Join(tmp, "pypi")
	out := filepath.Join(dir, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var requirements strings.Builder
	for _, i := range items {
		fmt.Fprintf(&requirements, "%s --hash=sha256:%s\n", i.PyPI, i.checksum())
	}
	if err := os.WriteFile(filepath.Join(dir, "requirements.txt"), []byte(requirements.String()), 0o644); err != nil {
		return err
	}
	pip := tool{command: s.Pip, install: "install pip (Debian and Ubuntu: apt-get install python3-pip)"}
	if pip.command == "" {
		pip.command = "pip3"
	}
	failed := pip.run(ctx, dir, items, "download", "--quiet", "--no-input", "--no-deps", "--no-build-isolation",
		"--disable-pip-version-check", "--require-hashes", "--requirement", "requirements.txt", "--dest", out)
	arrived, err := byChecksum(out)
	if err != nil {
		return errors.Join(failed, err)
	}
	return s.collect(items, "pip", func(i Item) string {
		if path, ok := arrived[i.checksum()]; ok {
			return path
		}
		return filepath.Join(out, i.checksum())
	}, failed)
}

// byChecksum finds out which file is which: pip names them as it likes.
func byChecksum(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		hash, _, err := hashFile(path)
		if err != nil {
			return nil, err
		}
		paths[hash] = path
	}
	return paths, nil
}
