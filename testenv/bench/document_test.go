package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyWhatIsBetweenTheLinesOfADocumentIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	people := "# Speed\n\nWhy it matters.\n\n" + opening + "\nold figures\n" + closing + "\n\nWhat it means.\n"
	if err := os.WriteFile(path, []byte(people), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first\n", "second\n"} {
		if err := replaceFigures(path, text); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(people, "old figures", "second", 1); string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestADocumentIsMadeWhereThereIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	if err := replaceFigures(path, "figures\n"); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := opening + "\nfigures\n" + closing + "\n"; !strings.HasPrefix(string(got), "# Performance\n\n") || !strings.HasSuffix(string(got), want) {
		t.Errorf("got %q, want a title, and at its end %q", got, want)
	}
}

func TestADocumentWithoutAPlaceForFiguresIsLeftAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	for _, text := range []string{"", "no lines\n", opening + "\nand no end\n", closing + "\nbefore\n" + opening + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := replaceFigures(path, "figures\n"); err == nil {
			t.Errorf("%q: want an error that tells which lines to add", text)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q became %q, error %v", text, got, err)
		}
	}
}
