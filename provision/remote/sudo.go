package remote

import (
	"context"
	"errors"
	"strings"
)

// sudoMissing is the exit code of the probe where there is no sudo; sudo's own is 1.
const sudoMissing = 3

const (
	// probeFree asks whether sudo works without a password; -k disregards that
	// the user may have typed it a moment ago.
	probeFree = `command -v sudo >/dev/null || exit 3; exec sudo -n -k -- true`
	// probePassword tries a password once: after its line the input ends, so that
	// sudo cannot take what follows for a second and third try.
	probePassword = `exec sudo -S -k -p "" -- true`
)

// sudoState remembers how sudo makes us root on this connection.
type sudoState struct {
	turn chan struct{} // holds one token: who has it may probe
	how  *become
}

func newSudoState() sudoState {
	s := sudoState{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// asUser finds out how a script's user is reached; the answer for root is asked
// once a connection. Asking apart from the script keeps what sudo says and what
// a script says from being mixed up.
func (c *Client) asUser(ctx context.Context, root bool) (become, error) {
	if !root || c.host.user() == defaultUser {
		return become{}, nil
	}
	select {
	case <-c.sudo.turn:
		defer func() { c.sudo.turn <- struct{}{} }()
	case <-ctx.Done():
		return become{}, context.Cause(ctx)
	}
	if c.sudo.how == nil {
		how, err := c.probeSudo(ctx)
		if err != nil {
			return become{}, err
		}
		c.sudo.how = &how
	}
	return *c.sudo.how, nil
}

func (c *Client) probeSudo(ctx context.Context) (become, error) {
	stderr, err := c.probe(ctx, probeFree, "")
	if err == nil {
		return become{prefix: []string{"sudo", "-n", "--"}}, nil
	}
	var failed *CommandError
	if !errors.As(err, &failed) || failed.ExitCode < 0 {
		return become{}, err
	}
	cause := sudoCause(failed)
	password := c.host.SudoPassword
	if cause == ErrSudoMissing || cause == ErrNotInSudoers || password == "" {
		return become{}, &SudoError{User: c.host.user(), Stderr: stderr, Err: cause}
	}
	stderr, err = c.probe(ctx, probePassword, password+"\n")
	switch {
	case err == nil:
		return become{prefix: []string{"sudo", "-S", "-k", "-p", "", "--"}, password: password}, nil
	case !errors.As(err, &failed) || failed.ExitCode < 0:
		return become{}, err
	}
	return become{}, &SudoError{User: c.host.user(), Stderr: stderr, Err: sudoCause(failed)}
}

func (c *Client) probe(ctx context.Context, program, input string) (stderr string, err error) {
	result, err := c.exec(ctx, task{
		step:    "sudo",
		command: become{}.command(program),
		shown:   program,
		input:   strings.NewReader(input),
		limit:   DefaultLimit,
	})
	var failed *CommandError
	if errors.As(err, &failed) {
		return failed.Stderr, err
	}
	return string(result.Stderr), err
}

// sudoCause reads what sudo said: it has one exit code for all of its refusals.
// The words are those of sudo 1.8 to 1.9 and of sudo-rs, in English (LC_ALL=C);
// unknown words are ErrSudoRefused, with the words.
func sudoCause(e *CommandError) error {
	said := strings.ToLower(e.Stderr)
	for _, known := range []struct {
		words string
		cause error
	}{
		{"not in the sudoers", ErrNotInSudoers},
		{"may not run sudo", ErrNotInSudoers},
		{"not allowed to", ErrNotInSudoers},
		{"i'm afraid i can't do that", ErrNotInSudoers},
		{"incorrect password", ErrSudoWrongPassword},
		{"incorrect authentication", ErrSudoWrongPassword},
		{"try again", ErrSudoWrongPassword},
		{"no password was provided", ErrSudoWrongPassword},
		{"password is required", ErrSudoNeedsPassword},
		{"authentication is required", ErrSudoNeedsPassword},
	} {
		if strings.Contains(said, known.words) {
			return known.cause
		}
	}
	if e.ExitCode == sudoMissing {
		return ErrSudoMissing
	}
	return ErrSudoRefused
}
