package connect

import (
	"context"
	"net"
	"time"

	"weir/provision/remote"
)

// dialTimeout bounds one connection, whichever way it goes: one second for the
// direct try, the rest for the way through SSH.
const dialTimeout = 5 * time.Second

// DialContext connects to host:port, from here where that works and else
// through the SSH connection of the machine that has this address. The error
// tells what was tried and how each way failed.
func (s *Session) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return s.reach(host).DialContext(ctx, network, address)
}

// reach returns the ways to a host, the same ones each time: they remember
// which of them worked.
func (s *Session) reach(host string) *remote.Reach {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ways[host] == nil {
		s.ways[host] = remote.Via(s.opts.Direct, s.vias(host)...)
	}
	return s.ways[host]
}

// vias is the machine whose address it is: through another one, a dead machine
// would cost its callers a second wait. Where no machine is known to have the
// address (an advertised name, say) every one may know the way. Where a person
// named the machine, it is that one.
func (s *Session) vias(host string) []remote.Dialer {
	if s.opts.Via != "" {
		return []remote.Dialer{machineDialer{s, s.opts.Via}}
	}
	var all []remote.Dialer
	for _, m := range s.Cluster.Machines {
		via := machineDialer{s, m.Name}
		if host == m.Address || host == m.Name || host == m.Host.Address {
			return []remote.Dialer{via}
		}
		all = append(all, via)
	}
	return all
}

// machineDialer dials from a machine, which is connected when that is needed.
type machineDialer struct {
	session *Session
	machine string
}

func (d machineDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.session.Machine(ctx, d.machine)
	if err != nil {
		return nil, err
	}
	return conn.DialContext(ctx, network, address)
}

// noDirect refuses the direct way.
type noDirect struct{}

func (noDirect) DialContext(context.Context, string, string) (net.Conn, error) {
	return nil, errOnlySSH
}

// On dials from a machine, which is connected when that is needed.
func (s *Session) On(machine string) remote.Dialer { return machineDialer{s, machine} }
