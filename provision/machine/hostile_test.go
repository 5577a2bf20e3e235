package machine

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

// says is a machine that answers every script with the same.
func says(answer string) *remotetest.Runner {
	return remotetest.New("m").On(func(remote.Script) bool { return true }, func(remote.Script, []byte) (remote.Result, error) {
		return remote.Result{Stdout: []byte(answer)}, nil
	})
}

func FuzzUnreachable(f *testing.F) {
	f.Add("tried\n10.0.0.1:2181\n")
	f.Add("10.0.0.1:2181")
	f.Add("tried\r\n[fd00::1]:2181 \n10.0.0.3:1\x00\ntried")
	f.Fuzz(func(t *testing.T, answer string) {
		asked := []string{"[fd00::1]:2181", "10.0.0.1:2181", "10.0.0.1:2888"}
		silent, err := Unreachable(t.Context(), says(answer), asked)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range silent {
			if !slices.Contains(asked, a) || strings.Contains("\n"+answer+"\n", "\n"+a+"\n") {
				t.Errorf("%q: %s is told to be out of reach", answer, a)
			}
		}
	})
}

func FuzzInstallable(f *testing.F) {
	f.Add("")
	f.Add("cannot\nE: \x1b[2JNo packages found\n\n")
	f.Add("cannot\n" + strings.Repeat(strings.Repeat("x", 5000)+"\n", 100))
	f.Fuzz(func(t *testing.T, answer string) {
		why, err := Installable(t.Context(), says(answer), Package{Name: "openjdk-17-jre-headless"}, "apt")
		if err != nil || (why != "") != strings.HasPrefix(answer, "cannot\n") {
			t.Fatalf("%q: got %q, %v", answer, why, err)
		}
		for line := range strings.SplitSeq(why, "\n") {
			if !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) || len(line) > 4096 {
				t.Errorf("%.100q is not fit for a terminal", line)
			}
		}
		if strings.Count(why, "\n") >= saidLines {
			t.Errorf("the reason has %d lines", strings.Count(why, "\n")+1)
		}
	})
}

// FuzzTracker has a machine say of steps what it likes.
func FuzzTracker(f *testing.F) {
	f.Add("begin 0\ndone 0\nbegin 1")
	f.Add("done 2\ndone 99999999999999999999\nbegin -1\ndone")
	f.Fuzz(func(t *testing.T, said string) {
		steps := make([]Step, 3)
		done := 0
		tr := tracker{machine: "m", steps: steps, observe: func(Event) { done++ }, current: -1}
		for line := range strings.SplitSeq(said, "\n") {
			tr.line(line)
			if tr.current < -1 || tr.current > len(steps) {
				t.Fatalf("%q: at step %d of %d", said, tr.current, len(steps))
			}
		}
		if done > strings.Count(said, "done") {
			t.Errorf("%q: %d steps are told to be done", said, done)
		}
	})
}
