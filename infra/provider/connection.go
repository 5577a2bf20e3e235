package provider

import (
	"weir/provision/remote"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Connection says how to reach a machine by SSH.
type Connection struct {
	Address               string    `pulumi:"address"`
	Port                  *int      `pulumi:"port,optional"`
	User                  *string   `pulumi:"user,optional"`
	PrivateKey            *string   `pulumi:"privateKey,optional" provider:"secret"`
	PrivateKeyFile        *string   `pulumi:"privateKeyFile,optional"`
	Passphrase            *string   `pulumi:"passphrase,optional" provider:"secret"`
	Password              *string   `pulumi:"password,optional" provider:"secret"`
	Agent                 *bool     `pulumi:"agent,optional"`
	HostKey               *string   `pulumi:"hostKey,optional"`
	KnownHosts            *string   `pulumi:"knownHosts,optional"`
	InsecureIgnoreHostKey *bool     `pulumi:"insecureIgnoreHostKey,optional"`
	SudoPassword          *string   `pulumi:"sudoPassword,optional" provider:"secret"`
	Container             *bool     `pulumi:"container,optional"`
	Jump                  *JumpHost `pulumi:"jump,optional"`
}

// JumpHost is the machine through which another is reached.
type JumpHost struct {
	Address        string  `pulumi:"address"`
	Port           *int    `pulumi:"port,optional"`
	User           *string `pulumi:"user,optional"`
	PrivateKey     *string `pulumi:"privateKey,optional" provider:"secret"`
	PrivateKeyFile *string `pulumi:"privateKeyFile,optional"`
	Passphrase     *string `pulumi:"passphrase,optional" provider:"secret"`
	Password       *string `pulumi:"password,optional" provider:"secret"`
	Agent          *bool   `pulumi:"agent,optional"`
	HostKey        *string `pulumi:"hostKey,optional"`
	KnownHosts     *string `pulumi:"knownHosts,optional"`
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
	a.Describe(&c.Password, "Tried for the methods password and keyboard-interactive.")
	a.Describe(&c.Agent, "Offer the keys of the agent at $SSH_AUTH_SOCK.")
	a.Describe(&c.HostKey, "The machine's public keys, one authorized_keys line each.")
	a.Describe(&c.KnownHosts, "A known_hosts file; this or hostKey is required.")
	a.Describe(&c.InsecureIgnoreHostKey, "Accept any host key. Whoever is between you and the machine can then take it over.")
	a.Describe(&c.SudoPassword, "Given to sudo where it asks for a password.")
	a.Describe(&c.Container, "The machine is a resource Machine, which a preview need not find.")
	a.Describe(&c.Jump, "The machine through which this one is reached.")
}

// Annotate documents the fields in the provider's schema.
func (c *JumpHost) Annotate(a infer.Annotator) {
	a.SetToken("index", "JumpHost")
	a.Describe(&c.Address, "DNS name or IP address of the machine that is jumped through.")
}

func (c Connection) host(name string) remote.Host {
	h := remote.Host{
		Name: name, Address: c.Address, Port: value(c.Port), User: value(c.User),
		PrivateKey: value(c.PrivateKey), PrivateKeyFile: value(c.PrivateKeyFile), Passphrase: value(c.Passphrase),
		Password: value(c.Password), Agent: value(c.Agent),
		HostKey: value(c.HostKey), KnownHosts: value(c.KnownHosts), InsecureIgnoreHostKey: value(c.InsecureIgnoreHostKey),
		SudoPassword: value(c.SudoPassword),
	}
	if j := c.Jump; j != nil {
		h.Jump = &remote.Host{
			Name: name + "'s jump host", Address: j.Address, Port: value(j.Port), User: value(j.User),
			PrivateKey: value(j.PrivateKey), PrivateKeyFile: value(j.PrivateKeyFile), Passphrase: value(j.Passphrase),
			Password: value(j.Password), Agent: value(j.Agent), HostKey: value(j.HostKey), KnownHosts: value(j.KnownHosts),
		}
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
