package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
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
	var signers []ssh.Signer
	if h.Agent {
		fromAgent, err := c.openAgent(ctx)
		if err != nil {
			return nil, err
		}
		signers = append(signers, fromAgent...)
	}
	fromKeys, err := keySigners(h)
	if err != nil {
		c.close()
		return nil, err
	}
	if signers = append(signers, fromKeys...); len(signers) > 0 {
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

// close lets the agent go; signers of the agent work until then.
func (c *credentials) close() {
	if c.agent != nil {
		_ = c.agent.Close()
	}
}

func (c *credentials) openAgent(ctx context.Context) ([]ssh.Signer, error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, errors.New("agent is set, but SSH_AUTH_SOCK is not: start one with `eval $(ssh-agent)` and `ssh-add`")
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("SSH agent: %w", err)
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

func keySigners(h Host) ([]ssh.Signer, error) {
	var signers []ssh.Signer
	if h.PrivateKey != "" {
		signer, err := parseKey([]byte(h.PrivateKey), h.Passphrase)
		if err != nil {
			return nil, fmt.Errorf("privateKey: %w", err)
		}
		signers = append(signers, signer)
	}
	if h.PrivateKeyFile != "" {
		signer, err := readKey(h.PrivateKeyFile, h.Passphrase)
		if err != nil {
			return nil, fmt.Errorf("privateKeyFile: %w", err)
		}
		signers = append(signers, signer)
	}
	return signers, nil
}

func readKey(path, passphrase string) (ssh.Signer, error) {
	path, err := expandHome(path)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	signer, err := parseKey(pem, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return signer, nil
}

// parseKey opens a key in PEM form. Its errors never hold the key's text.
func parseKey(pem []byte, passphrase string) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(pem)
	var encrypted *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return signer, nil
	case !errors.As(err, &encrypted):
		return nil, errors.New("not a private key in PEM or OpenSSH form")
	case passphrase == "":
		return nil, ErrPassphraseMissing
	}
	signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase))
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, ErrPassphraseWrong
	}
	return signer, err
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
