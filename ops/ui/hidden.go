package ui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// ErrInterrupted says that a person ended a question instead of answering it.
var ErrInterrupted = errors.New("interrupted")

// AskHidden puts a question whose answer the terminal does not show. It needs
// Interactive. It hears an interrupt itself, so that the terminal is never left
// without its echo.
func (c *Console) AskHidden(question string) (string, error) {
	terminal, ok := c.In.(*os.File)
	if !ok || !c.Interactive {
		return "", fmt.Errorf("no answer to %q: there is no terminal", question)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	fd := int(terminal.Fd())
	shown, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("no answer to %q: %w", question, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprint(c.Err, question+" ")
	defer fmt.Fprintln(c.Err) // the answer's own newline is not shown either
	type answer struct {
		text []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		typed <- answer{text, err}
	}()
	select {
	case a := <-typed:
		if a.err != nil {
			return "", fmt.Errorf("no answer to %q: %w", question, a.err)
		}
		return string(a.text), nil
	case <-ctx.Done():
		return "", errors.Join(ErrInterrupted, term.Restore(fd, shown))
	}
}
