package stack

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

func (c *checker) ssh() {
	s := &c.config.SSH
	s.User = cmp.Or(s.User, defaultSSHUser)
	c.user("ssh.user", s.User)
	c.port("ssh.port", &s.Port, defaultSSHPort)
	c.localFile("ssh.privateKeyFile", &s.PrivateKeyFile)
	c.localFile("ssh.knownHosts", &s.KnownHosts)
	own := slices.ContainsFunc(c.config.Machines, func(m Machine) bool { return !m.Container })
	if own {
		c.authentication()
	}
	if s.Jump != nil {
		c.jump(s.Jump)
	}
}

// authentication asks for one way to log in, and one private key at most.
func (c *checker) authentication() {
	s, secrets := c.config.SSH, c.config.Secrets
	switch {
	case s.PrivateKeyFile != "" && secrets.SSHPrivateKey.Set():
		c.add("ssh.privateKeyFile", "is set, and so is the secret weir:sshPrivateKey; keep one of the two")
	case s.PrivateKeyFile == "" && !s.Agent && !secrets.SSHPrivateKey.Set() && !secrets.SSHPassword.Set():
		c.add("ssh", "has no way to log in; write privateKeyFile: ~/.ssh/id_ed25519, or agent: true, "+
			"or set the secret weir:sshPrivateKey or weir:sshPassword")
	}
}

func (c *checker) jump(j *Jump) {
	j.Address = c.jumpAddress(j.Address)
	c.port("ssh.jump.port", &j.Port, defaultSSHPort)
	j.User = cmp.Or(j.User, c.config.SSH.User)
	c.user("ssh.jump.user", j.User)
	c.localFile("ssh.jump.privateKeyFile", &j.PrivateKeyFile)
	c.hostKey("ssh.jump.hostKey", j.HostKey)
	if j.HostKey == "" && c.config.SSH.KnownHosts == "" && !c.config.SSH.InsecureIgnoreHostKey {
		c.add("ssh.jump.hostKey", "is missing, and there is no ssh.knownHosts: write one of the two")
	}
}

// jumpAddress allows this computer: a tunnel may end there.
func (c *checker) jumpAddress(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil && ip.IsLoopback() {
		return ip.String()
	}
	return c.address("ssh.jump.address", address)
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
