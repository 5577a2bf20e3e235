package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/ssh"
)

// DialContext opens a TCP connection from the machine to address (host:port as
// the machine sees it), through the SSH connection. Unlike x/crypto's, the
// connection has deadlines, which Kafka clients need. It ends as a whole: there
// is no closing of one direction. ctx bounds the dialling only.
//
// A refusal by the address is a *net.OpError that wraps *ssh.OpenChannelError;
// a broken SSH connection is a *ConnectError.
func (c *Client) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if err := c.Err(); err != nil {
		return nil, c.connectError(err)
	}
	channel, err := c.ssh.DialContext(ctx, network, address)
	if err == nil {
		return forward(channel, address), nil
	}
	err = c.unopened(err)
	if lost := c.Err(); lost != nil {
		return nil, c.connectError(lost)
	}
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) && refused.Reason == ssh.Prohibited {
		err = fmt.Errorf("%w; sshd there forbids forwarding: set AllowTcpForwarding local", err)
	}
	return nil, &net.OpError{
		Op: "dial", Net: network, Addr: forwardAddr(address),
		Err: fmt.Errorf("from machine %s: %w", c.Machine(), err),
	}
}

// forwardConn is one end of a pipe whose other end is copied to and from an SSH
// channel: the pipe has the deadlines that a channel lacks.
type forwardConn struct {
	net.Conn
	remote forwardAddr
}

func forward(channel net.Conn, address string) net.Conn {
	ours, theirs := net.Pipe()
	go func() {
		_, _ = io.Copy(channel, theirs)
		_ = channel.Close()
	}()
	go func() {
		_, _ = io.Copy(theirs, channel)
		_ = theirs.Close()
	}()
	return &forwardConn{Conn: ours, remote: forwardAddr(address)}
}

// RemoteAddr is the address that was dialled, as the machine sees it.
func (c *forwardConn) RemoteAddr() net.Addr { return c.remote }

type forwardAddr string

func (forwardAddr) Network() string  { return "tcp" }
func (a forwardAddr) String() string { return string(a) }
