package testenv

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
)

// Spec says which machine is wanted.
type Spec struct {
	// Stack groups machines that share a network and a fate; see Sweep.
	Stack string
	// Name is the machine's, unique in its stack, and its host name.
	Name string
	// Subnet is the stack's network, an IPv4 prefix such as 10.89.7.0/24. All
	// machines of a stack give the same one. Its first address is the
	// computer's own.
	Subnet string
	// Address is the machine's in that subnet, and never changes.
	Address string
	// KeysDir is the directory of the stack's keys, known_hosts and
	// ssh_config. It is made when missing, belongs to one stack, and is never
	// removed by this package.
	KeysDir string
	// Distribution is what the machine runs, by its ID in os-release: "" for
	// Debian, or "ubuntu".
	Distribution string
	// MemoryMB limits the machine's memory, in MiB; 0 means no limit.
	MemoryMB int
	// Disposable marks the machine as this process's: SweepOrphans removes it
	// once the process has ended.
	Disposable bool
}

// Labels by which containers and networks are recognised as ours.
const (
	labelStack   = "weir.stack"
	labelMachine = "weir.machine"
	labelOwner   = "weir.owner"
)

// A name is part of a container's name and is a host name: RFC 1123's label,
// short enough to leave room for the stack in Linux's 64 characters.
var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$`)

func networkName(stack string) string         { return "weir-" + stack }
func network6Name(stack string) string        { return "weir6-" + stack }
func containerName(stack, name string) string { return "weir-" + stack + "-" + name }

// place is where on the network a machine goes: a Spec's texts, parsed.
type place struct {
	subnet  netip.Prefix
	gateway netip.Addr
	address netip.Addr
}

// parse checks a Spec as a whole and reports every problem in it.
func (s Spec) parse() (place, error) {
	var errs []error
	for what, name := range map[string]string{"stack": s.Stack, "machine": s.Name} {
		if !namePattern.MatchString(name) {
			errs = append(errs, fmt.Errorf("%s name %q: want up to 30 lower-case letters, digits and hyphens", what, name))
		}
	}
	if s.KeysDir == "" || !filepath.IsLocal(s.KeysDir) && !filepath.IsAbs(s.KeysDir) {
		errs = append(errs, fmt.Errorf("keys directory %q: want a directory for keys and known_hosts", s.KeysDir))
	}
	if s.MemoryMB < 0 || s.MemoryMB > 0 && s.MemoryMB < minMemoryMB {
		errs = append(errs, fmt.Errorf("memory %d MB: want 0 (no limit) or at least %d", s.MemoryMB, minMemoryMB))
	}
	where, err := parsePlace(s.Subnet, s.Address)
	if err := errors.Join(append(errs, err)...); err != nil {
		return place{}, fmt.Errorf("machine %q of stack %q: %w", s.Name, s.Stack, err)
	}
	return where, nil
}

// minMemoryMB is what systemd and sshd need to boot at all.
const minMemoryMB = 64

func parsePlace(subnet, address string) (place, error) {
	prefix, err := netip.ParsePrefix(subnet)
	if err != nil || !prefix.Addr().Is4() || prefix.Bits() > 29 {
		return place{}, fmt.Errorf("subnet %q: want an IPv4 prefix with room for machines, such as 10.89.7.0/24", subnet)
	}
	prefix = prefix.Masked()
	where := place{subnet: prefix, gateway: prefix.Addr().Next()}
	where.address, err = netip.ParseAddr(address)
	switch {
	case err != nil:
		return place{}, fmt.Errorf("address %q: want an IPv4 address in %s", address, prefix)
	case !prefix.Contains(where.address):
		return place{}, fmt.Errorf("address %s is not in subnet %s", address, prefix)
	case where.address == prefix.Addr(), where.address == where.gateway, !prefix.Contains(where.address.Next()):
		return place{}, fmt.Errorf("address %s: the first two addresses of %s and its last are taken (network, computer, broadcast)", address, prefix)
	}
	return where, nil
}
