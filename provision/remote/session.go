package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// inputGrace is how long a script's reader may still be reading when the script
// has ended: readers of files and memory are back at once, and one that waits
// for something else must not hold up the result.
const inputGrace = time.Second

// session is one SSH session, from its opening to its end.
type session struct {
	client *Client
	task   task
	stdout *output
	stderr tail

	ssh   *ssh.Session
	ended chan error    // how the command ended
	fed   chan struct{} // closed when the input was sent, or never will be

	mu      sync.Mutex
	readErr error
}

// opened is a session whose command runs, or why there is none.
type opened struct {
	session *ssh.Session
	input   io.WriteCloser
	err     error
}

// start opens the session and starts the command and the flow of its input.
// The library waits for the machine without a context, so a goroutine waits;
// one that is left behind ends with the machine's answer or the connection.
func (s *session) start(ctx context.Context) error {
	answer := make(chan opened, 1)
	go func() { answer <- s.open() }()
	select {
	case o := <-answer:
		if o.err != nil {
			s.client.discard(o.session)
			return s.client.connectError(o.err)
		}
		s.ssh, s.ended, s.fed = o.session, make(chan error, 1), make(chan struct{})
		go s.feed(o.input)
		go func() { s.ended <- s.ssh.Wait() }()
		return nil
	case <-ctx.Done():
		go func() { s.client.discard((<-answer).session) }()
		s.client.stop(s.task)
		return s.client.commandError(s.task.step, s.task.shown, stopped(ctx))
	}
}

func (s *session) open() opened {
	session, err := s.client.ssh.NewSession()
	if err != nil {
		return opened{err: fmt.Errorf("open a session: %w", s.client.unopened(err))}
	}
	session.Stdout, session.Stderr = s.stdout, &s.stderr
	input, err := session.StdinPipe()
	if err == nil {
		err = session.Start(s.task.command)
	}
	return opened{session: session, input: input, err: err}
}

// wait returns how the command ended, or what ended it early.
func (s *session) wait(ctx context.Context) error {
	select {
	case err := <-s.ended:
		s.client.discard(s.ssh)
		s.awaitInput(ctx)
		return s.client.endOf(ctx, err)
	case <-s.client.done:
		s.client.discard(s.ssh)
		select {
		case err := <-s.ended: // it ended just before the connection did
			return s.client.endOf(ctx, err)
		default:
			return s.client.err
		}
	case <-ctx.Done():
		// In the background: a machine that hangs may not even take the goodbye.
		go s.client.discard(s.ssh)
		s.client.stop(s.task)
		return stopped(ctx)
	}
}

// awaitInput leaves the caller's reader alone again, if it lets us.
func (s *session) awaitInput(ctx context.Context) {
	grace := time.NewTimer(inputGrace)
	defer grace.Stop()
	select {
	case <-s.fed:
	case <-grace.C:
	case <-ctx.Done():
	}
}

// feed sends the input and then its end. A write that fails says that the
// command wants no more; only a read that fails is an error.
func (s *session) feed(to io.WriteCloser) {
	defer close(s.fed)
	defer to.Close() //nolint:errcheck // the session may have ended before its input
	from := &watchedReader{from: s.task.input}
	_, _ = io.Copy(to, from)
	if from.err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.readErr = fmt.Errorf("read standard input for the script: %w", from.err)
	}
}

func (s *session) inputError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readErr
}

// discard closes a session, if there is one, and returns its slot.
func (c *Client) discard(s *ssh.Session) {
	if s != nil {
		_ = s.Close()
	}
	<-c.slots
}

// endOf tells a script that ended without a status, because the machine sent
// none, from one whose connection broke.
func (c *Client) endOf(ctx context.Context, err error) error {
	var missing *ssh.ExitMissingError
	if !errors.As(err, &missing) {
		return err
	}
	alive := make(chan error, 1)
	go func() {
		_, _, err := c.ssh.SendRequest("keepalive@openssh.com", true, nil)
		alive <- err
	}()
	select {
	case broken := <-alive:
		if broken != nil {
			return &LostError{Err: broken}
		}
		return err
	case <-ctx.Done():
		return stopped(ctx)
	}
}

// stopped is why a script was stopped before its end.
func stopped(ctx context.Context) error {
	return fmt.Errorf("stopped: %w", context.Cause(ctx))
}

// watchedReader remembers why reading ended, if not because of the end.
type watchedReader struct {
	from io.Reader
	err  error
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}
