package machine

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable is a text as a person may be shown it: what is more than one line of
// characters that can be seen is written as a Go string. Machines choose the
// names of strangers, and a terminal obeys what it prints.
func Printable(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	return strconv.Quote(text)
}
