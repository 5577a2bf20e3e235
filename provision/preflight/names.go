package preflight

import (
	"net/netip"
	"slices"
	"strings"
)

// judgeNames: each service listens on the machine's address, so that it must be
// one of the machine's own; names must lead there from everywhere; and what the
// config calls two machines must be two.
func judgeNames(seen []sight, r *Result) {
	seen = answered(seen)
	for i, s := range seen {
		s.judgeAddresses(r)
		for _, other := range seen[:i] {
			if s.isAt(other.Address) || other.isAt(s.Address) {
				r.refuse(s, "it is the machine that is called "+other.name()+" too: "+s.Address+" and "+other.Address+" are both its addresses",
					"a machine for each name", "correct the address of one of the two in the config")
			}
		}
	}
}

// isAt says that an address is one of the machine's own. Those that lead back to
// whoever asks are everybody's.
func (s sight) isAt(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && s.owns(ip.Unmap())
}

func (s sight) judgeAddresses(r *Result) {
	for _, name := range s.names() {
		if len(s.answer.names[name]) == 0 {
			r.refuse(s, "it knows no address of "+name, "the address of a machine", "add it to the name server, or to /etc/hosts of every machine")
		}
	}
	for _, address := range s.listen() {
		s.judgeOwn(address, r)
	}
}

// judgeOwn: a name that leads to 127.0.1.1, as Debian's installation writes for a
// machine's own, would make a service listen where nobody else gets to.
func (s sight) judgeOwn(address string, r *Result) {
	ips := s.answer.names[address]
	if ip, err := netip.ParseAddr(address); err == nil {
		ips = []netip.Addr{ip.Unmap()}
	}
	switch {
	case len(ips) == 0 || ips[0].IsUnspecified():
	case ips[0].IsLoopback() && !s.alone():
		r.refuse(s, address+" is "+ips[0].String()+" on the machine itself", "the address that others use for it", "correct /etc/hosts there: services would listen on that address alone")
	case len(s.answer.addresses) > 0 && !slices.ContainsFunc(ips, s.owns):
		r.refuse(s, address+" is none of its addresses ("+s.ownAddresses()+")", "one of them, as services listen on it", "correct the machine's address in the config")
	default:
		r.note(s, "%s is its own", address)
	}
}

// alone says that no other machine connects to this one's services.
func (s sight) alone() bool {
	ip, err := netip.ParseAddr(s.Address)
	return err == nil && ip.IsLoopback()
}

func (s sight) owns(ip netip.Addr) bool {
	return slices.ContainsFunc(s.answer.addresses, func(own netip.Addr) bool { return own.WithZone("") == ip.WithZone("") })
}

// ownAddresses are those by which others could reach it.
func (s sight) ownAddresses() string {
	var all []string
	for _, ip := range s.answer.addresses {
		if !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
			all = append(all, ip.String())
		}
	}
	return strings.Join(all, ", ")
}
