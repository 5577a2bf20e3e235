// Package properties writes Java properties files, which configure ZooKeeper
// and Kafka, in the order in which a person reads them best.
package properties

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"weir/provision/problem"
)

// Setting is one line of a file.
type Setting struct {
	Key, Value string
	// Note is a comment above the line; empty is none.
	Note string
}

// Section is a group of settings under one comment.
type Section struct {
	Title    string
	Settings []Setting
}

// File is a whole properties file.
type File []Section

// Override returns the file with a person's own settings: those it already has
// are replaced where they stand, the others follow in a section of their own,
// sorted by key.
func (f File) Override(own map[string]string) File {
	rest := maps.Clone(own)
	out := make(File, 0, len(f)+1)
	for _, s := range f {
		s.Settings = slices.Clone(s.Settings)
		for i, line := range s.Settings {
			if v, ok := own[line.Key]; ok {
				s.Settings[i] = Setting{Key: line.Key, Value: v, Note: "from the configuration, instead of " + line.Value}
				delete(rest, line.Key)
			}
		}
		out = append(out, s)
	}
	if len(rest) == 0 {
		return out
	}
	last := Section{Title: "From the configuration."}
	for _, k := range slices.Sorted(maps.Keys(rest)) {
		last.Settings = append(last.Settings, Setting{Key: k, Value: rest[k]})
	}
	return append(out, last)
}

// String is the file's text, readable by java.util.Properties in any encoding.
func (f File) String() string {
	var b strings.Builder
	for i, s := range f {
		if i > 0 {
			b.WriteByte('\n')
		}
		comment(&b, s.Title)
		for _, line := range s.Settings {
			if line.Note != "" {
				comment(&b, line.Note)
			}
			b.WriteString(escape(line.Key, " :=#!") + "=" + escapeValue(line.Value) + "\n")
		}
	}
	return b.String()
}

func comment(b *strings.Builder, s string) {
	for line := range strings.Lines(s) {
		b.WriteString("# " + escape(strings.TrimRight(line, "\n"), "") + "\n")
	}
}

// escapeValue also keeps leading white space, which a reader would skip.
func escapeValue(v string) string {
	e := escape(v, "")
	if strings.HasPrefix(e, " ") {
		return `\` + e
	}
	return e
}

// escape writes backslashes, control characters and all that is not ASCII the
// way Properties.load reads them, and puts a backslash before each of also.
func escape(s, also string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\\' || strings.ContainsRune(also, r):
			b.WriteString(`\` + string(r))
		case r < 0x20 || r > 0x7e:
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, u)
			}
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

var keyPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Check adds a problem for each of a person's own settings that cannot be
// taken: its key is not one, or instead says which field to use in its place.
func Check(at string, own map[string]string, instead func(key string) string, problems *problem.List) {
	for _, key := range slices.Sorted(maps.Keys(own)) {
		path := fmt.Sprintf("%s[%q]", at, key)
		switch use := instead(key); {
		case !keyPattern.MatchString(key):
			problems.Add(path, "is not a settings key; write letters, digits and . _ -")
		case use != "":
			problems.Add(path, "is set by weir; %s", use)
		}
	}
}
