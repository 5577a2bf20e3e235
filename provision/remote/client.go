package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// Client is one open connection to one machine. It is safe for concurrent use:
// up to 8 scripts run at a time, more wait for their turn.
type Client struct {
	host    Host
	ssh     *ssh.Client
	conn    *watchedConn
	release func() // lets the jump host go

	slots    chan struct{} // one for each running session
	stopping chan struct{} // one for the session that stops another
	sudo     sudoState

	once sync.Once
	done chan struct{}
	err  error // why done is closed; read it after that
}

var (
	_ Runner = (*Client)(nil)
	_ Dialer = (*Client)(nil)
)

func newClient(h Host, o *options, s *ssh.Client, conn *watchedConn, release func()) *Client {
	c := &Client{
		host:     h,
		ssh:      s,
		conn:     conn,
		release:  release,
		slots:    make(chan struct{}, maxSessions),
		stopping: make(chan struct{}, 1),
		sudo:     newSudoState(),
		done:     make(chan struct{}),
	}
	go func() { c.end(&LostError{Err: s.Wait()}) }()
	go c.keepalive(o.interval, o.lost)
	return c
}

// Machine is the name that messages call the machine.
func (c *Client) Machine() string { return c.host.label() }

// Done is closed when the connection has ended, whoever ended it.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why the connection ended, a *LostError or ErrClosed; it is nil while
// the connection is open.
func (c *Client) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close ends the connection and what runs over it. It is safe to call again.
func (c *Client) Close() error {
	c.end(ErrClosed)
	return nil
}

// end closes the TCP connection itself: a polite goodbye would wait for a
// machine that may be gone.
func (c *Client) end(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
		_ = c.conn.Close()
		c.release()
	})
}

// keepalive gives the connection up when nothing at all arrived for lost. Any
// byte counts: an answer may be queued behind a long upload. Silence is counted
// in ticks, so that time in which this process was stopped does not count.
func (c *Client) keepalive(interval, lost time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var asking atomic.Bool
	heard := int64(0)
	for silent := time.Duration(0); ; {
		select {
		case <-c.done:
			return
		case <-tick.C:
		}
		if now := c.conn.received.Load(); now != heard {
			heard, silent = now, 0
			continue
		}
		if silent += interval; silent > lost {
			c.end(&LostError{Err: fmt.Errorf("the machine was silent for %v", lost)})
			return
		}
		if asking.CompareAndSwap(false, true) {
			go func() {
				defer asking.Store(false)
				_, _, _ = c.ssh.SendRequest("keepalive@openssh.com", true, nil)
			}()
		}
	}
}

// endPatience bounds the wait for why a connection ended, which is known at once.
const endPatience = time.Second

// unopened is why the machine opened no channel. Where the connection ended
// meanwhile, the library says that it got the packet "<nil>", and why a moment later.
func (c *Client) unopened(err error) error {
	var refused *ssh.OpenChannelError
	if errors.As(err, &refused) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	select {
	case <-c.done:
		return c.err
	case <-time.After(endPatience):
		return err
	}
}

// connectError is for what did not start because the connection is gone.
func (c *Client) connectError(err error) *ConnectError { return c.host.connectError(err) }

// acquire waits for a free session.
func (c *Client) acquire(ctx context.Context) error {
	select {
	case <-c.done:
		return c.connectError(c.err)
	default:
	}
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-c.done:
		return c.connectError(c.err)
	case <-ctx.Done():
		return c.connectError(context.Cause(ctx))
	}
}

// watchedConn counts what arrives, as the sign of life.
type watchedConn struct {
	net.Conn
	received atomic.Int64
}

func watch(conn net.Conn) *watchedConn { return &watchedConn{Conn: conn} }

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	acknowledge(c.Conn)
	return n, err
}
