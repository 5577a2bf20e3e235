package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// figures is all that one run has found out; command is how it was asked for.
func figures(c computer, found findings, command string, at time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s with `%s` on %s.\n", at.UTC().Format(time.DateOnly), command, c)
	if warning := c.warning(); warning != "" {
		fmt.Fprintf(&b, "\n%s\n", warning)
	}
	fmt.Fprintf(&b, "\n%s", table(found.rows))
	for i, note := range found.notes {
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "- %s\n", note)
	}
	return b.String()
}

// Between these two lines -write replaces all there is; the rest of the
// document is people's.
const (
	opening = "<!-- what follows is written by: make bench WRITE=1 -->"
	closing = "<!-- end of what is written by: make bench WRITE=1 -->"
)

// newDocument is what people begin with.
const newDocument = "# Performance\n\n" + opening + "\n" + closing + "\n"

// replaceFigures puts text between the lines of a file, which is made where
// there is none.
func replaceFigures(path, text string) error {
	was, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		was, err = []byte(newDocument), nil
	}
	if err != nil {
		return err
	}
	is, err := between(string(was), text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(is), 0o644)
}

func between(whole, text string) (string, error) {
	before, rest, opened := strings.Cut(whole, opening+"\n")
	_, after, closed := strings.Cut(rest, closing+"\n")
	if !opened || !closed {
		return "", fmt.Errorf("there is no place for the figures; add these two lines:\n%s\n%s", opening, closing)
	}
	return before + opening + "\n" + strings.TrimRight(text, "\n") + "\n" + closing + "\n" + after, nil
}
