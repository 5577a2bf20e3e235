package provider

import (
	"weir/provision/remote"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Connection says how to reach a machine by SSH. A jump host is reached by one
// too, so that they make chains.
type Connection struct {
	Address               string      `pulumi:"address"`
	Port                  *int        `pulumi:"port,optional"`
	User                  *string     `pulumi:"user,optional"`
	PrivateKey            *string     `pulumi:"privateKey,optional" provider:"secret"`
	PrivateKeyFile        *string     `pulumi:"privateKeyFile,optional"`
	Passphrase            *string     `pulumi:"passphrase,optional" provider:"secret"`
	PassphraseFile        *string     `pulumi:"passphraseFile,optional"`
	Password              *string     `pulumi:"password,optional" provider:"secret"`
	Agent                 *bool       `pulumi:"agent,optional"`
	AgentSocket           *string     `pulumi:"agentSocket,optional"`
	IdentitiesOnly        *bool       `pulumi:"identitiesOnly,optional"`
	HostKey               *string     `pulumi:"hostKey,optional"`
	KnownHosts            *string     `pulumi:"knownHosts,optional"`
	HostKeyAlias          *string     `pulumi:"hostKeyAlias,optional"`
	InsecureIgnoreHostKey *bool       `pulumi:"insecureIgnoreHostKey,optional"`
	SudoPassword          *string     `pulumi:"sudoPassword,optional" provider:"secret"`
	Container             *bool       `pulumi:"container,optional"`
	Jump                  *Connection `pulumi:"jump,optional"`
}

// Annotate documents the fields in the provider's schema.
func (c *Connection) Annotate(a infer.Annotator) {
	a.SetToken("index", "Connection")
	a.Describe(&c.Address, "DNS name or IP address, without a port.")
	a.Describe(&c.Port, "sshd's port; 22 where it is not set.")
	a.Describe(&c.User, "Who logs in; root where it is not set. Any other user needs sudo.")
	a.Describe(&c.PrivateKey, "A private key in PEM form.")
	a.Describe(&c.PrivateKeyFile, "A file that holds a private key.")
	a.Describe(&c.Passphrase, "Opens an encrypted private key.")
	a.Describe(&c.PassphraseFile, "A file whose first line opens an encrypted private key, where passphrase is not set; $"+remote.PassphraseVariable+" is asked last.")
	a.Describe(&c.Password, "Tried for the methods password and keyboard-interactive.")
	a.Describe(&c.Agent, "Offer the keys of the agent at agentSocket or $SSH_AUTH_SOCK, that of privateKeyFile first.")
	a.Describe(&c.AgentSocket, "The agent's socket, where $SSH_AUTH_SOCK is not meant.")
	a.Describe(&c.IdentitiesOnly, "Of the agent's keys, offer that of privateKeyFile alone.")
	a.Describe(&c.HostKey, "The machine's public keys, one authorized_keys line each.")
	a.Describe(&c.KnownHosts, "A known_hosts file; this or hostKey is required.")
	a.Describe(&c.HostKeyAlias, "The name that the known_hosts file has the machine by.")
	a.Describe(&c.InsecureIgnoreHostKey, "Accept any host key. Whoever is between you and the machine can then take it over.")
	a.Describe(&c.SudoPassword, "Given to sudo where it asks for a password.")
	a.Describe(&c.Container, "The machine is a resource Machine, which a preview need not find.")
	a.Describe(&c.Jump, "The machine through which this one is reached; it may have one of its own.")
}

func (c Connection) host(name string) remote.Host {
	h := remote.Host{
		Name: name, Address: c.Address, Port: value(c.Port), User: value(c.User),
		PrivateKey: value(c.PrivateKey), PrivateKeyFile: value(c.PrivateKeyFile),
		Passphrase: value(c.Passphrase), PassphraseFile: value(c.PassphraseFile),
		Password: value(c.Password), Agent: value(c.Agent), AgentSocket: value(c.AgentSocket), IdentitiesOnly: value(c.IdentitiesOnly),
		HostKey: value(c.HostKey), KnownHosts: value(c.KnownHosts), HostKeyAlias: value(c.HostKeyAlias),
		InsecureIgnoreHostKey: value(c.InsecureIgnoreHostKey), SudoPassword: value(c.SudoPassword),
	}
	if c.Jump != nil {
		jump := c.Jump.host("jump host " + c.Jump.Address)
		h.Jump = &jump
	}
	return h
}

// value is what an optional holds, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// or is what an optional holds, or another value.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
