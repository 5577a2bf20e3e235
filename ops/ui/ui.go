// Package ui shows a run to the person who waits for it.
//
// The rules: data goes to standard output and is all that a pipe gets;
// progress goes to standard error, and only where that is a terminal; warnings
// and errors go to standard error always. Lines are only ever added, so that
// what was said can be read again. Colour is used on terminals, unless
// NO_COLOR is set, and never carries meaning alone.
package ui

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"weir/ops/status/table"
)

// Console is where a command talks to a person. It is safe for concurrent use.
type Console struct {
	// In is where answers come from; Interactive says that a person types them.
	In          io.Reader
	Interactive bool
	// Out takes data, Err everything else.
	Out, Err io.Writer
	// OutStyle and ErrStyle are what the two can show.
	OutStyle, ErrStyle table.Style
	// Live says that somebody watches Err: progress is shown.
	Live bool
	// Now is the clock.
	Now func() time.Time

	mu sync.Mutex
}

// Note says something that a person should know, in a line.
func (c *Console) Note(text string) { c.line(c.ErrStyle.Faint("note: " + text)) }

// Warn says what is hardly meant.
func (c *Console) Warn(text string) { c.line(c.ErrStyle.Bad("warning: ") + text) }

// Fail says why a command could not do its work.
func (c *Console) Fail(text string) {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = table.Printable(line) // it may hold a machine's words
	}
	c.line(c.ErrStyle.Bad("error: ") + strings.Join(lines, "\n"))
}

func (c *Console) line(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprintln(c.Err, text)
}

// Ask puts a question and returns the answer, without outer space. It fails
// where the input ends.
func (c *Console) Ask(question string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fmt.Fprint(c.Err, question+" ")
	line, err := readLine(c.In)
	if err != nil && line == "" {
		return "", fmt.Errorf("no answer to %q: %w", question, err)
	}
	return strings.TrimSpace(line), nil
}

// readLine reads a byte at a time: what follows the line is the next answer.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := r.Read(b)
		switch {
		case n > 0 && b[0] == '\n':
			return string(line), nil
		case n > 0:
			line = append(line, b[0])
		case err != nil:
			return string(line), err
		}
	}
}

// Progress says how something stands, where somebody watches.
func (c *Console) Progress(text string) {
	if c.Live {
		c.line(c.ErrStyle.Faint(text))
	}
}
