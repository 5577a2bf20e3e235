package remotetest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// AuthorizedKeys is the public halves of keys, one authorized_keys line each.
func AuthorizedKeys(keys ...ssh.Signer) string {
	var b strings.Builder
	for _, key := range keys {
		b.Write(ssh.MarshalAuthorizedKey(key.PublicKey()))
	}
	return b.String()
}

// NewKey makes an ed25519 key: one to sign with, and the same in PEM form,
// encrypted where passphrase is not empty.
func NewKey(passphrase string) (ssh.Signer, string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		return nil, "", err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		return nil, "", err
	}
	return signer, string(pem.EncodeToMemory(block)), nil
}

// complete fills in what is not set, and makes the key of the client.
func (c Config) complete() (Config, string, error) {
	if c.Name == "" {
		c.Name = "machine"
	}
	if c.Address == "" {
		c.Address = "127.0.0.1"
	}
	if c.User == "" {
		c.User = "root"
	}
	if c.MaxSessions == 0 {
		c.MaxSessions = 10
	}
	client, key, err := NewKey("")
	if err != nil {
		return c, "", fmt.Errorf("client key: %w", err)
	}
	c.AuthorizedKeys = append(slices.Clone(c.AuthorizedKeys), client.PublicKey())
	if len(c.HostKeys) == 0 {
		hostKey, _, err := NewKey("")
		if err != nil {
			return c, "", fmt.Errorf("host key: %w", err)
		}
		c.HostKeys = []ssh.Signer{hostKey}
	}
	return c, key, nil
}

var errNo = errors.New("not accepted")

// server is the library's form of the configuration.
func (c Config) server() *ssh.ServerConfig {
	s := new(ssh.ServerConfig)
	for _, key := range c.HostKeys {
		s.AddHostKey(key)
	}
	switch {
	case c.Password == "":
		s.PublicKeyCallback = c.acceptKey
	case c.Interactive:
		s.KeyboardInteractiveCallback = c.ask
	default:
		s.PasswordCallback = func(who ssh.ConnMetadata, password []byte) (*ssh.Permissions, error) {
			return nil, c.accept(who, string(password) == c.Password)
		}
	}
	return s
}

func (c Config) acceptKey(who ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	known := slices.ContainsFunc(c.AuthorizedKeys, func(k ssh.PublicKey) bool {
		return bytes.Equal(k.Marshal(), key.Marshal())
	})
	return nil, c.accept(who, known)
}

func (c Config) ask(who ssh.ConnMetadata, challenge ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
	answers, err := challenge("", "", []string{"Password: "}, []bool{false})
	if err != nil {
		return nil, err
	}
	return nil, c.accept(who, len(answers) == 1 && answers[0] == c.Password)
}

func (c Config) accept(who ssh.ConnMetadata, proven bool) error {
	if who.User() != c.User || !proven {
		return errNo
	}
	return nil
}
