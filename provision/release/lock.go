package release

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"gopkg.in/yaml.v3"
)

// Lock names a release and every item of it. Its YAML form is meant to be
// reviewed and committed.
type Lock struct {
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	// Items are in the order of their places.
	Items []Item `yaml:"items"`
}

// Item is one thing to fetch: a file of the tree, or an archive of many.
// Exactly one of Maven, PyPI, URL, File and Text says where it comes from.
type Item struct {
	// Place is the file's path in the tree, "libs/zookeeper-3.8.4.jar"; for an
	// archive the directory it is unpacked in, "." for the tree's root.
	Place string `yaml:"place"`

	// Maven is group:artifact:version[:classifier][@type]; type defaults to jar.
	Maven string `yaml:"maven,omitempty"`
	// PyPI is name==version; the checksum tells which of its files is meant.
	PyPI string `yaml:"pypi,omitempty"`
	// URL is fetched by HTTP or HTTPS, honouring HTTPS_PROXY and its kin.
	URL string `yaml:"url,omitempty"`
	// File is an absolute path on the controller.
	File string `yaml:"file,omitempty"`
	// Text is the content itself; it needs no checksum.
	Text string `yaml:"text,omitempty"`

	// SHA256 is in lower-case hex.
	SHA256 string `yaml:"sha256,omitempty"`
	// SHA512 may stand for SHA256 where the item is unpacked: it is what some
	// projects publish beside their archives.
	SHA512 string `yaml:"sha512,omitempty"`
	// Size is in bytes; 0 is unknown.
	Size int64 `yaml:"size,omitempty"`
	// Executable gives the file mode 0755, else it has 0644.
	Executable bool `yaml:"executable,omitempty"`
	// Unpack, where it is set, replaces an archive by its content.
	Unpack *Unpack `yaml:"unpack,omitempty"`
}

// Unpack says how an archive becomes part of the tree.
type Unpack struct {
	// Strip is how many leading directories of the archive's paths are dropped.
	Strip int `yaml:"strip"`
}

// Parse reads a lock and validates it. file is named in errors. An unknown key
// is an error: a misspelt "exectuable" must not be passed over.
func Parse(file string, data []byte) (Lock, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	var l Lock
	if err := decoder.Decode(&l); err != nil {
		return Lock{}, fmt.Errorf("lock file %s: %w", file, err)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Lock{}, fmt.Errorf("lock file %s: expected one YAML document, found more", file)
	}
	if err := l.Validate(); err != nil {
		return Lock{}, fmt.Errorf("lock file %s: %w", file, err)
	}
	l.sort()
	return l, nil
}

// Encode returns the lock in its YAML form, items sorted by place, as Parse
// reads it.
func (l Lock) Encode() ([]byte, error) {
	l.Items = slices.Clone(l.Items)
	l.sort()
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(l); err != nil {
		return nil, fmt.Errorf("lock %s: %w", l, err)
	}
	return b.Bytes(), nil
}

// With returns the lock with more items; one whose place is taken replaces
// what was there.
func (l Lock) With(items ...Item) Lock {
	taken := make(map[string]bool, len(items))
	for _, i := range items {
		taken[i.Place] = true
	}
	kept := slices.DeleteFunc(slices.Clone(l.Items), func(i Item) bool { return i.Unpack == nil && taken[i.Place] })
	l.Items = append(kept, items...)
	l.sort()
	return l
}

// String returns the release's name and version, "kafka 3.9.2".
func (l Lock) String() string { return l.Name + " " + l.Version }

func (l Lock) sort() {
	slices.SortStableFunc(l.Items, func(a, b Item) int { return cmp.Compare(a.Place, b.Place) })
}

// String names the item as a person would look for it.
func (i Item) String() string {
	switch {
	case i.Text != "" || i.source() == "":
		return i.Place
	case i.Unpack != nil:
		return i.source()
	}
	return i.Place + " (" + i.source() + ")"
}

// source is where the item comes from, empty for what is text or only in the store.
func (i Item) source() string { return cmp.Or(i.Maven, i.PyPI, i.URL, i.File) }

// checksum is the item's name in the store.
func (i Item) checksum() string {
	if i.Text != "" {
		return sum([]byte(i.Text))
	}
	return cmp.Or(i.SHA256, i.SHA512)
}
