package remote

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// firstTry is how long a machine that we never reached is tried again: enough
	// for a sshd that sheds load (MaxStartups), short for one that is not there.
	firstTry = 3 * time.Second
	// redialTry is how long a machine that we did reach is tried again: sshd or
	// the network is restarting.
	redialTry = 15 * time.Second
	// redialFirst and redialMost are the shortest and longest wait between tries.
	redialFirst = 100 * time.Millisecond
	redialMost  = 2 * time.Second
)

// Pool keeps one connection for each distinct Host, jump hosts included, and
// dials again where one broke. It is safe for concurrent use.
type Pool struct {
	opts *options

	mu     sync.Mutex
	closed bool
	hosts  map[HostDigest]*pooled
}

type pooled struct {
	client  *Client // the last one, maybe broken
	dialing *dialing
}

// dialing is one attempt that all who want the same machine wait for.
type dialing struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiting int
	client  *Client
	err     error
}

// NewPool returns an empty pool; opts are those of Dial. Close it after use.
func NewPool(opts ...Option) *Pool {
	p := &Pool{opts: newOptions(opts), hosts: make(map[HostDigest]*pooled)}
	p.opts.jump = func(ctx context.Context, h Host) (Dialer, func(), error) {
		c, err := p.Get(ctx, h)
		return c, func() {}, err
	}
	return p
}

// Get returns the open connection to a machine, or dials. Whoever asks at the
// same time shares one dialling; it ends early only when all of them gave up.
//
// Refused, reset and timed-out connections are tried again with growing waits,
// for 3 s where the machine was never reached and 15 s where it was. A wrong
// host key, failed authentication and a name that does not exist are not tried
// again. The error is Dial's.
func (p *Pool) Get(ctx context.Context, h Host) (*Client, error) {
	key, err := h.Digest()
	if err != nil {
		return nil, h.connectError(err)
	}
	client, d, err := p.join(ctx, key, h)
	if client != nil || err != nil {
		return client, err
	}
	select {
	case <-d.done:
		return d.client, d.err
	case <-ctx.Done():
		p.leave(key, d)
		return nil, h.connectError(context.Cause(ctx))
	}
}

// On returns a machine that is dialled when it is first needed and again when
// the connection broke. A script that a broken connection cut off is not run
// again: only its author knows whether it may be.
func (p *Pool) On(h Host) *Lazy { return &Lazy{pool: p, host: h} }

// Close ends all connections; Get fails with ErrClosed from then on.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, entry := range p.hosts {
		if entry.dialing != nil {
			entry.dialing.cancel()
		}
		if entry.client != nil {
			_ = entry.client.Close()
		}
	}
	return nil
}

// join returns an open connection, or a dialling to wait for.
func (p *Pool) join(ctx context.Context, key HostDigest, h Host) (*Client, *dialing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, h.connectError(ErrClosed)
	}
	entry := p.hosts[key]
	if entry == nil {
		entry = new(pooled)
		p.hosts[key] = entry
	}
	if entry.client != nil && entry.client.Err() == nil {
		return entry.client, nil, nil
	}
	if entry.dialing == nil {
		// The first one's patience must not end the others'.
		shared, cancel := context.WithCancel(context.WithoutCancel(ctx))
		entry.dialing = &dialing{done: make(chan struct{}), cancel: cancel}
		go p.dial(shared, entry, entry.dialing, h)
	}
	entry.dialing.waiting++
	return nil, entry.dialing, nil
}

// leave stops a dialling that nobody waits for any more; who asks next starts anew.
func (p *Pool) leave(key HostDigest, d *dialing) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d.waiting--; d.waiting > 0 {
		return
	}
	d.cancel()
	if entry := p.hosts[key]; entry.dialing == d {
		entry.dialing = nil
	}
}

func (p *Pool) dial(ctx context.Context, entry *pooled, d *dialing, h Host) {
	patience := firstTry
	if entry.client != nil {
		patience = redialTry
	}
	client, err := dialAgain(ctx, h, p.opts, patience)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer d.cancel()
	wanted := !p.closed && entry.dialing == d
	switch {
	case err == nil && wanted:
		entry.client = client
	case err == nil:
		_ = client.Close()
		fallthrough
	case p.closed:
		client, err = nil, h.connectError(ErrClosed)
	}
	if entry.dialing == d {
		entry.dialing = nil
	}
	d.client, d.err = client, err
	close(d.done)
}

func dialAgain(ctx context.Context, h Host, o *options, patience time.Duration) (*Client, error) {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = redialFirst, redialMost
	var last error
	client, err := backoff.Retry(ctx, func() (*Client, error) {
		client, err := dial(ctx, h, o)
		if last = err; err != nil && !passing(err) {
			return nil, backoff.Permanent(err)
		}
		return client, err
	}, backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(patience))
	if err != nil && last != nil {
		err = last // the machine's answer, not the retry's
	}
	return client, err
}

// passing says whether a failure may pass by itself.
func passing(err error) bool {
	var unreachable *UnreachableError
	var name *net.DNSError
	return errors.As(err, &unreachable) && !(errors.As(err, &name) && name.IsNotFound)
}

// Lazy is a machine of a Pool. It is safe for concurrent use.
type Lazy struct {
	pool *Pool
	host Host
}

var (
	_ Runner = (*Lazy)(nil)
	_ Dialer = (*Lazy)(nil)
)

// Machine is the name that messages call the machine.
func (l *Lazy) Machine() string { return l.host.label() }

// Run is Client.Run on the pool's connection.
func (l *Lazy) Run(ctx context.Context, s Script) (Result, error) {
	c, err := l.pool.Get(ctx, l.host)
	if err != nil {
		return Result{}, err
	}
	return c.Run(ctx, s)
}

// DialContext is Client.DialContext on the pool's connection.
func (l *Lazy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := l.pool.Get(ctx, l.host)
	if err != nil {
		return nil, err
	}
	return c.DialContext(ctx, network, address)
}
