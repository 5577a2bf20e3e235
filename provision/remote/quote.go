package remote

import "strings"

// Quote makes one word of s for a POSIX shell, whatever s holds.
// A NUL byte cannot be part of a word and is a programming error: it panics.
func Quote(s string) string {
	if strings.ContainsRune(s, 0) {
		panic("remote: NUL byte in a shell word")
	}
	if s != "" && strings.IndexFunc(s, needsQuote) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// QuoteAll quotes each word and joins them by spaces.
func QuoteAll(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}

func needsQuote(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_./:=@%+,", r)
}
