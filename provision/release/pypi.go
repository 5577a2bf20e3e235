package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// fromPyPI fetches items one after the other: they are few, and one run of pip
// refuses two versions of a project.
func (s *Store) fromPyPI(ctx context.Context, tmp string, items []Item) error {
	var errs []error
	for _, i := range items {
		s.report("fetching", i.PyPI+" with pip", i.Size)
		errs = append(errs, s.pipDownload(ctx, filepath.Join(tmp, "pypi-"+i.checksum()), i))
	}
	return errors.Join(errs...)
}

// pipDownload has pip pick by the checksum among the files of a version. Of a
// source archive pip wants to know the metadata, for which it runs the build
// step of what it has just verified, in an environment of its own.
func (s *Store) pipDownload(ctx context.Context, dir string, i Item) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	requirement := fmt.Sprintf("%s --hash=sha256:%s\n", i.PyPI, i.checksum())
	if err := os.WriteFile(filepath.Join(dir, "requirements.txt"), []byte(requirement), 0o644); err != nil {
		return err
	}
	pip := tool{command: s.Pip, install: "install pip (Debian and Ubuntu: apt-get install python3-pip)"}
	if pip.command == "" {
		pip.command = "pip3"
	}
	failed := pip.run(ctx, dir, []Item{i}, "download", "--quiet", "--no-input", "--no-deps",
		"--disable-pip-version-check", "--require-hashes", "--requirement", "requirements.txt", "--dest", "out")
	arrived, err := byChecksum(filepath.Join(dir, "out"))
	if err != nil {
		return errors.Join(failed, err)
	}
	path := func(Item) string {
		return cmp.Or(arrived[i.checksum()], filepath.Join(dir, "out", i.checksum()))
	}
	return s.collect([]Item{i}, "pip", path, failed)
}

// byChecksum finds out which file is which: pip names them as it likes.
func byChecksum(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err = ignoreMissing(err); err != nil {
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
