package remote

import (
	"context"
	"errors"
	"io"

	"golang.org/x/crypto/ssh"
)

// Terminal is what a person's session is connected to.
type Terminal struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Kind is what $TERM says. Empty asks for no terminal on the machine: Stdin
	// is then a pipe's, and may end.
	Kind          string
	Rows, Columns int
	// Resized tells each new size, rows first; nil never does.
	Resized <-chan [2]int
}

// Shell runs a command, or the user's own shell where it is empty, as the user
// who logs in, with nothing between it and the terminal. It returns the exit
// code, or -1 where the session did not end by itself: ctx ended, or the
// connection broke (a *LostError), which a silent machine's does after 35 s.
func (c *Client) Shell(ctx context.Context, command string, t Terminal) (exitCode int, err error) {
	session, err := c.ssh.NewSession()
	if err != nil {
		return -1, c.connectError(c.unopened(err))
	}
	defer func() { go session.Close() }() //nolint:errcheck // a machine that hangs may not take the goodbye
	session.Stdin, session.Stdout, session.Stderr = t.Stdin, t.Stdout, t.Stderr
	if t.Kind != "" {
		if err := session.RequestPty(t.Kind, t.Rows, t.Columns, ssh.TerminalModes{}); err != nil {
			return -1, c.commandError("ask for a terminal", "", err)
		}
	}
	start := session.Shell
	if command != "" {
		start = func() error { return session.Start(command) }
	}
	if err := start(); err != nil {
		return -1, c.commandError("start a shell", command, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()
	for {
		select {
		case err := <-ended:
			return endOfShell(err)
		case size := <-t.Resized:
			_ = session.WindowChange(size[0], size[1]) // the text is only broken elsewhere
		case <-c.done:
			return -1, c.err
		case <-ctx.Done():
			return -1, context.Cause(ctx)
		}
	}
}

func endOfShell(err error) (int, error) {
	var exit *ssh.ExitError
	if errors.As(err, &exit) && exit.Signal() == "" {
		return exit.ExitStatus(), nil
	}
	if err != nil {
		return -1, err
	}
	return 0, nil
}
