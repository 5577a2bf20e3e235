package stack

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"

	"weir/provision/remote"
)

// Defaults of sections that say how machines are made and reached.
const (
	defaultSSHPort = remote.DefaultPort
	defaultSSHUser = "root"
	// defaultSubnet is private, and away from what Docker hands out by itself.
	defaultSubnet = "172.30.77.0/24"
	// maxContainerName leaves room for the stack's name in a host name.
	maxContainerName = 30
)

func (c *checker) machines() {
	if len(c.config.Machines) == 0 {
		c.add("machines", "is empty; list at least one machine: - {name: node-1, address: 10.0.0.1}")
	}
	names, addresses, logins := map[string]int{}, map[string]int{}, map[string]int{}
	for i := range c.config.Machines {
		m, path := &c.config.Machines[i], fmt.Sprintf("machines[%d]", i)
		c.machineName(path, m.Name)
		c.unique(path+".name", m.Name, i, names)
		m.Address = c.address(path+".address", m.Address)
		c.unique(path+".address", m.Address, i, addresses)
		c.replaces(path+".replaces", m.Replaces)
		if m.Container {
			c.container(path, *m)
			continue
		}
		c.ownMachine(path, m)
		c.unique(path+".sshAddress", sshEndpoint(*m), i, logins)
	}
}

func (c *checker) machineName(path, name string) {
	switch {
	case name == "":
		c.add(path+".name", "is missing; write %s", labelRule)
	case !isLabel(name):
		c.add(path+".name", "is %q; write %s", name, labelRule)
	}
}

// replaces checks that a machine takes the place of one that is no longer listed.
func (c *checker) replaces(path, name string) {
	switch {
	case name == "":
	case !isLabel(name):
		c.add(path, "is %q; write the name that the other machine had", name)
	case slices.ContainsFunc(c.config.Machines, func(m Machine) bool { return m.Name == name }):
		c.add(path, "is %s, which is listed itself; leave that one out: this machine takes its place", name)
	}
}

// unique notes a value that an earlier machine has.
func (c *checker) unique(path, value string, index int, seen map[string]int) {
	if value == "" {
		return
	}
	if first, ok := seen[value]; ok {
		c.add(path, "is %s, as is that of machines[%d]; each machine needs its own", value, first)
		return
	}
	seen[value] = index
}

// sshEndpoint is where sshd of a machine answers; "" where Address says it already.
func sshEndpoint(m Machine) string {
	if m.SSHAddress == "" {
		return ""
	}
	return net.JoinHostPort(m.SSHAddress, strconv.Itoa(m.Port))
}

// address returns the one form of an IP address or a DNS name, so that two
// spellings of the same address are seen to be one.
func (c *checker) address(path, address string) string {
	if address == "" {
		c.add(path, "is missing; write an IP address or a DNS name")
		return ""
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		name := strings.ToLower(strings.TrimSuffix(address, "."))
		if !isDNSName(name) {
			c.add(path, "is %q; write an IP address or a DNS name, without a port", address)
		}
		return name
	}
	switch ip = ip.Unmap(); {
	case ip.Zone() != "" || ip.IsUnspecified() || ip.IsMulticast():
		c.add(path, "is %s, which is not the address of one machine; write one that the others can reach", address)
	case ip.IsLoopback() && len(c.config.Machines) > 1:
		c.add(path, "is %s, which every machine takes for itself; write one that the others can reach", address)
	}
	return ip.String()
}

var allDigits = regexp.MustCompile(`^[0-9.]+$`)

// isDNSName refuses what is made of digits and dots alone: 10.0.0.300 is a
// mistyped address, and no name ends in a number.
func isDNSName(s string) bool {
	return len(s) <= 253 && !allDigits.MatchString(s) &&
		!slices.ContainsFunc(strings.Split(s, "."), func(l string) bool { return !isLabel(l) })
}

// container checks what weir makes: it says itself how to reach it.
func (c *checker) container(path string, m Machine) {
	if len(m.Name) > maxContainerName {
		c.add(path+".name", "has %d letters; a container's name has up to %d", len(m.Name), maxContainerName)
	}
	for _, set := range []struct {
		key string
		is  bool
	}{
		{"sshAddress", m.SSHAddress != ""}, {"port", m.Port != 0}, {"user", m.User != ""},
		{"hostKey", m.HostKey != ""}, {"architecture", m.Architecture != ""},
	} {
		if set.is {
			c.add(path+"."+set.key, "is set by weir for a container; remove it, or container: true")
		}
	}
}

func (c *checker) ownMachine(path string, m *Machine) {
	if m.SSHAddress != "" {
		m.SSHAddress = c.address(path+".sshAddress", m.SSHAddress)
	}
	c.port(path+".port", &m.Port, c.sshPort(c.config.SSH.Port))
	c.user(path+".user", m.User)
	if !slices.Contains([]string{"", "amd64", "arm64"}, m.Architecture) {
		c.add(path+".architecture", "is %q; write amd64 or arm64, or leave it out where it is this computer's", m.Architecture)
	}
	c.hostKey(path+".hostKey", m.HostKey)
	if s := c.config.SSH; m.HostKey == "" && s.KnownHosts == "" && s.Config == "" && !s.InsecureIgnoreHostKey {
		c.add(path+".hostKey", "is missing, and there is no ssh.knownHosts: the machine's identity could not be verified; "+
			"write the machine's public key, or ssh.knownHosts: ~/.ssh/known_hosts")
	}
}

// hostKey checks that each line is one public key.
func (c *checker) hostKey(path, lines string) {
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if _, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err != nil {
			c.add(path, `is not a public key; write what ssh-keyscan prints behind the address: "ssh-ed25519 AAAA..."`)
			return
		}
	}
}

// userForm is what useradd accepts, and what cannot be taken for an option.
var userForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9._@-]{0,63}$`)

func (c *checker) user(path, user string) {
	if user != "" && !userForm.MatchString(user) {
		c.add(path, "is %q; write the name of a user", user)
	}
}
