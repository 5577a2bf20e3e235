package connect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/sync/singleflight"

	"weir/provision/inventory"
	"weir/provision/remote"
)

const (
	// sshConnectTimeout bounds the TCP connection to a machine. An operator
	// waits for it in front of a screen: a lost SYN is sent again after 1 s.
	sshConnectTimeout = 3 * time.Second
	// sshHandshakeTimeout bounds key exchange and login; a machine under full
	// load takes a second or two.
	sshHandshakeTimeout = 5 * time.Second
	// sshTimeout bounds both together, with a jump host in front.
	sshTimeout = 10 * time.Second
	// failureKept is how long a machine that could not be reached is not tried
	// again: the many questions of one command wait for a dead machine once.
	failureKept = 10 * time.Second
)

var errOnlySSH = errors.New("the direct way is turned off")

// Connection is one machine: scripts run on it, and connections go out from it.
type Connection interface {
	remote.Runner
	remote.Dialer
}

// Options change how a Session connects. The zero value is what an operator wants.
type Options struct {
	// Connect opens the SSH connection to a machine; nil uses a remote.Pool.
	Connect func(ctx context.Context, h remote.Host) (Connection, error)
	// Direct makes connections from here; nil uses a net.Dialer.
	Direct remote.Dialer
	// OnlySSH sends every connection through SSH, without trying the direct way.
	OnlySSH bool
	// Via names the machine through whose SSH connection all others go, without
	// trying another way; empty chooses by itself.
	Via string
	// Log is where warnings of SSH connections go; nil uses slog's default.
	Log *slog.Logger
}

// Session is a cluster and the connections to it. It is safe for concurrent use.
type Session struct {
	// Cluster is what the session was opened for. It must not be changed.
	Cluster inventory.Cluster

	ctx    context.Context // ends with Close; bounds what outlives a call
	cancel context.CancelFunc
	opts   Options
	pool   *remote.Pool // nil where Options.Connect is set

	mu       sync.Mutex
	attempts map[string]*attempt
	ways     map[string]*remote.Reach // by host
	clients  clients
	ensemble singleflight.Group // looks at what old brokers do not tell
}

// attempt is one try to reach a machine; its result is there when done closes.
type attempt struct {
	done  chan struct{}
	ended time.Time
	conn  Connection
	err   error
}

// Open prepares a session; nothing is connected yet. It fails where the
// inventory contradicts itself. Close ends what the session opened.
func Open(ctx context.Context, c inventory.Cluster, opts Options) (*Session, error) {
	if err := check(c); err != nil {
		return nil, fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	if opts.Via != "" {
		if _, err := c.Machine(opts.Via); err != nil {
			return nil, err
		}
	}
	s := &Session{Cluster: c, opts: opts, attempts: map[string]*attempt{}, ways: map[string]*remote.Reach{}}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	switch {
	case opts.OnlySSH, opts.Via != "":
		s.opts.Direct = noDirect{}
	case opts.Direct == nil:
		s.opts.Direct = &net.Dialer{}
	}
	if s.opts.Connect == nil {
		s.pool = NewPool(opts.Log)
		s.opts.Connect = func(ctx context.Context, h remote.Host) (Connection, error) {
			return s.pool.Get(ctx, h)
		}
	}
	return s, nil
}

// Close ends all connections.
func (s *Session) Close() error {
	s.cancel()
	err := s.closeKafka()
	if s.pool != nil {
		err = errors.Join(err, s.pool.Close())
	}
	return err
}

// Machine returns the connection to a machine, made on first use. The error of
// an unreachable machine is a *remote.ConnectError and is given again, without
// waiting, for ten seconds.
func (s *Session) Machine(ctx context.Context, name string) (Connection, error) {
	m, err := s.Cluster.Machine(name)
	if err != nil {
		return nil, err
	}
	a := s.attempt(m)
	select {
	case <-a.done:
		return a.conn, a.err
	case <-ctx.Done():
		return nil, &remote.ConnectError{Machine: name, Address: m.Host.Address, Err: context.Cause(ctx)}
	}
}

// attempt joins the try under way or its result, or starts a new one.
func (s *Session) attempt(m inventory.Machine) *attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.attempts[m.Name]; a != nil && a.usable(time.Now()) {
		return a
	}
	a := &attempt{done: make(chan struct{})}
	s.attempts[m.Name] = a
	go func() {
		defer close(a.done)
		ctx, cancel := context.WithTimeout(s.ctx, sshTimeout)
		defer cancel()
		a.conn, a.err = s.opts.Connect(ctx, m.Host)
		a.ended = time.Now()
	}()
	return a
}

// usable says whether to go on with this attempt at a time. A connection is
// asked for again each time: the pool replaces one that was lost.
func (a *attempt) usable(now time.Time) bool {
	select {
	case <-a.done:
		return a.err != nil && now.Sub(a.ended) < failureKept
	default:
		return true
	}
}

// Run runs a script on a machine.
func (s *Session) Run(ctx context.Context, machine string, script remote.Script) (remote.Result, error) {
	conn, err := s.Machine(ctx, machine)
	if err != nil {
		return remote.Result{}, err
	}
	return conn.Run(ctx, script)
}

// check finds what would make every later message confusing.
func check(c inventory.Cluster) error {
	if len(c.Machines) == 0 {
		return errors.New("the inventory names no machine")
	}
	seen := map[string]bool{}
	for _, m := range c.Machines {
		if m.Name == "" || seen[m.Name] {
			return fmt.Errorf("machine names must be unique and not empty: %q", m.Name)
		}
		seen[m.Name] = true
	}
	if c.Kafka != nil {
		if len(c.Kafka.Brokers) == 0 {
			return errors.New("the inventory declares Kafka without a broker")
		}
		for name := range c.Kafka.Brokers {
			if !seen[name] {
				return fmt.Errorf("a broker is declared on %q, which is no machine", name)
			}
		}
	}
	if c.ZooKeeper != nil {
		for name := range c.ZooKeeper.Members {
			if !seen[name] {
				return fmt.Errorf("a ZooKeeper member is declared on %q, which is no machine", name)
			}
		}
	}
	for _, j := range c.Jobs {
		if !seen[j.Machine] {
			return fmt.Errorf("job %s is declared on %q, which is no machine", j.Name, j.Machine)
		}
	}
	return nil
}

// clients are the session's clients for Kafka, made on first use.
type clients struct {
	mu     sync.Mutex
	client sarama.Client
	admin  sarama.ClusterAdmin
}
