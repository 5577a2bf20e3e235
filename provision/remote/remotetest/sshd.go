package remotetest

import (
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"weir/provision/remote"
)

// Config is how a Server behaves. Its zero value is a well-behaved machine that
// lets root in with a generated key.
type Config struct {
	// Name is the machine's; empty means "machine".
	Name string
	// Address is where it listens; empty means 127.0.0.1. Another one lets in
	// whoever reaches it and has a key.
	Address string
	// User may log in; empty means root. Commands run as the current user.
	User string
	// HostKeys are the machine's; empty generates one ed25519 key.
	HostKeys []ssh.Signer
	// AuthorizedKeys may log in besides the generated key.
	AuthorizedKeys []ssh.PublicKey
	// Password logs in by the methods "password" and, where Interactive is set,
	// "keyboard-interactive"; then no key is accepted.
	Password    string
	Interactive bool
	// Env is added to the environment of commands: "PATH=..." for a sudo of the test's.
	Env []string
	// Delay passes before each command starts.
	Delay time.Duration
	// MaxSessions refuses more sessions at a time on one connection; 0 means 10,
	// as sshd does.
	MaxSessions int
	// NoForwarding refuses to forward connections.
	NoForwarding bool
	// Mute accepts connections and never says a word.
	Mute bool
}

// Server is a running SSH server.
type Server struct {
	config   Config
	listener net.Listener
	ssh      *ssh.ServerConfig
	key      string        // the generated client key, PEM
	closing  chan struct{} // closed by Close

	mu      sync.Mutex
	conns   map[*gatedConn]bool
	dialled int
	trick   Trick
	log     []string
	serving sync.WaitGroup
}

// Start runs a Server for the time of a test.
func Start(t testing.TB, config Config) *Server {
	t.Helper()
	s, err := Listen(config)
	if err != nil {
		t.Fatalf("start sshd: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// Dial connects to a Server for the time of a test.
func Dial(t testing.TB, s *Server, opts ...remote.Option) *remote.Client {
	t.Helper()
	client, err := remote.Dial(t.Context(), s.Host(), opts...)
	if err != nil {
		t.Fatalf("dial %s: %v", s.Host().Name, err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Listen runs a Server on a free port of its address until Close.
func Listen(config Config) (*Server, error) {
	config, key, err := config.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, key: key, ssh: config.server(), conns: make(map[*gatedConn]bool), closing: make(chan struct{})}
	if s.listener, err = net.Listen("tcp", net.JoinHostPort(config.Address, "0")); err != nil {
		return nil, err
	}
	s.serving.Go(s.accept)
	return s, nil
}

// Host is how to reach the server, with all that is needed to log in.
func (s *Server) Host() remote.Host {
	addr := s.listener.Addr().(*net.TCPAddr)
	h := remote.Host{
		Name: s.config.Name, Address: addr.IP.String(), Port: addr.Port,
		User: s.config.User, HostKey: AuthorizedKeys(s.config.HostKeys...),
	}
	if s.config.Password != "" {
		h.Password = s.config.Password
	} else {
		h.PrivateKey = s.key
	}
	return h
}

// Close stops the server, its connections and their commands, and waits for
// them. Call it once.
func (s *Server) Close() {
	close(s.closing)
	_ = s.listener.Close()
	s.Cut()
	s.serving.Wait()
}

// Cut breaks all open connections, as a machine that loses its power and is
// back at once.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
}

// Pause makes all open connections silent in both directions without closing
// them, as a machine that hangs; the returned function wakes them.
func (s *Server) Pause() (resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var resumes []func()
	for conn := range s.conns {
		resumes = append(resumes, conn.pause())
	}
	return func() {
		for _, resume := range resumes {
			resume()
		}
	}
}

// Play makes the next sessions misbehave; nil ends that.
func (s *Server) Play(trick Trick) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trick = trick
}

// Commands returns the command lines of all sessions so far, oldest first.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.log...)
}

// Dialled is how many TCP connections were accepted so far.
func (s *Server) Dialled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialled
}
