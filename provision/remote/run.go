package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Run runs a script as the logged-in user, or as root where the script asks for
// it, and returns when the script has ended and all of its output has arrived.
//
// Besides the errors of Runner: where sudo does not make us root, the
// *CommandError wraps a *SudoError; more output than allowed, a *LimitError; a
// connection that broke while the script ran, a *LostError (what the script did
// is then not known). When ctx ends, the machine is told to end the script
// (SIGTERM to its process group, SIGKILL 5 s later) and Run returns ctx's error
// wrapped, within 2 s also where the machine does not answer. A script that
// could not be told ends when it next reads or writes: its pipes are closed.
//
// A Stdin that fails ends the script's input early and Run with its error; the
// script cannot tell that from a complete input, so what it reads must carry
// its own length or digest. Stdin is streamed, never held in memory. It may
// still be read for a moment after Run returned, if it was blocked.
func (c *Client) Run(ctx context.Context, s Script) (Result, error) {
	if strings.ContainsRune(s.Text, 0) {
		return Result{}, c.commandError(s.Step, "", errors.New("the script holds a NUL byte"))
	}
	how, err := c.asUser(ctx, s.Root)
	var failed *CommandError
	switch {
	case errors.As(err, &failed): // the probe's; name the step that needed it
		return Result{}, c.commandError(s.Step, failed.Command, failed.Err)
	case err != nil:
		return Result{}, c.notStarted(s.Step, err)
	}
	limit := s.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	tag := newTag()
	command, input := how.load(s, tag)
	return c.exec(ctx, task{
		step: s.Step, command: command, shown: how.shown(), become: how, tag: tag,
		input: input, limit: limit, line: s.Line,
	})
}

// notStarted keeps errors of the connection and gives the others a step.
func (c *Client) notStarted(step string, err error) error {
	var connect *ConnectError
	if errors.As(err, &connect) {
		return err
	}
	return c.commandError(step, "", err)
}

func (c *Client) commandError(step, command string, err error) *CommandError {
	return &CommandError{Machine: c.Machine(), Step: step, Command: command, ExitCode: -1, Err: err}
}

// task is one command on one session.
type task struct {
	step    string
	command string // for sshd
	shown   string // for people
	become  become
	tag     string // by which it is found on the machine; empty for short ones
	input   io.Reader
	limit   int64
	line    func(string)
}

// exec runs a task. Whatever ends it early (ctx, a limit, the connection) is
// the cause of one context.
func (c *Client) exec(ctx context.Context, t task) (Result, error) {
	if err := c.acquire(ctx); err != nil {
		return Result{}, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := &output{limit: t.limit, line: t.line, stop: stop}
	running := &session{client: c, task: t, stdout: out}
	if err := running.start(ctx); err != nil {
		return Result{}, err
	}
	err := running.wait(ctx)
	stdout, limitErr := out.close(err == nil)
	if limitErr != nil {
		err = limitErr
	}
	inputErr := running.inputError()
	if err == nil && inputErr == nil {
		return Result{Stdout: stdout, Stderr: running.stderr.bytes()}, nil
	}
	failed := c.commandError(t.step, t.shown, inputErr)
	failed.Stderr = string(running.stderr.bytes())
	failed.explain(err)
	return Result{}, failed
}

// explain says how the command ended. That it got no input is the cause of
// whatever else it says.
func (e *CommandError) explain(err error) {
	var exit *ssh.ExitError
	switch {
	case errors.As(err, &exit) && exit.Signal() == "":
		e.ExitCode = exit.ExitStatus()
	case e.Err != nil || err == nil:
	case exit != nil:
		e.Err = fmt.Errorf("killed by signal %s", exit.Signal())
	default:
		e.Err = err
	}
}
