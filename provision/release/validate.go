package release

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"weir/provision/problem"
)

// SumsFile is the path, in the tree, of the list of its checksums.
const SumsFile = "SHA256SUMS"

var (
	// namePattern is what may become part of a file name anywhere.
	namePattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)
	mavenPattern  = regexp.MustCompile(`^([\w.-]+):([\w.-]+):([\w.+-]+)(?::([\w.-]+))?(?:@([\w.]+))?$`)
	pypiPattern   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+$`)
	sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
	sha512Pattern = regexp.MustCompile(`^[0-9a-f]{128}$`)
)

// Validate reports everything that is wrong with the lock, as a *problem.Error.
func (l Lock) Validate() error {
	var p problem.List
	if !namePattern.MatchString(l.Name) {
		p.Add("name", "is %q; expected letters, digits and . _ + - (\"kafka\")", l.Name)
	}
	if !namePattern.MatchString(l.Version) {
		p.Add("version", "is %q; expected letters, digits and . _ + - (\"3.9.2\")", l.Version)
	}
	if len(l.Items) == 0 {
		p.Add("items", "is empty; a release holds at least one file")
	}
	for n, i := range l.Items {
		i.validate(fmt.Sprintf("items[%d] %s", n, i.Place), &p)
	}
	l.validatePlaces(&p)
	return p.Err()
}

// validatePlaces finds files that stand in each other's way.
func (l Lock) validatePlaces(p *problem.List) {
	files := map[string]int{}
	for n, i := range l.Items {
		if i.Unpack != nil {
			continue
		}
		if first, ok := files[i.Place]; ok {
			p.Add(fmt.Sprintf("items[%d] %s", n, i.Place), "has the same place as items[%d]", first)
			continue
		}
		files[i.Place] = n
	}
	for n, i := range l.Items {
		for dir := path.Dir(i.Place); dir != "." && dir != "/"; dir = path.Dir(dir) {
			if other, ok := files[dir]; ok {
				p.Add(fmt.Sprintf("items[%d] %s", n, i.Place), "is below %s, which items[%d] makes a file", dir, other)
			}
		}
	}
}

func (i Item) validate(where string, p *problem.List) {
	if err := checkPlace(i.Place); err != nil && !(i.Unpack != nil && i.Place == ".") {
		p.Add(where, "%v", err)
	}
	i.validateSource(where, p)
	i.validateChecksum(where, p)
	if i.Size < 0 {
		p.Add(where, "has size %d; expected bytes, or none", i.Size)
	}
	if i.Unpack != nil && (i.Unpack.Strip < 0 || i.Unpack.Strip > 8) {
		p.Add(where, "strips %d directories; expected 0 to 8", i.Unpack.Strip)
	}
	if i.Unpack != nil && i.Executable {
		p.Add(where, "is unpacked and executable; the archive says which of its files are executable")
	}
}

func (i Item) validateSource(where string, p *problem.List) {
	var sources []string
	for _, s := range []struct {
		kind, value string
		ok          func(string) bool
		expected    string
	}{
		{"maven", i.Maven, mavenPattern.MatchString, "group:artifact:version[:classifier][@type]"},
		{"pypi", i.PyPI, pypiPattern.MatchString, "name==version"},
		{"url", i.URL, isWebAddress, "http:// or https:// and a host"},
		{"file", i.File, filepath.IsAbs, "an absolute path"},
		{"text", i.Text, func(string) bool { return i.Unpack == nil }, "nothing to unpack"},
	} {
		if s.value == "" {
			continue
		}
		sources = append(sources, s.kind)
		if !s.ok(s.value) {
			p.Add(where, "has %s %q; expected %s", s.kind, s.value, s.expected)
		}
	}
	switch {
	case len(sources) == 0:
		p.Add(where, "has no source; expected one of maven, pypi, url, file, text")
	case len(sources) > 1:
		p.Add(where, "has %d sources (%s); expected one", len(sources), strings.Join(sources, ", "))
	}
}

func (i Item) validateChecksum(where string, p *problem.List) {
	if i.SHA256 != "" && !sha256Pattern.MatchString(i.SHA256) {
		p.Add(where, "has sha256 %q; expected 64 hex digits in lower case", i.SHA256)
	}
	if i.SHA512 != "" && !sha512Pattern.MatchString(i.SHA512) {
		p.Add(where, "has sha512 %q; expected 128 hex digits in lower case", i.SHA512)
	}
	switch {
	case i.Text != "" && i.SHA256 != "" && i.SHA256 != sum([]byte(i.Text)):
		p.Add(where, "has sha256 %s, but its text has %s", i.SHA256, sum([]byte(i.Text)))
	case i.SHA512 != "" && i.Unpack == nil:
		p.Add(where, "has a sha512; a file of the tree needs sha256")
	case i.SHA256 != "" && i.SHA512 != "":
		p.Add(where, "has sha256 and sha512; expected one")
	case i.Text == "" && i.SHA256 == "" && i.SHA512 == "":
		p.Add(where, "has no sha256; nothing is fetched without a checksum")
	}
}

// checkPlace accepts clean relative paths that sha256sum lists without escapes.
func checkPlace(place string) error {
	switch {
	case !fs.ValidPath(place) || place == ".":
		return fmt.Errorf("place %q is not a clean path inside the tree (no leading /, no .., no empty part)", place)
	case strings.ContainsFunc(place, func(r rune) bool { return r == '\\' || !unicode.IsPrint(r) }):
		return fmt.Errorf("place %q holds a backslash or an unprintable character", place)
	case place == SumsFile:
		return fmt.Errorf("place %s is where the tree's own checksums go", SumsFile)
	}
	return nil
}

func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}
