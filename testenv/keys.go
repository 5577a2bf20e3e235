package testenv

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/crypto/ssh"
)

// The files of a keys directory. A key's private half is the truth; all other
// files are written anew from the private keys and the addresses, so that a
// run that was killed between two of them leaves nothing to repair.
const (
	clientKeyFile  = "id_ed25519"
	hostKeyFile    = "ssh_host_ed25519_key"
	addressFile    = "address"
	machinesDir    = "machines"
	knownHostsFile = "known_hosts"
	sshConfigFile  = "ssh_config"
)

// keyPair is an Ed25519 key in OpenSSH's forms.
type keyPair struct {
	signer     ssh.Signer
	private    []byte // PEM
	authorized []byte // one line, as in authorized_keys
}

// keys are what a machine and its visitors know each other by.
type keys struct {
	client, host keyPair
}

// prepareKeys makes the keys that are missing, and the files that list them.
// The stack's lock must be held.
func prepareKeys(s Spec, where place) (keys, error) {
	dir := filepath.Join(s.KeysDir, machinesDir, s.Name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return keys{}, fmt.Errorf("keys of machine %s: %w", s.Name, err)
	}
	client, err := ensureKey(filepath.Join(s.KeysDir, clientKeyFile), "weir-"+s.Stack)
	if err != nil {
		return keys{}, fmt.Errorf("client key of stack %s: %w", s.Stack, err)
	}
	host, err := ensureKey(filepath.Join(dir, hostKeyFile), s.Name)
	if err != nil {
		return keys{}, fmt.Errorf("host key of machine %s: %w", s.Name, err)
	}
	err = writeFile(filepath.Join(dir, addressFile), []byte(where.address.String()+"\n"), 0o644)
	if err == nil {
		err = writeLists(s.KeysDir)
	}
	if err != nil {
		return keys{}, fmt.Errorf("keys directory of stack %s: %w", s.Stack, err)
	}
	return keys{client, host}, nil
}

// ensureKey reads the private key at path, or makes one, and sees to its .pub.
func ensureKey(path, comment string) (keyPair, error) {
	private, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		private, err = newKey(comment)
		if err == nil {
			err = writeFile(path, private, 0o600)
		}
	}
	if err != nil {
		return keyPair{}, err
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return keyPair{}, fmt.Errorf("%s: %w: remove the file to have a new key made", path, err)
	}
	public := bytes.TrimSpace(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	public = append(public, " "+comment+"\n"...)
	return keyPair{signer, private, public}, writeFile(path+".pub", public, 0o644)
}

func newKey(comment string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, comment)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(block), nil
}

// writeLists writes known_hosts and ssh_config for all machines of the
// directory, in the order of their names.
func writeLists(dir string) error {
	absolute, err := filepath.Abs(dir) // ssh is started in any directory
	if err != nil {
		return err
	}
	machines, err := os.ReadDir(filepath.Join(dir, machinesDir))
	if err != nil {
		return err
	}
	var known, config strings.Builder
	fmt.Fprintf(&config, "# Written by weir: ssh -F %s MACHINE\n", filepath.Join(absolute, sshConfigFile))
	for _, m := range machines {
		at := filepath.Join(dir, machinesDir, m.Name())
		address, err := os.ReadFile(filepath.Join(at, addressFile))
		if errors.Is(err, fs.ErrNotExist) {
			continue // a run was killed here; its next one completes it
		}
		if err != nil {
			return err
		}
		key, err := os.ReadFile(filepath.Join(at, hostKeyFile+".pub"))
		if err != nil {
			return err
		}
		ip := strings.TrimSpace(string(address))
		fmt.Fprintf(&known, "%s,%s %s\n", m.Name(), ip, withoutComment(key))
		fmt.Fprintf(&config, "Host %s\n    HostName %s\n    HostKeyAlias %[1]s\n", m.Name(), ip)
	}
	fmt.Fprintf(&config, "Host *\n    User root\n    IdentityFile %q\n    IdentitiesOnly yes\n    UserKnownHostsFile %q\n    StrictHostKeyChecking yes\n",
		filepath.Join(absolute, clientKeyFile), filepath.Join(absolute, knownHostsFile))
	if err := writeFile(filepath.Join(dir, knownHostsFile), []byte(known.String()), 0o644); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, sshConfigFile), []byte(config.String()), 0o644)
}

func withoutComment(authorized []byte) string {
	return strings.Join(strings.Fields(string(authorized))[:2], " ")
}

// writeFile writes a file whole or not at all, and not when it is as wanted.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return os.Chmod(path, mode)
	}
	return renameio.WriteFile(path, data, mode, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(path)))
}
