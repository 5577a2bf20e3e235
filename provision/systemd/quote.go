package systemd

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// CommandLine quotes a command and its arguments for ExecStart= so that the
// program receives exactly them: systemd.service(5) reads quotes, backslashes,
// % specifiers and $ variables there.
func CommandLine(command []string) string {
	words := make([]string, len(command))
	for i, arg := range command {
		// The program's path is not searched for variables, so there $ stays single.
		if i > 0 {
			arg = strings.ReplaceAll(arg, "$", "$$")
		}
		words[i] = word(arg)
	}
	return strings.Join(words, " ")
}

// Representable says that s can be an argument or a variable: systemd reads
// unit files as UTF-8, and a NUL byte ends every string.
func Representable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// word quotes s only where it must, so that unit files stay easy to read.
func word(s string) string {
	if s != "" && strings.IndexFunc(s, special) < 0 {
		return s
	}
	return quote(s)
}

func special(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_./:=@+,", r)
}

// quote makes one double-quoted word of s.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteRune('\\')
			b.WriteRune(r)
		case r == '%':
			b.WriteString("%%")
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// line makes one line of free text, in which % would begin a specifier and a
// backslash at the end would take in the next line.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == '\\' {
			return ' '
		}
		return r
	}, s)
	return strings.ReplaceAll(strings.TrimSpace(s), "%", "%%")
}

// seconds writes a duration the way systemd.time(7) reads it.
func seconds(d time.Duration) string { return fmt.Sprintf("%gs", d.Seconds()) }

// text is a unit file in the making.
type text struct{ strings.Builder }

func (t *text) section(name string) {
	if t.Len() > 0 {
		t.WriteByte('\n')
	}
	fmt.Fprintf(t, "[%s]\n", name)
}

func (t *text) comment(line string) { fmt.Fprintf(t, "# %s\n", line) }

func (t *text) set(key, value string) { fmt.Fprintf(t, "%s=%s\n", key, value) }

// words sets a list, or nothing where the list is empty.
func (t *text) words(key string, list []string) {
	if len(list) == 0 {
		return
	}
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = word(w)
	}
	t.set(key, strings.Join(quoted, " "))
}
