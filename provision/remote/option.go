package remote

import (
	"context"
	"log/slog"
	"net"
	"time"
)

const (
	// connectTimeout bounds the TCP connection: on one continent it takes well
	// below a second, and a SYN that was lost three times is sent again after 7 s.
	connectTimeout = 10 * time.Second
	// handshakeTimeout bounds key exchange and authentication together: a sshd
	// that looks up our name in a dead DNS takes 10 to 20 s.
	handshakeTimeout = 30 * time.Second
	// keepaliveInterval is how often a silent machine is asked for a sign of life.
	keepaliveInterval = 5 * time.Second
	// keepaliveLost is how long a machine may be silent: a rebooting switch or a
	// virtual machine being moved are back sooner.
	keepaliveLost = 30 * time.Second
	// maxSessions stays below sshd's default MaxSessions, 10 a connection, with
	// room for the session that stops another.
	maxSessions = 8
)

// Option changes how Dial and Pool connect.
type Option func(*options)

type options struct {
	log       *slog.Logger
	dialer    Dialer
	connect   time.Duration
	handshake time.Duration
	interval  time.Duration
	lost      time.Duration
	// jump connects to a jump host; release gives the connection back.
	jump func(ctx context.Context, h Host) (via Dialer, release func(), err error)
}

// WithLogger says where warnings go; without it they go to slog's default.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithDialer makes the TCP connections, instead of a net.Dialer.
func WithDialer(d Dialer) Option { return func(o *options) { o.dialer = d } }

// WithTimeouts bounds the TCP connection (10 s without it) and the SSH
// handshake with authentication (30 s).
func WithTimeouts(connect, handshake time.Duration) Option {
	return func(o *options) { o.connect, o.handshake = connect, handshake }
}

// WithKeepalive asks a machine for a sign of life every interval (5 s without
// it) and gives the connection up when it was silent for lost (30 s). A dead
// peer is noticed within interval + lost.
func WithKeepalive(interval, lost time.Duration) Option {
	return func(o *options) { o.interval, o.lost = interval, lost }
}

func newOptions(opts []Option) *options {
	o := &options{
		log:       slog.Default(),
		dialer:    &net.Dialer{},
		connect:   connectTimeout,
		handshake: handshakeTimeout,
		interval:  keepaliveInterval,
		lost:      keepaliveLost,
	}
	o.jump = o.dialJump
	for _, opt := range opts {
		opt(o)
	}
	return o
}

// dialJump opens a connection of its own to a jump host.
func (o *options) dialJump(ctx context.Context, h Host) (Dialer, func(), error) {
	c, err := dial(ctx, h, o)
	if err != nil {
		return nil, nil, err
	}
	return c, func() { _ = c.Close() }, nil
}
