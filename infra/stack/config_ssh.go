package stack

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"weir/provision/remote"
)

func (c *checker) ssh() {
	s := &c.config.SSH
	c.user("ssh.user", s.User)
	c.localFile("ssh.config", &s.Config)
	c.readSSHConfig()
	if s.Config == "" { // else what it says comes before the default
		s.User = cmp.Or(s.User, defaultSSHUser)
	}
	c.port("ssh.port", &s.Port, c.sshPort(0))
	c.localFile("ssh.privateKeyFile", &s.PrivateKeyFile)
	c.localFile("ssh.passphraseFile", &s.PassphraseFile)
	c.localFile("ssh.knownHosts", &s.KnownHosts)
	if s.PassphraseFile != "" && c.config.Secrets.SSHPassphrase.Set() {
		c.add("ssh.passphraseFile", "is set, and so is the secret weir:sshPassphrase; keep one of the two")
	}
	c.jump("ssh.jump", s.Jump)
	if slices.ContainsFunc(c.config.Machines, func(m Machine) bool { return !m.Container }) {
		c.authentication()
	}
}

// sshPort is the port where nobody wrote one: 0 leaves it to ssh.config.
func (c *checker) sshPort(general int) int {
	if general != 0 || c.config.SSH.Config != "" {
		return general
	}
	return defaultSSHPort
}

// readSSHConfig reads what ssh.config names, where it can be read at all.
func (c *checker) readSSHConfig() {
	s := &c.config.SSH
	if s.Config == "" || c.src.Exists != nil && !c.src.Exists(s.Config) {
		return
	}
	file, err := remote.ReadSSHConfig(s.Config, c.src.Home)
	if err != nil {
		c.add("ssh.config", "cannot be followed: %v", err)
		return
	}
	s.file = file
}

// authentication asks for one way to log in, and one private key at most.
func (c *checker) authentication() {
	s, secrets := c.config.SSH, c.config.Secrets
	switch {
	case s.PrivateKeyFile != "" && secrets.SSHPrivateKey.Set():
		c.add("ssh.privateKeyFile", "is set, and so is the secret weir:sshPrivateKey; keep one of the two")
	case s.file != nil:
		c.completions()
	case s.PrivateKeyFile == "" && !s.Agent && !secrets.SSHPrivateKey.Set() && !secrets.SSHPassword.Set():
		c.add("ssh", "has no way to log in; write privateKeyFile: ~/.ssh/id_ed25519, or agent: true, "+
			"or set the secret weir:sshPrivateKey or weir:sshPassword")
	}
}

// completions checks what the OpenSSH configuration makes of each machine.
func (c *checker) completions() {
	for i, m := range c.config.Machines {
		if m.Container {
			continue
		}
		if _, _, err := c.config.completed(c.config.declared(m)); err != nil {
			c.add(fmt.Sprintf("machines[%d]", i), "cannot be reached as ssh.config says: %v", err)
		}
	}
}

func (c *checker) jump(path string, j *Jump) {
	if j == nil {
		return
	}
	s := c.config.SSH
	j.Address = c.jumpAddress(path+".address", j.Address)
	j.User = cmp.Or(j.User, s.User)
	c.port(path+".port", &j.Port, c.sshPort(0))
	c.user(path+".user", j.User)
	c.localFile(path+".privateKeyFile", &j.PrivateKeyFile)
	c.hostKey(path+".hostKey", j.HostKey)
	if j.HostKey == "" && s.KnownHosts == "" && s.Config == "" && !s.InsecureIgnoreHostKey {
		c.add(path+".hostKey", "is missing, and there is no ssh.knownHosts: write one of the two")
	}
	c.jump(path+".jump", j.Jump)
}

// jumpAddress allows this computer: a tunnel may end there.
func (c *checker) jumpAddress(path, address string) string {
	if ip, err := netip.ParseAddr(address); err == nil && ip.IsLoopback() {
		return ip.String()
	}
	return c.address(path, address)
}

// containers checks the network of the machines that weir makes, and their
// place in it.
func (c *checker) containers() {
	s := &c.config.Containers
	if s.Subnet == "" {
		s.Subnet = defaultSubnet
	}
	subnet, err := netip.ParsePrefix(s.Subnet)
	switch {
	case err != nil || !subnet.Addr().Is4() || subnet.Masked() != subnet || !subnet.Addr().IsPrivate():
		c.add("containers.subnet", "is %q; write a private IPv4 network by its first address, %q", s.Subnet, defaultSubnet)
		return
	case subnet.Bits() < 16 || subnet.Bits() > 29:
		c.add("containers.subnet", "is %s; write a network of /16 to /29", s.Subnet)
		return
	}
	for i, m := range c.config.Machines {
		if m.Container && m.Address != "" {
			c.inSubnet(fmt.Sprintf("machines[%d].address", i), m.Address, subnet)
		}
	}
}

func (c *checker) inSubnet(path, address string, subnet netip.Prefix) {
	ip, err := netip.ParseAddr(address)
	gateway := subnet.Addr().Next()
	switch {
	case err != nil || !subnet.Contains(ip):
		c.add(path, "is %s, which is not in containers.subnet %s; write one of it, %s for example",
			address, subnet, gateway.Next())
	case ip == subnet.Addr() || !subnet.Contains(ip.Next()):
		c.add(path, "is %s, which stands for the whole network %s; write another", address, subnet)
	case ip == gateway:
		c.add(path, "is %s, which is the gateway of %s; write another", address, subnet)
	}
}
