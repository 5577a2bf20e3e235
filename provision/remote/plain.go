package remote

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// saidLimit bounds, in bytes, one thing that a machine says in a message: long
// enough for each line that a program has for people.
const saidLimit = 1000

// Plain is a text of a machine's as a message may hold it: one line that can be
// printed, of a kilobyte at most. A terminal obeys what it prints, and a machine
// must not move the cursor of whoever reads its errors.
func Plain(said string) string {
	cut := len(said) > saidLimit
	if cut {
		said = said[:saidLimit]
	}
	said = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, said)
	if cut {
		said += "..."
	}
	return said
}
