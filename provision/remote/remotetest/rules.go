package remotetest

import (
	"strings"

	"weir/provision/remote"
)

// Any matches every script.
func Any() Matcher { return func(remote.Script) bool { return true } }

// Step matches scripts of that step.
func Step(name string) Matcher {
	return func(s remote.Script) bool { return s.Step == name }
}

// Contains matches scripts whose text holds all the parts.
func Contains(parts ...string) Matcher {
	return func(s remote.Script) bool {
		for _, part := range parts {
			if !strings.Contains(s.Text, part) {
				return false
			}
		}
		return true
	}
}

// Stdout answers that the script exited 0 and said text.
func Stdout(text string) Answer {
	return func(remote.Script, []byte) (remote.Result, error) {
		return remote.Result{Stdout: []byte(text)}, nil
	}
}

// Exit answers that the script exited with a code other than 0 and said text
// on standard error.
func Exit(code int, stderr string) Answer {
	return func(remote.Script, []byte) (remote.Result, error) {
		return remote.Result{}, &remote.CommandError{ExitCode: code, Stderr: stderr}
	}
}

// Unreachable answers that the machine could not be asked, because of err.
func Unreachable(err error) Answer {
	return func(remote.Script, []byte) (remote.Result, error) {
		return remote.Result{}, &remote.ConnectError{Address: "192.0.2.1:22", Err: &remote.UnreachableError{Err: err}}
	}
}

// Then gives each answer once, in order, and repeats the last.
func Then(answers ...Answer) Answer {
	turn := make(chan int, 1)
	turn <- 0
	return func(s remote.Script, stdin []byte) (remote.Result, error) {
		n := <-turn
		turn <- min(n+1, len(answers)-1)
		return answers[n](s, stdin)
	}
}
