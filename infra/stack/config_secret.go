package stack

import "fmt"

// redacted is what every form of a secret looks like.
const redacted = "[secret]"

// Secret is a text that no format, no encoder and no log shows.
// Only Reveal gives it away.
type Secret struct{ text string }

// NewSecret keeps a text secret.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text }

// Set says whether there is anything to reveal.
func (s Secret) Set() bool { return s.text != "" }

// String returns "[secret]", or "" where nothing is set.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return redacted
}

// Format covers every verb: without it %x and %#v would show the field.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText covers JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Secrets are the stack's secret config keys, each set by
// `pulumi config set --secret weir:<key>`.
type Secrets struct {
	// SSHPrivateKey (weir:sshPrivateKey) is a key in PEM form.
	SSHPrivateKey Secret
	// SSHPassphrase (weir:sshPassphrase) opens an encrypted private key.
	SSHPassphrase Secret
	// SSHPassword (weir:sshPassword) is for machines that take no keys.
	SSHPassword Secret
	// SudoPassword (weir:sudoPassword) is given to sudo where it asks.
	SudoPassword Secret
}

// The keys of a stack's config, without their namespace.
const (
	keyCluster       = "cluster"
	keySSHPrivateKey = "sshPrivateKey"
	keySSHPassphrase = "sshPassphrase"
	keySSHPassword   = "sshPassword"
	keySudoPassword  = "sudoPassword"
)

// SecretKeys are the secret config keys, without their namespace, in order.
func SecretKeys() []string {
	return []string{keySSHPassphrase, keySSHPassword, keySSHPrivateKey, keySudoPassword}
}

// Put sets the secret of that key; it says whether there is one of that name.
func (s *Secrets) Put(key string, value Secret) bool {
	switch key {
	case keySSHPrivateKey:
		s.SSHPrivateKey = value
	case keySSHPassphrase:
		s.SSHPassphrase = value
	case keySSHPassword:
		s.SSHPassword = value
	case keySudoPassword:
		s.SudoPassword = value
	default:
		return false
	}
	return true
}
