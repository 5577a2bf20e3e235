package release

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// File is a file on the controller and its place in a release made of such files.
type File struct {
	Place string
	// Path is where it is; a relative one is taken from the current directory.
	Path       string
	Executable bool
}

// FromFiles locks local files as they are now: a program that was just built.
// The files are read and their checksums taken, once in a process where neither size
// nor time changes; one that changes before it is packed is an error then. An empty version becomes the first 12 hex digits of
// the content's digest.
func FromFiles(name, version string, files ...File) (Lock, error) {
	l := Lock{Name: name, Version: version}
	for _, f := range files {
		path, err := filepath.Abs(f.Path)
		if err != nil {
			return Lock{}, fmt.Errorf("release %s: %w", name, err)
		}
		item := Item{Place: f.Place, File: path, Executable: f.Executable}
		if item.SHA256, item.Size, err = hashOnce(path); err != nil {
			return Lock{}, fmt.Errorf("release %s: %w", name, err)
		}
		l.Items = append(l.Items, item)
	}
	l.sort()
	if version == "" {
		digest, err := l.Digest()
		if err != nil {
			return Lock{}, err
		}
		l.Version = digest[:12]
	}
	if err := l.Validate(); err != nil {
		return Lock{}, fmt.Errorf("release %s: %w", l, err)
	}
	return l, nil
}

// FromArchive locks one archive, unpacked at the tree's root without its strip
// leading directories. from is a URL or a path on the controller; checksum is a
// sha256 or a sha512 in hex, and may be empty for a local file, whose content is
// then taken as it is now.
func FromArchive(name, version, from, checksum string, strip int) (Lock, error) {
	item := Item{Place: ".", Unpack: &Unpack{Strip: strip}}
	checksum = strings.ToLower(strings.TrimSpace(checksum))
	if strings.Contains(from, "://") {
		item.URL = from
	} else {
		path, err := filepath.Abs(from)
		if err != nil {
			return Lock{}, fmt.Errorf("release %s %s: %w", name, version, err)
		}
		item.File = path
		if checksum == "" {
			if checksum, item.Size, err = hashOnce(path); err != nil {
				return Lock{}, fmt.Errorf("release %s %s: %w", name, version, err)
			}
		}
	}
	if len(checksum) == 128 {
		item.SHA512 = checksum
	} else {
		item.SHA256 = checksum
	}
	l := Lock{Name: name, Version: version, Items: []Item{item}}
	if err := l.Validate(); err != nil {
		return Lock{}, fmt.Errorf("release %s: %w", l, err)
	}
	return l, nil
}

// hashFile returns a regular file's sha256 and size.
func hashFile(path string) (hash string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%s is a %s; expected a regular file", path, info.Mode().Type())
	}
	h := sha256.New()
	size, err = io.Copy(h, f)
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// hashOnce is hashFile for files that people make: one that has the size and the
// time that it had is not read again.
func hashOnce(path string) (hash string, size int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", 0, err
	}
	is := asOf{path, info.Size(), info.ModTime().UnixNano()}
	if known, ok := hashes.Load(is); ok {
		return known.(string), is.size, nil
	}
	hash, size, err = hashFile(path)
	if err == nil && size == is.size {
		hashes.Store(is, hash)
	}
	return hash, size, err
}

// asOf is a file as it was at some time.
type asOf struct {
	path       string
	size, time int64
}

// hashes are those of the files that this process has read, by asOf.
var hashes sync.Map
