package table

import (
	"bytes"
	"strings"
	"testing"
)

func TestCellsAreAlignedAndRowsEndWithoutBlanks(t *testing.T) {
	var out bytes.Buffer
	tab := Table{Indent: "  "}
	tab.Head("NAME", "STATE", "SINCE")
	tab.Row("node1", "ok", "")
	tab.Row("node22", "a long story that runs over the columns that it does not have")
	tab.Row("ä", "ok", "1 s")
	if _, err := tab.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	want := "  NAME    STATE  SINCE\n" +
		"  node1   ok\n" +
		"  node22  a long story that runs over the columns that it does not have\n" +
		"  ä       ok     1 s\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestTextFromElsewhereCannotMoveTheCursor(t *testing.T) {
	for in, want := range map[string]string{
		"plain":                "plain",
		"two\nlines\r\n":       "two lines",
		"\x1b[2Jcleared":       "[2Jcleared",
		"bad \xff byte":        "bad ? byte",
		"a\t\tb\u00a0c":        "a b c",
		"right\u202eleft":      "rightleft",
		"\x00\x07 bell, quiet": "bell, quiet",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestOnlyATerminalGetsColourAndSigns(t *testing.T) {
	env := func(string) string { return "en_US.UTF-8" }
	if got := StyleOf(new(bytes.Buffer), env); got != (Style{}) {
		t.Errorf("a pipe got %+v", got)
	}
	if got := (Style{}).Bad("x"); got != "x" {
		t.Errorf("plain style painted %q", got)
	}
	if got := (Style{Color: true}).Bad("x"); !strings.Contains(got, "\x1b[") {
		t.Errorf("colour style did not paint %q", got)
	}
}

func TestDurationsAndSizesAreReadable(t *testing.T) {
	for in, want := range map[float64]string{0.04: "0.0 s", 59.94: "59.9 s", 600: "10 min", 7300: "2 h", 500000: "6 d"} {
		if got := Seconds(in); got != want {
			t.Errorf("Seconds(%v) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[int64]string{0: "0 B", 2048: "2 KiB", 5 << 20: "5 MiB", 3 << 30: "3.0 GiB", 9 << 60 >> 1: "4.5 EiB"} {
		if got := Bytes(in); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", in, got, want)
		}
	}
}
