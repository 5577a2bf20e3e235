package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Fetch brings everything the lock names into the store and verifies it,
// whatever fetched it. Where all is there it touches neither network nor disk.
// Errors name what is missing: *MismatchError, *MissingToolError, *FetchError.
func (s *Store) Fetch(ctx context.Context, l Lock) error {
	_, err := s.Resolve(ctx, l)
	return err
}

// Resolve fetches the lock and returns it with every archive replaced by its
// files, so that Sums and Digest know them. A lock without archives comes back
// as it is.
func (s *Store) Resolve(ctx context.Context, l Lock) (Lock, error) {
	if err := l.Validate(); err != nil {
		return Lock{}, fmt.Errorf("release %s: %w", l, err)
	}
	if resolved, ok := s.known(l); ok && len(s.missing(resolved)) == 0 {
		return resolved, nil
	}
	var resolved Lock
	err := s.exclusive(ctx, func(ctx context.Context, tmp string) (err error) {
		resolved, err = s.resolve(ctx, tmp, l)
		return err
	})
	if err != nil {
		return Lock{}, fmt.Errorf("release %s: %w", l, err)
	}
	return resolved, nil
}

// Digest is the identity of the lock's release. It follows from the lock alone,
// and nothing is fetched for it, unless there are archives, which do not say
// beforehand what is in them.
func (s *Store) Digest(ctx context.Context, l Lock) (string, error) {
	if slices.ContainsFunc(l.Items, func(i Item) bool { return i.Unpack != nil }) {
		var err error
		if l, err = s.Resolve(ctx, l); err != nil {
			return "", err
		}
	}
	return l.Digest()
}

// resolve is Resolve by who has the store's lock.
func (s *Store) resolve(ctx context.Context, tmp string, l Lock) (Lock, error) {
	resolved, ok := s.known(l)
	if ok && len(s.missing(resolved)) == 0 {
		return resolved, nil // another process was faster
	}
	if err := s.fetch(ctx, tmp, s.missing(l)); err != nil {
		return Lock{}, err
	}
	for _, i := range l.Items {
		if i.Unpack != nil {
			if err := s.unpack(ctx, tmp, i); err != nil {
				return Lock{}, err
			}
		}
	}
	if resolved, ok = s.known(l); !ok {
		return Lock{}, fmt.Errorf("the list of an archive's files disappeared from %s while it was used", s.Dir)
	}
	return resolved, resolved.validateResolved()
}

// validateResolved finds places that an archive's files take twice.
func (l Lock) validateResolved() error {
	for n := range l.Items {
		if n > 0 && l.Items[n].Place == l.Items[n-1].Place {
			return fmt.Errorf("two archives bring %s", l.Items[n].Place)
		}
	}
	return nil
}

// missing are the items, each checksum once, that must be brought in. Local
// files stay where they are unless they are archives.
func (s *Store) missing(l Lock) []Item {
	var missing []Item
	seen := map[string]bool{}
	for _, i := range l.Items {
		if i.Text != "" || i.File != "" && i.Unpack == nil || seen[i.checksum()] {
			continue
		}
		seen[i.checksum()] = true
		if !s.has(i.checksum()) {
			missing = append(missing, i)
		}
	}
	return missing
}

// fetch brings items in: from the sources, then each kind by its client. Every
// client is tried although one before failed, so that one run brings and tells
// as much as it can.
func (s *Store) fetch(ctx context.Context, tmp string, items []Item) error {
	items, err := s.fromSources(tmp, items)
	if err != nil {
		return err
	}
	var maven, pypi, web, local []Item
	for _, i := range items {
		switch {
		case i.Maven != "":
			maven = append(maven, i)
		case i.PyPI != "":
			pypi = append(pypi, i)
		case i.URL != "":
			web = append(web, i)
		case i.File != "":
			local = append(local, i)
		}
	}
	return errors.Join(
		s.fromMaven(ctx, tmp, maven),
		s.fromPyPI(ctx, tmp, pypi),
		s.fromWeb(ctx, tmp, web),
		s.fromFiles(tmp, local),
	)
}

// fromSources takes what directories of blobs have, and returns what they do not.
// A damaged blob is an error: a directory that was carried in by hand is meant
// to be complete, and going to the network instead would hide that.
func (s *Store) fromSources(tmp string, items []Item) (missing []Item, err error) {
	var errs []error
	for _, i := range items {
		found := false
		for _, dir := range s.Sources {
			path := filepath.Join(dir, i.checksum())
			if _, err := os.Stat(path); err == nil {
				found = true
				errs = append(errs, s.copyIn(tmp, i, path))
				break
			}
		}
		if !found {
			missing = append(missing, i)
		}
	}
	return missing, errors.Join(errs...)
}

func (s *Store) fromFiles(tmp string, items []Item) error {
	var errs []error
	for _, i := range items {
		errs = append(errs, s.copyIn(tmp, i, i.File))
	}
	return errors.Join(errs...)
}

func (s *Store) copyIn(tmp string, i Item, path string) error {
	copied := filepath.Join(tmp, i.checksum())
	if err := copyFile(copied, path); err != nil {
		return fmt.Errorf("%s: %w", i, err)
	}
	return s.admit(i, copied, path)
}

// copyFile copies src to dst, which must not exist.
func copyFile(dst, src string) (err error) {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Export writes everything the lock must fetch into dir, one file a checksum,
// ready to be carried to a controller without a network and named in
// Store.Sources there. What is in dir already stays.
func (s *Store) Export(ctx context.Context, l Lock, dir string) error {
	if err := s.Fetch(ctx, l); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("export release %s: %w", l, err)
	}
	for _, i := range l.Items {
		to := filepath.Join(dir, i.checksum())
		if _, err := os.Stat(to); err == nil || !s.has(i.checksum()) {
			continue // there already, or text or a local file: these come with the lock
		}
		// Renamed into place, so that a cut-off export leaves no half a file.
		part := to + ".part"
		err := errors.Join(ignoreMissing(os.Remove(part)), copyFile(part, s.blob(i.checksum())))
		if err == nil {
			err = os.Rename(part, to)
		}
		if err != nil {
			return fmt.Errorf("export release %s: %s: %w", l, i, err)
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
