package remote

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Reason is what is at the root of an error of the network, in a few words:
// "no route to host". An error with several roots has each of them once, so
// that ten ways which fail alike are one reason.
func Reason(err error) string {
	var found []string
	roots(err, func(root error) {
		if text := rootText(root); !slices.Contains(found, text) {
			found = append(found, text)
		}
	})
	// That the others were cancelled follows from the one that was not.
	if cancelled := context.Canceled.Error(); len(found) > 1 {
		found = slices.DeleteFunc(found, func(text string) bool { return text == cancelled })
	}
	return strings.Join(found, ", ")
}

// roots finds the errors that wrap no other, or whose own words say it best.
func roots(err error, found func(error)) {
	switch e := err.(type) {
	case *UnreachableError, *AuthError, *SudoError, *CommandError, *LostError:
		found(err)
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			roots(part, found)
		}
	default:
		if inner := errors.Unwrap(err); inner != nil {
			roots(inner, found)
		} else if err != nil {
			found(err)
		}
	}
}

func rootText(err error) string {
	switch e := err.(type) {
	case *UnreachableError:
		return Plain(e.reason())
	case *AuthError, *SudoError, *CommandError, *LostError: // plain already, and longer
		return err.Error()
	case *ssh.OpenChannelError:
		if e.Message != "" { // what connect(2) said there
			return Plain(strings.ToLower(e.Message))
		}
	case net.Error:
		if e.Timeout() {
			return "no answer in time"
		}
	}
	return Plain(err.Error())
}

// NoWayError says that an address cannot be reached: not directly, and not
// through any machine.
type NoWayError struct {
	// Address is host:port.
	Address string
	// Err joins why each way failed.
	Err error
}

func (e *NoWayError) Error() string { return "no way to " + e.Address + ": " + Reason(e.Err) }
func (e *NoWayError) Unwrap() error { return e.Err }
