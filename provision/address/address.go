// Package address says what can be the address of a machine, in the forms that
// the configuration of Kafka and ZooKeeper takes.
package address

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
)

// name is a DNS name or an IPv4 address; underscores are not in DNS' standard,
// but in people's networks.
var name = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

// Valid says that s is an IP address or a DNS name: no port, no brackets, and no
// zone, which means something on one machine only.
func Valid(s string) bool {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Zone() == ""
	}
	return name.MatchString(s)
}

// WithPort is address:port, with an IPv6 address in brackets: the form of
// listeners, bootstrap lists and ZooKeeper's connect strings.
func WithPort(address string, port int) string { return net.JoinHostPort(address, strconv.Itoa(port)) }

// ValidWithPort says that s is what WithPort makes of a valid address.
func ValidWithPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || !Valid(host) {
		return false
	}
	n, err := strconv.Atoi(port)
	return err == nil && n >= 1 && n <= 65535
}
