package remote

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// DefaultPort is sshd's.
const DefaultPort = 22

const (
	defaultUser = "root"
	// maxJumps bounds a chain of jump hosts: longer ones are mistakes (or loops).
	maxJumps = 8
)

// label is what messages call the machine, also where it was given no name.
func (h Host) label() string {
	if h.Name != "" {
		return h.Name
	}
	return h.Address
}

// hostport is where sshd listens, in the form that net.Dial takes.
func (h Host) hostport() string {
	port := h.Port
	if port == 0 {
		port = DefaultPort
	}
	return net.JoinHostPort(h.bareAddress(), strconv.Itoa(port))
}

// bareAddress takes an IPv6 address out of the brackets people copy with it.
func (h Host) bareAddress() string {
	if rest, ok := strings.CutPrefix(h.Address, "["); ok {
		return strings.TrimSuffix(rest, "]")
	}
	return h.Address
}

func (h Host) user() string {
	if h.User == "" {
		return defaultUser
	}
	return h.User
}

// check finds what no connection could be made with.
func (h Host) check() error {
	depth := 0
	for jump := h.Jump; jump != nil; jump = jump.Jump {
		if depth++; depth > maxJumps {
			return fmt.Errorf("more than %d jump hosts in a row: is there a loop?", maxJumps)
		}
	}
	switch {
	case h.Address == "":
		return errors.New("the address is empty: set a DNS name or an IP address")
	case strings.Count(h.Address, ":") == 1:
		return fmt.Errorf("address %q holds a port: set it as port", h.Address)
	case h.Port < 0 || h.Port > 65535:
		return fmt.Errorf("port %d is not between 1 and 65535", h.Port)
	}
	return nil
}

// connectError puts the machine's name, address and advice on a cause.
func (h Host) connectError(err error) *ConnectError {
	return &ConnectError{Machine: h.label(), Address: h.hostport(), Hint: h.hint(err), Err: err}
}

// hint is the advice for a cause, with the command to type next where there is one.
func (h Host) hint(err error) string {
	var unreachable *UnreachableError
	var mismatch *HostKeyError
	var unknown *UnknownHostError
	var auth *AuthError
	switch {
	case errors.Is(err, ErrNoHostKey):
		return "pin the machine's key: set hostKey to what `" + h.keyscan() + "` prints, after comparing it with the machine's own"
	case errors.Is(err, ErrNoCredentials):
		return "set privateKeyFile, agent or password"
	case errors.Is(err, ErrPassphraseMissing):
		return "set passphrase or passphraseFile, or load the key into an agent with `ssh-add` and set agent"
	case errors.As(err, &mismatch):
		return h.mismatchHint(mismatch)
	case errors.As(err, &unknown):
		return "compare the fingerprint with the machine's own, then: " + h.keyscanFor(unknown.Name) + " >> " + Quote(unknown.File)
	case errors.As(err, &auth):
		return h.authHint(auth)
	case errors.As(err, &unreachable):
		return "is the machine on, and does sshd listen there? Try: " + h.sshCommand()
	}
	return ""
}

func (h Host) authHint(e *AuthError) string {
	for _, method := range e.Tried {
		if method == "publickey" {
			return "is the public key in ~" + e.User + "/.ssh/authorized_keys there? An agent with many keys can use up sshd's tries: set privateKeyFile instead"
		}
	}
	return "check user and password, and that sshd there accepts the method"
}

func (h Host) port() string {
	_, port, _ := net.SplitHostPort(h.hostport())
	return port
}

// mismatchHint says what to do with a key that changed: where the machine was
// reinstalled, or its keys were exchanged, the new one takes the old one's place.
func (h Host) mismatchHint(e *HostKeyError) string {
	hint := "compare it with `ssh-keygen -lf` on the machine's console; if it is the machine's new key, "
	if e.File == "" {
		hint += "pin that one (`" + h.keyscan() + "`), or both in two lines while they are exchanged"
	} else {
		hint += QuoteAll("ssh-keygen", "-R", e.Name, "-f", e.File) + " && " + h.keyscanFor(e.Name) + " >> " + Quote(e.File)
	}
	return hint + "; if not, something else answers at this address"
}

// keyscan is the command that prints the machine's keys, from where it can be
// reached.
func (h Host) keyscan() string {
	scan := QuoteAll("ssh-keyscan", "-p", h.port(), h.bareAddress())
	if h.Jump == nil {
		return scan
	}
	return h.Jump.sshCommand() + " " + scan
}

// keyscanFor is keyscan for a known_hosts file, with the name that it looks for.
func (h Host) keyscanFor(name string) string {
	if h.HostKeyAlias == "" {
		return h.keyscan()
	}
	return h.keyscan() + " | sed 's/^[^ ]*/" + strings.NewReplacer("/", `\/`, "'", "").Replace(name) + "/'"
}

// sshCommand is what a person types to log in.
func (h Host) sshCommand() string {
	words := []string{"ssh", "-p", h.port()}
	if jumps := h.JumpOption(); jumps != "" {
		words = append(words, "-J", jumps)
	}
	return QuoteAll(append(words, h.user()+"@"+h.bareAddress())...)
}

// JumpOption is the jump hosts in the form of ssh's option -J, the first to be
// connected to in front; "" where there is none.
func (h Host) JumpOption() string {
	var hops []string
	for j, depth := h.Jump, 0; j != nil && depth < maxJumps; j, depth = j.Jump, depth+1 {
		hops = append(hops, j.user()+"@"+j.hostport())
	}
	slices.Reverse(hops)
	return strings.Join(hops, ",")
}

// expandHome resolves a leading "~/" as a shell would.
func expandHome(path string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", path, err)
	}
	return filepath.Join(home, rest), nil
}
