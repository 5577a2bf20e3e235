package remote

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// presentable checks what a message makes of a machine's words: one line that a
// terminal prints and does not obey.
func presentable(t *testing.T, message string, limit int) {
	t.Helper()
	if !utf8.ValidString(message) || strings.ContainsFunc(message, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%.200q is not fit for a terminal", message)
	}
	if len(message) > limit {
		t.Errorf("a message of %d bytes: %.100q...", len(message), message)
	}
}

func TestAMachinesWordsDoNotMoveTheCursor(t *testing.T) {
	for _, c := range []struct{ name, said, want string }{
		{"a plain line", "no space left on device", "no space left on device"},
		{"letters of other scripts", "Kein Speicher übrig 日本", "Kein Speicher übrig 日本"},
		{"colours, a bell and a cleared screen", "\x1b[31mred\x1b[0m\a\x1b[2J", "?[31mred?[0m??[2J"},
		{"a line that is written over", "failed\rall is well", "failed all is well"},
		{"text that runs the other way", "\u202egnorw", "?gnorw"},
		{"bytes that are no text", "caf\xe9", "caf?"},
	} {
		if got := Plain(c.said); got != c.want {
			t.Errorf("%s: %q gave %q, want %q", c.name, c.said, got, c.want)
		}
	}
}

func FuzzMatters(f *testing.F) {
	f.Add("tar: a: Cannot open: No space left on device\n\ttail\n")
	f.Add("Exception in thread\n\tat kafka.Kafka.main(Kafka.scala)\n\x1b[2Jgoroutine 1 [running]:\nmain.main()\n")
	f.Add(strings.Repeat("x", 70000) + "\n\xff\r\nsudo: a password is required\n")
	f.Fuzz(func(t *testing.T, stderr string) {
		presentable(t, Matters(stderr), spoken*(4*saidLimit+5))
		failed := &CommandError{Machine: "m", Step: "s", ExitCode: 1, Stderr: stderr}
		presentable(t, failed.Error(), 64+spoken*(4*saidLimit+5))
		cause := sudoCause(failed)
		presentable(t, (&SudoError{User: "anna", Stderr: stderr, Err: cause}).Error(), 512+spoken*(4*saidLimit+5))
	})
}

func FuzzPlain(f *testing.F) {
	f.Add("é\xff\x1b[2J\u202e" + strings.Repeat("ü", saidLimit))
	f.Fuzz(func(t *testing.T, said string) {
		presentable(t, Plain(said), 3*saidLimit+3)
		presentable(t, (&LostError{Err: errors.New(said)}).Error(), 64+3*saidLimit+3)
		presentable(t, Reason(&UnreachableError{Err: fmt.Errorf("ssh: %w", errors.New(said))}), 64+3*saidLimit+3)
	})
}

// FuzzOutput has a machine's output arrive in pieces of any size.
func FuzzOutput(f *testing.F) {
	f.Add("begin 0\ndone 0\nlast", 3, 100)
	f.Add("\n\n\r\n", 1, 2)
	f.Add("", 1, 0)
	f.Fuzz(func(t *testing.T, said string, piece, limit int) {
		piece, limit = 1+piece&0xff, limit&0xffff
		var lines []string
		var stopped error
		o := output{limit: int64(limit), line: func(line string) { lines = append(lines, line) }, stop: func(err error) { stopped = err }}
		for p := range slices.Chunk([]byte(said), piece) {
			if _, err := o.Write(p); err != nil {
				break
			}
		}
		_, err := o.close(true)
		if tooMuch := len(said) > limit; tooMuch != (err != nil) || tooMuch != (stopped != nil) {
			t.Fatalf("%d bytes of %d: close says %v, the script was stopped by %v", len(said), limit, err, stopped)
		}
		if want := strings.Split(strings.TrimSuffix(said, "\n"), "\n"); err == nil && said != "" && !slices.Equal(lines, want) {
			t.Errorf("%q in pieces of %d: got lines %q, want %q", said, piece, lines, want)
		}
	})
}
