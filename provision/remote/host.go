package remote

import (
	"crypto/sha256"
	"encoding/json"
)

// Host says how to reach one machine and how to become root on it.
//
// Exactly the authentication methods that are set are offered, in this order:
// agent, private key, password.
type Host struct {
	// Name is what messages call the machine.
	Name string `json:"name"`
	// Address is a DNS name or an IP address, without a port.
	Address string `json:"address"`
	// Port is sshd's; 0 means 22.
	Port int `json:"port,omitempty"`
	// User logs in; empty means root.
	User string `json:"user,omitempty"`

	// PrivateKey is a key in PEM form; PrivateKeyFile names a file that holds one.
	PrivateKey     string `json:"privateKey,omitempty"`
	PrivateKeyFile string `json:"privateKeyFile,omitempty"`
	// Passphrase opens an encrypted private key; where it is not set, the first
	// line of PassphraseFile does, else what $WEIR_SSH_PASSPHRASE holds. A key
	// that an agent holds too needs none.
	Passphrase     string `json:"passphrase,omitempty"`
	PassphraseFile string `json:"passphraseFile,omitempty"`
	// Password is tried for the methods "password" and "keyboard-interactive".
	Password string `json:"password,omitempty"`
	// Agent offers the keys of the agent at AgentSocket, else at
	// $SSH_AUTH_SOCK, that of PrivateKeyFile first. IdentitiesOnly offers none
	// but that one: a machine lets nobody try many keys.
	Agent          bool   `json:"agent,omitempty"`
	AgentSocket    string `json:"agentSocket,omitempty"`
	IdentitiesOnly bool   `json:"identitiesOnly,omitempty"`

	// HostKey pins the machine's public keys, one authorized_keys line each.
	// KnownHosts names a file in OpenSSH's format. One of the two is required
	// unless InsecureIgnoreHostKey is set, which every connection warns of.
	HostKey               string `json:"hostKey,omitempty"`
	KnownHosts            string `json:"knownHosts,omitempty"`
	InsecureIgnoreHostKey bool   `json:"insecureIgnoreHostKey,omitempty"`
	// HostKeyAlias is the name that KnownHosts has the machine by, where that is
	// neither its address nor its port.
	HostKeyAlias string `json:"hostKeyAlias,omitempty"`

	// SudoPassword is given to sudo where User is not root and sudo asks.
	SudoPassword string `json:"sudoPassword,omitempty"`

	// Jump, when set, is the machine through which this one is reached.
	Jump *Host `json:"jump,omitempty"`
}

// HostDigest tells Hosts apart by all that they say: no secrets in map keys.
type HostDigest [sha256.Size]byte

// Digest fails where the Host could not be dialled for what it says.
func (h Host) Digest() (HostDigest, error) {
	if err := h.check(); err != nil { // a loop of jump hosts has no JSON
		return HostDigest{}, err
	}
	text, err := json.Marshal(h)
	return sha256.Sum256(text), err
}
