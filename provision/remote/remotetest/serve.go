package remotetest

import (
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

func (s *Server) accept() {
	for {
		raw, err := s.listener.Accept()
		if err != nil {
			return
		}
		conn := newGatedConn(raw)
		s.mu.Lock()
		s.conns[conn] = true
		s.dialled++
		s.mu.Unlock()
		s.serving.Go(func() {
			defer s.forget(conn)
			s.serve(conn)
		})
	}
}

func (s *Server) forget(conn *gatedConn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// serve is one connection, until all of its channels have ended.
func (s *Server) serve(conn net.Conn) {
	if s.config.Mute {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	sshConn, channels, requests, err := ssh.NewServerConn(conn, s.ssh)
	if err != nil {
		return
	}
	var open sync.WaitGroup
	open.Go(func() { answerAll(requests) })
	var sessions atomic.Int64
	for channel := range channels {
		open.Go(func() { s.channel(channel, &sessions) })
	}
	_ = sshConn.Close()
	open.Wait()
}

// answerAll answers keepalives as sshd does: with a failure.
func answerAll(requests <-chan *ssh.Request) {
	for r := range requests {
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

func (s *Server) channel(offer ssh.NewChannel, sessions *atomic.Int64) {
	switch offer.ChannelType() {
	case "session":
		if sessions.Add(1) > int64(s.config.MaxSessions) {
			sessions.Add(-1)
			_ = offer.Reject(ssh.ConnectionFailed, "open failed")
			return
		}
		s.session(offer, sessions)
	case "direct-tcpip":
		s.forward(offer)
	default:
		_ = offer.Reject(ssh.UnknownChannelType, offer.ChannelType())
	}
}

// forward connects a channel to the address that it asks for (RFC 4254, 7.2).
func (s *Server) forward(offer ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		OriginHost string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(offer.ExtraData(), &to); err != nil || s.config.NoForwarding {
		_ = offer.Reject(ssh.Prohibited, "administratively prohibited")
		return
	}
	target, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = offer.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := offer.Accept()
	if err != nil {
		_ = target.Close()
		return
	}
	go answerAll(requests)
	var both sync.WaitGroup
	both.Go(func() { copyAndClose(channel, target) })
	both.Go(func() { copyAndClose(target, channel) })
	both.Wait()
}

func copyAndClose(to io.WriteCloser, from io.Reader) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

// gatedConn is a connection that can be made silent.
type gatedConn struct {
	net.Conn
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex
	gate chan struct{} // closed lets everything through
}

func newGatedConn(conn net.Conn) *gatedConn {
	open := make(chan struct{})
	close(open)
	return &gatedConn{Conn: conn, gate: open, closed: make(chan struct{})}
}

func (c *gatedConn) pause() (resume func()) {
	shut := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gate = shut
	return sync.OnceFunc(func() { close(shut) })
}

// pass waits until the gate is open or the connection closed.
func (c *gatedConn) pass() {
	c.mu.Lock()
	gate := c.gate
	c.mu.Unlock()
	select {
	case <-gate:
	case <-c.closed:
	}
}

// Read holds back what arrived while the connection was paused.
func (c *gatedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.pass()
	return n, err
}

func (c *gatedConn) Write(p []byte) (int, error) {
	c.pass()
	return c.Conn.Write(p)
}

func (c *gatedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
