package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// credentials are the ways to authenticate that a Host sets, in order.
type credentials struct {
	methods []ssh.AuthMethod
	agent   net.Conn
}

// newCredentials opens what the Host names. Signers of the agent and of keys
// make one method: x/crypto tries each SSH method once.
func newCredentials(ctx context.Context, h Host) (*credentials, error) {
	c := new(credentials)
	signers, err := c.publicKeys(ctx, h)
	if err != nil {
		c.close()
		return nil, err
	}
	if len(signers) > 0 {
		c.methods = append(c.methods, ssh.PublicKeys(signers...))
	}
	if h.Password != "" {
		c.methods = append(c.methods, ssh.Password(h.Password), ssh.KeyboardInteractive(answerWith(h.Password)))
	}
	if len(c.methods) == 0 && !h.Agent {
		return nil, ErrNoCredentials
	}
	return c, nil
}

// publicKeys are the signers to offer, in order: the Host's own keys that the
// agent holds, its other keys, and then the Host's own that it does not hold.
func (c *credentials) publicKeys(ctx context.Context, h Host) ([]ssh.Signer, error) {
	own, err := identities(h)
	if err != nil {
		return nil, err
	}
	var signers []ssh.Signer
	if h.Agent {
		held, err := c.openAgent(ctx, h.AgentSocket)
		if err != nil {
			return nil, err
		}
		first, others := partition(held, own)
		if signers = first; !h.IdentitiesOnly {
			signers = append(signers, others...)
		}
	}
	for _, id := range own {
		switch {
		case holds(signers, id.public): // the agent signs with it
		case id.signer == nil:
			return nil, id.err
		default:
			signers = append(signers, id.signer)
		}
	}
	return signers, nil
}

// partition tells the agent's keys that are among the Host's own from others.
func partition(held []ssh.Signer, own []identity) (first, others []ssh.Signer) {
	for _, s := range held {
		if slices.ContainsFunc(own, func(id identity) bool { return sameKey(s.PublicKey(), id.public) }) {
			first = append(first, s)
		} else {
			others = append(others, s)
		}
	}
	return first, others
}

func holds(signers []ssh.Signer, key ssh.PublicKey) bool {
	return slices.ContainsFunc(signers, func(s ssh.Signer) bool { return sameKey(s.PublicKey(), key) })
}

func sameKey(a, b ssh.PublicKey) bool {
	return a != nil && b != nil && bytes.Equal(a.Marshal(), b.Marshal())
}

// close lets the agent go; signers of the agent work until then.
func (c *credentials) close() {
	if c.agent != nil {
		_ = c.agent.Close()
	}
}

func (c *credentials) openAgent(ctx context.Context, socket string) ([]ssh.Signer, error) {
	if socket == "" {
		socket = os.Getenv("SSH_AUTH_SOCK")
	}
	if socket == "" {
		return nil, errors.New("agent is set, but SSH_AUTH_SOCK is not: start one with `eval $(ssh-agent)` and `ssh-add`")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("SSH agent: %w; start one with `eval $(ssh-agent)` and `ssh-add`", err)
	}
	// An agent may ask its person to confirm: it gets as long as a handshake.
	_ = conn.SetDeadline(time.Now().Add(handshakeTimeout))
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("SSH agent: %w", err)
	}
	c.agent = conn
	return signers, nil
}

// answerWith answers each hidden question of keyboard-interactive with the
// password. A question that is echoed asks for something else, a user name or
// a token, and must not be told a password.
func answerWith(password string) ssh.KeyboardInteractiveChallenge {
	return func(_, _ string, questions []string, echos []bool) ([]string, error) {
		answers := make([]string, len(questions))
		for i := range questions {
			if echos[i] {
				return nil, errors.New("the machine asks for more than a password")
			}
			answers[i] = password
		}
		return answers, nil
	}
}
