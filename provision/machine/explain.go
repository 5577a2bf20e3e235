package machine

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// MarshalText makes "stage" or "switch" of a phase.
func (p Phase) MarshalText() ([]byte, error) {
	if p == Switch {
		return []byte("switch"), nil
	}
	return []byte("stage"), nil
}

// UnmarshalText reads what MarshalText writes.
func (p *Phase) UnmarshalText(text []byte) error {
	switch string(text) {
	case "stage":
		*p = Stage
	case "switch":
		*p = Switch
	default:
		return fmt.Errorf("phase %q is neither stage nor switch", text)
	}
	return nil
}

// Explain adds to the plan what a person wants to read of it: how each text
// file changes, line by line. A secret's content is in none of it. is must be
// what the plan was made from.
func Explain(p Plan, is Observed) Plan {
	steps := make([]Step, len(p.Steps))
	manifest := ""
	if len(p.Steps) > 0 {
		if m, ok := is.Manifests[p.desired.Component]; ok {
			manifest = m.encode()
		}
	}
	for i, s := range p.Steps {
		switch {
		case s.Kind == "file" && s.file != nil:
			s.Secret, s.Diff = s.file.Secret, fileText(*s.file, is)
		case s.Kind == "manifest":
			s.Diff = unified(s.Target, manifest, s.manifest)
			manifest = s.manifest // the plan may write it twice
		}
		steps[i] = s
	}
	p.Steps = steps
	return p
}

// fileText is how a file's content changes, or nothing where it does not, or
// must not be shown.
func fileText(f File, is Observed) string {
	old, exists := is.Files[f.Path]
	regular := strings.HasPrefix(old.Kind, "regular")
	switch {
	case f.Secret, f.Once && exists && regular, exists && old.SHA256 == Digest(f.Content):
		return ""
	case !exists, !regular:
		return unified(f.Path, "", f.Content)
	case !old.Known:
		return fmt.Sprintf("%d bytes, sha256 %s, are replaced by %d bytes, sha256 %s\n", old.Size, old.SHA256, len(f.Content), Digest(f.Content))
	}
	return unified(f.Path, old.Content, f.Content)
}

// unified is the difference of two texts in the form of diff -u.
func unified(path, was, now string) string {
	if !printable(was) || !printable(now) {
		return fmt.Sprintf("%d bytes, sha256 %s, are replaced by %d bytes, sha256 %s\n", len(was), Digest(was), len(now), Digest(now))
	}
	from, to := path, path
	if was == "" {
		from = "/dev/null"
	}
	if now == "" {
		to = "/dev/null"
	}
	text := string(diff.Diff(from, []byte(was), to, []byte(now)))
	_, body, _ := strings.Cut(text, "\n") // the command line that nobody typed
	return body
}

// printable says that a content is text: what a terminal would take for
// commands, or JSON would not give back, is told by size and digest.
func printable(content string) bool {
	return utf8.ValidString(content) && !strings.ContainsFunc(content, func(r rune) bool { return isControl(r) && r != '\n' && r != '\t' && r != '\r' })
}
