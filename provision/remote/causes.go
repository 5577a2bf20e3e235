package remote

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
)

// The causes that a ConnectError wraps. Decide on these, never on text.
var (
	// ErrNoHostKey says that a Host neither pins a key nor names a known_hosts file.
	ErrNoHostKey = errors.New("no host key is pinned and no known_hosts file is named")
	// ErrNoCredentials says that a Host sets no way to authenticate.
	ErrNoCredentials = errors.New("no private key, agent or password is set")
	// ErrPassphraseMissing says that a private key is encrypted and no passphrase is set.
	ErrPassphraseMissing = errors.New("the private key is encrypted and no passphrase is set")
	// ErrPassphraseWrong says that the passphrase does not open the private key.
	ErrPassphraseWrong = errors.New("the passphrase does not open the private key")
	// ErrClosed says that the connection was closed on this side.
	ErrClosed = errors.New("the connection is closed")
)

// The causes for which sudo does not make us root; a SudoError wraps one.
var (
	ErrSudoMissing       = errors.New("sudo is not installed")
	ErrSudoNeedsPassword = errors.New("sudo asks for a password")
	ErrSudoWrongPassword = errors.New("sudo does not accept the password")
	ErrNotInSudoers      = errors.New("the user may not use sudo")
	ErrSudoRefused       = errors.New("sudo refused")
)

// UnreachableError says that no SSH connection came about, or that an open one
// was lost: the name does not resolve, nothing listens, nothing answers.
type UnreachableError struct{ Err error }

func (e *UnreachableError) Error() string { return "unreachable: " + Plain(e.reason()) }

// reason leaves out of a failed dial the address, which the message around it has.
func (e *UnreachableError) reason() string {
	dial, ok := errors.AsType[*net.OpError](e.Err)
	if !ok || dial.Op != "dial" {
		return e.Err.Error()
	}
	if _, ours := errors.AsType[syscall.Errno](dial.Err); ours || dial.Timeout() {
		return Reason(dial.Err)
	}
	return dial.Err.Error() // from a jump host: which one matters
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// LostError says that an open connection ended without being asked to.
type LostError struct{ Err error }

func (e *LostError) Error() string { return "connection lost: " + Plain(e.Err.Error()) }
func (e *LostError) Unwrap() error { return e.Err }

// HostKeyError says that a machine offered a key other than the expected ones:
// it was reinstalled, or it is another machine.
type HostKeyError struct {
	// Offered is the key's type and SHA256 fingerprint, as ssh-keygen -l prints it.
	Offered string
	// Expected are the keys that would have been accepted, in the same form.
	Expected []string
	// Revoked says that the offered key is marked as revoked.
	Revoked bool
	// File is the known_hosts file that expects them, and Name what it calls the
	// machine; both are empty where keys are pinned.
	File, Name string
}

func (e *HostKeyError) Error() string {
	if e.Revoked {
		return "host key is revoked: " + e.Offered
	}
	return fmt.Sprintf("host key mismatch: offered %s, expected %s", e.Offered, strings.Join(e.Expected, " or "))
}

// UnknownHostError says that the known_hosts file has no key for a machine.
type UnknownHostError struct {
	// Offered is the key's type and SHA256 fingerprint.
	Offered string
	// File is the known_hosts file that was asked, Name what it would call the
	// machine.
	File, Name string
}

func (e *UnknownHostError) Error() string {
	return fmt.Sprintf("unknown host: %s has no key for %s; it offered %s", e.File, e.Name, e.Offered)
}

// AuthError says that a machine did not let the user in.
type AuthError struct {
	User string
	// Tried are the SSH methods that were tried: "publickey", "password",
	// "keyboard-interactive".
	Tried []string
	// Allowed are the methods that the machine said it accepts.
	Allowed []string
	Err     error
}

func (e *AuthError) Error() string {
	return fmt.Sprintf("authentication failed for user %s: tried %s; the machine accepts %s",
		e.User, list(e.Tried), Plain(list(e.Allowed)))
}

func (e *AuthError) Unwrap() error { return e.Err }

// SudoError says why a user who logged in cannot become root.
type SudoError struct {
	User string
	// Stderr is what sudo said.
	Stderr string
	// Err is one of the causes ErrSudo... or ErrNotInSudoers.
	Err error
}

func (e *SudoError) Error() string { return e.Cause() + "; " + e.Advice() }

// Cause says what happened, without the advice.
func (e *SudoError) Cause() string {
	s := fmt.Sprintf("user %s cannot become root: %v", e.User, e.Err)
	if said := Matters(e.Stderr); said != "" {
		s += " (" + said + ")"
	}
	return s
}

func (e *SudoError) Unwrap() error { return e.Err }

// LimitError says that a machine sent more than it may.
type LimitError struct {
	// What was too long: "standard output" or "a line of standard output".
	What string
	// Limit is in bytes.
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s is longer than %d bytes", e.What, e.Limit)
}

func list(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}

// Advice says what to do about it.
func (e *SudoError) Advice() string {
	switch e.Err {
	case ErrSudoMissing:
		return "install sudo there or log in as root"
	case ErrSudoNeedsPassword:
		return "set sudoPassword, or allow it without one: echo '" + e.User + " ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/" + e.User
	case ErrSudoWrongPassword:
		return "set sudoPassword to that user's own password"
	case ErrNotInSudoers:
		return "add the user to the group sudo there or log in as root"
	}
	return "run sudo -v there as that user to see why"
}
