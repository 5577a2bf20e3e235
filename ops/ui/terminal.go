package ui

import (
	"cmp"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"weir/provision/remote"
)

// HandOver gives the person's terminal to a session elsewhere, until giveBack is
// called: every key goes there, Ctrl-C too. Where no person is there, the two
// ends are pipes.
func (c *Console) HandOver(getenv func(string) string) (t remote.Terminal, giveBack func(), err error) {
	t = remote.Terminal{Stdin: c.In, Stdout: c.Out, Stderr: c.Err}
	terminal, ok := c.In.(*os.File)
	if !ok || !c.Interactive {
		return t, func() {}, nil
	}
	fd := int(terminal.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return t, nil, err
	}
	t.Kind = cmp.Or(getenv("TERM"), "dumb")
	t.Columns, t.Rows = size(fd)
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	sizes, done := make(chan [2]int), make(chan struct{})
	t.Resized = sizes
	go func() {
		for {
			select {
			case <-done:
				return
			case <-changed:
			}
			columns, rows := size(fd)
			select {
			case <-done:
				return
			case sizes <- [2]int{rows, columns}:
			}
		}
	}()
	return t, func() {
		signal.Stop(changed)
		close(done)
		_ = term.Restore(fd, before)
	}, nil
}

// size is the terminal's, or that of the oldest ones.
func size(fd int) (columns, rows int) {
	columns, rows, err := term.GetSize(fd)
	if err != nil || columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}
