package properties

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Parse reads a properties file as java.util.Properties does: the last of
// several lines for a key holds, a line that ends with a backslash goes on, and
// \uXXXX stands for a character. Bytes above ASCII are taken as UTF-8 where they
// are that, else as ISO 8859-1. The error names the line.
func Parse(text string) (map[string]string, error) {
	if !utf8.ValidString(text) {
		text = latin1(text)
	}
	settings := map[string]string{}
	for number, line := range logicalLines(text) {
		key, value := cutKey(line)
		var err error
		if key, err = unescape(key); err == nil {
			value, err = unescape(value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		settings[key] = value
	}
	return settings, nil
}

func latin1(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(rune(text[i]))
	}
	return b.String()
}

// blanks are what Properties.load takes for white space within a line.
const blanks = " \t\f"

// logicalLines yields lines with their number in the file, continuations joined
// and comments left out.
func logicalLines(text string) func(yield func(int, string) bool) {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return func(yield func(int, string) bool) {
		var joined strings.Builder
		first, number, open := 0, 0, false
		for line := range strings.SplitSeq(text, "\n") {
			number++
			line = strings.TrimLeft(line, blanks)
			if !open {
				if line == "" || line[0] == '#' || line[0] == '!' {
					continue
				}
				first = number
			}
			if open = endsInBackslash(line); open {
				joined.WriteString(line[:len(line)-1])
				continue
			}
			joined.WriteString(line)
			if !yield(first, joined.String()) {
				return
			}
			joined.Reset()
		}
		if open {
			yield(first, joined.String())
		}
	}
}

func endsInBackslash(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 == 1
}

// cutKey splits a line at the first blank, = or : that is not escaped, and takes
// the blanks and the one sign around it away.
func cutKey(line string) (key, value string) {
	end := len(line)
	for i := 0; i < len(line); i++ {
		if line[i] == '\\' {
			i++
		} else if strings.IndexByte(blanks+"=:", line[i]) >= 0 {
			end = i
			break
		}
	}
	value = strings.TrimLeft(line[end:], blanks)
	if value != "" && (value[0] == '=' || value[0] == ':') {
		value = strings.TrimLeft(value[1:], blanks)
	}
	return line[:end], value
}

// unescape is the inverse of escape, and drops backslashes that mean nothing.
func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	var units []uint16 // of \u escapes: two may be one character
	flush := func() {
		b.WriteString(string(utf16.Decode(units)))
		units = nil
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			flush()
			if s[i] != '\\' {
				b.WriteByte(s[i])
			}
			continue
		}
		i++
		if s[i] != 'u' {
			flush()
			b.WriteByte(control(s[i]))
			continue
		}
		if i+5 > len(s) {
			return "", fmt.Errorf("%q does not end in four hexadecimal digits", s[i-1:])
		}
		n, err := strconv.ParseUint(s[i+1:i+5], 16, 16)
		if err != nil {
			return "", fmt.Errorf("%q is not a character", s[i-1:i+5])
		}
		units = append(units, uint16(n))
		i += 4
	}
	flush()
	return b.String(), nil
}

func control(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	}
	return c
}
