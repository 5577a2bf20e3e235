package remote

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// PassphraseVariable is the environment's variable that holds the passphrase of
// encrypted private keys, where a Host names none. A program that has asked a
// person for it sets it for those that it starts.
const PassphraseVariable = "WEIR_SSH_PASSPHRASE"

// maxKeyFile bounds what is read of a key or a passphrase, in bytes.
const maxKeyFile = 256 << 10

// identity is a private key that a Host names. Where it could not be opened,
// signer is nil and err says why; an agent may hold it all the same.
type identity struct {
	public ssh.PublicKey // nil where it is not known
	signer ssh.Signer
	err    error
}

// identities reads the Host's keys. What is no key at all is an error; one that
// is encrypted, or of which only the public half is there, is not yet.
func identities(h Host) ([]identity, error) {
	var all []identity
	if h.PrivateKey != "" {
		id := open([]byte(h.PrivateKey), h)
		if id.err != nil {
			id.err = fmt.Errorf("privateKey: %w", id.err)
		}
		all = append(all, id)
	}
	if h.PrivateKeyFile != "" {
		path, err := expandHome(h.PrivateKeyFile)
		if err != nil {
			return nil, fmt.Errorf("privateKeyFile: %w", err)
		}
		id := openFile(path, h)
		if id.err != nil {
			id.err = fmt.Errorf("privateKeyFile: %w", id.err)
		}
		all = append(all, id)
	}
	for _, id := range all {
		if id.err != nil && id.public == nil {
			return nil, id.err
		}
	}
	return all, nil
}

func openFile(path string, h Host) identity {
	pem, err := readSmall(path)
	if err != nil {
		id := identity{err: err}
		if errors.Is(err, fs.ErrNotExist) { // the agent may have what is not on the disk
			id.public = publicHalf(path)
		}
		return id
	}
	id := open(pem, h)
	if id.err != nil {
		id.err = fmt.Errorf("%s: %w", path, id.err)
		if id.public == nil { // keys in PEM's old form do not tell
			id.public = publicHalf(path)
		}
	}
	return id
}

// open opens a key in PEM form. Its errors never hold the key's text.
func open(pem []byte, h Host) identity {
	signer, err := ssh.ParsePrivateKey(pem)
	var encrypted *ssh.PassphraseMissingError
	switch {
	case err == nil:
		return identity{public: signer.PublicKey(), signer: signer}
	case !errors.As(err, &encrypted):
		return identity{err: errors.New("not a private key in PEM or OpenSSH form")}
	}
	id := identity{public: encrypted.PublicKey}
	passphrase, err := h.passphrase()
	switch {
	case err != nil:
		id.err = err
		return id
	case passphrase == "":
		id.err = ErrPassphraseMissing
		return id
	}
	id.signer, id.err = ssh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase))
	if errors.Is(id.err, x509.IncorrectPasswordError) {
		id.err = ErrPassphraseWrong
	}
	if id.err == nil {
		id.public = id.signer.PublicKey()
	}
	return id
}

// passphrase is the first one that is set; "" where none is.
func (h Host) passphrase() (string, error) {
	switch {
	case h.Passphrase != "":
		return h.Passphrase, nil
	case h.PassphraseFile == "":
		return os.Getenv(PassphraseVariable), nil
	}
	path, err := expandHome(h.PassphraseFile)
	if err != nil {
		return "", fmt.Errorf("passphraseFile: %w", err)
	}
	text, err := readSmall(path)
	if err != nil {
		return "", fmt.Errorf("passphraseFile: %w", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return strings.TrimSuffix(line, "\r"), nil
}

// publicHalf reads the file that ssh-keygen puts beside a private key.
func publicHalf(path string) ssh.PublicKey {
	text, err := readSmall(path + ".pub")
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(bytes.TrimSpace(text))
	if err != nil {
		return nil
	}
	return key
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = fmt.Errorf("%s: %w", path, &LimitError{What: "the file", Limit: maxKeyFile})
	}
	return text, err
}

// NeedsPassphrase returns the Host's private key file that cannot be opened
// without a passphrase that is not set; "" where there is none. Jump hosts
// count: the first one that needs it is named. An agent that is offered may
// hold the key, and is believed to.
func (h Host) NeedsPassphrase() string {
	for at, depth := &h, 0; at != nil && depth <= maxJumps; at, depth = at.Jump, depth+1 {
		if at.Agent || at.PrivateKeyFile == "" {
			continue
		}
		all, err := identities(Host{PrivateKeyFile: at.PrivateKeyFile, Passphrase: at.Passphrase, PassphraseFile: at.PassphraseFile})
		for _, id := range all {
			err = errors.Join(err, id.err)
		}
		if errors.Is(err, ErrPassphraseMissing) {
			return at.PrivateKeyFile
		}
	}
	return ""
}

// Opens says whether a passphrase opens the private key in a file.
func Opens(file, passphrase string) bool {
	all, err := identities(Host{PrivateKeyFile: file, Passphrase: passphrase})
	return err == nil && len(all) == 1 && all[0].signer != nil
}
