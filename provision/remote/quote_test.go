package remote_test

import (
	"os/exec"
	"strings"
	"testing"

	"weir/provision/remote"
)

func TestQuoteSurvivesARealShell(t *testing.T) {
	for name, word := range map[string]string{
		"a plain path":             "/etc/weir/server.properties",
		"nothing":                  "",
		"spaces":                   "  a  b ",
		"single quotes":            "it's 'quoted'''",
		"double quotes":            `say "hi"`,
		"newlines":                 "one\ntwo\n\n",
		"command substitution":     "$(touch /nonexistent) `id`",
		"variables":                "$HOME ${PATH} $$",
		"globs and tildes":         "~ * ? [a-z] {a,b}",
		"backslashes":              `\ \\ \n \'`,
		"operators":                "a; b && c | d > e < f & (g) # h ! i",
		"an option":                "-n",
		"Chinese":                  "用 Kafka 和 Spark",
		"bytes that are not UTF-8": "\xff\xfe\x80",
		"control characters":       "\x01\x07\x1b[31m\t\r",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := exec.Command("/bin/sh", "-c", "printf %s "+remote.Quote(word)).Output()
			if err != nil || string(got) != word {
				t.Errorf("got %q, %v; want %q (quoted: %s)", got, err, word, remote.Quote(word))
			}
		})
	}
}

func TestQuoteAllMakesOneWordOfEach(t *testing.T) {
	words := []string{"", "a b", "'", "$(id)", "\n"}
	got, err := exec.Command("/bin/sh", "-c", "for w in "+remote.QuoteAll(words...)+`; do printf '%s|' "$w"; done`).Output()
	if want := strings.Join(words, "|") + "|"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestQuotePanicsOnNUL(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a NUL byte was quoted")
		}
	}()
	remote.Quote("a\x00b")
}

func FuzzQuote(f *testing.F) {
	f.Add("it's $(id)\n")
	f.Fuzz(func(t *testing.T, word string) {
		if strings.ContainsRune(word, 0) {
			t.Skip("not a word")
		}
		got, err := exec.Command("/bin/sh", "-c", "printf %s "+remote.Quote(word)).Output()
		if err != nil || string(got) != word {
			t.Errorf("got %q, %v; want %q", got, err, word)
		}
	})
}
