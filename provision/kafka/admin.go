package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"golang.org/x/net/proxy"
)

const (
	// dialTimeout bounds one connection: brokers are near, and gates ask again.
	dialTimeout = 5 * time.Second
	// requestTimeout bounds one request; a controller that creates a topic of
	// many partitions needs seconds.
	requestTimeout = 20 * time.Second
)

// Admin asks a cluster and changes its topics. It is safe for concurrent use;
// calls go one after another. A connection that broke, as each restart of a
// broker breaks some, is made anew by the next call.
type Admin struct {
	bootstrap []string
	version   Version
	config    *sarama.Config
	registry  *Registry // nil where the brokers take all requests

	mu     sync.Mutex
	client sarama.Client
	admin  sarama.ClusterAdmin
	// failed is when, and why, no broker could be connected to.
	failed time.Time
	reason error
}

// NewAdmin returns an Admin for the cluster behind bootstrap (host:port). It
// connects on first use, through dialer, or directly where that is nil.
//
// Versions without the admin protocol need a registry; the others leave it alone,
// and it may be nil.
func NewAdmin(bootstrap []string, version Version, dialer proxy.Dialer, registry *Registry) (*Admin, error) {
	a := &Admin{bootstrap: bootstrap, version: version}
	if !version.Features.Has(AdminProtocol) {
		if registry == nil || len(registry.ZooKeeper) == 0 || registry.Tool == nil {
			return nil, fmt.Errorf("kafka %s has no admin protocol: its ensemble and a machine with its tools must be known", version.Name)
		}
		a.registry = registry
	}
	c := sarama.NewConfig()
	c.ClientID = "weir"
	c.Version = version.Protocol
	c.ApiVersionsRequest = version.Negotiates
	c.Net.DialTimeout, c.Net.ReadTimeout, c.Net.WriteTimeout = dialTimeout, requestTimeout, requestTimeout
	c.Admin.Timeout = requestTimeout
	// Callers wait by their own condition and deadline; retries below them only
	// hide what they should see.
	c.Admin.Retry.Max, c.Admin.Retry.Backoff = 2, 200*time.Millisecond
	c.Metadata.Full = true // else sarama refreshes nothing before a topic is named
	c.Metadata.Retry.Max = 0
	c.Metadata.AllowAutoTopicCreation = false
	c.Metadata.RefreshFrequency = 0
	if dialer != nil {
		c.Net.Proxy.Enable, c.Net.Proxy.Dialer = true, dialer
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	a.config = c
	return a, nil
}

// Close ends all connections. The Admin connects again where it is used again.
func (a *Admin) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.drop()
}

func (a *Admin) drop() error {
	if a.admin == nil {
		return nil
	}
	err := a.admin.Close() // closes the client too
	a.admin, a.client = nil, nil
	return err
}

// do runs one operation with a connected client. One that fails on a broken
// connection is repeated once on new ones: the broker may have restarted since.
//
// Who waited while a connection failed shares that failure: ten callers of a
// cluster that is down wait as long as one.
func (a *Admin) do(ctx context.Context, what string, op func(sarama.Client, sarama.ClusterAdmin) error) error {
	asked := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed.After(asked) {
		return fmt.Errorf("kafka: %s: %w", what, a.reason)
	}
	reused := a.admin != nil
	err := a.try(ctx, op)
	if reused && broken(err) && ctx.Err() == nil {
		err = a.try(ctx, op)
	}
	if err != nil {
		if a.admin == nil && ctx.Err() == nil {
			a.failed, a.reason = time.Now(), err
		}
		return fmt.Errorf("kafka: %s: %w", what, err)
	}
	return nil
}

// try runs op in a goroutine, as sarama knows no contexts: a cancelled call
// returns at once, and closing the connections ends what it left behind.
func (a *Admin) try(ctx context.Context, op func(sarama.Client, sarama.ClusterAdmin) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	client, admin := a.client, a.admin
	done := make(chan error, 1)
	go func() {
		var err error
		if admin == nil {
			client, admin, err = a.connect()
		}
		if err == nil {
			err = op(client, admin)
		}
		done <- err
	}()
	select {
	case err := <-done:
		a.client, a.admin = client, admin
		if broken(err) {
			_ = a.drop() // what broke cannot be closed any better
		}
		return err
	case <-ctx.Done():
		a.client, a.admin = nil, nil
		go func() {
			<-done
			if admin != nil {
				_ = admin.Close()
			}
		}()
		return context.Cause(ctx)
	}
}

func (a *Admin) connect() (sarama.Client, sarama.ClusterAdmin, error) {
	client, err := sarama.NewClient(a.bootstrap, a.config)
	if errors.Is(err, sarama.ErrOutOfBrokers) {
		return nil, nil, &SilentError{Asked: a.bootstrap, Err: err}
	}
	if err != nil {
		return nil, nil, err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		_ = client.Close()
		return nil, nil, err
	}
	return client, admin, nil
}

// broken says that an error came from a connection and not from the cluster's
// answer. Sarama hands back a broker with a dead connection until it is closed.
func broken(err error) bool {
	var network net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, sarama.ErrNotConnected) || errors.Is(err, sarama.ErrClosedClient) ||
		errors.Is(err, sarama.ErrOutOfBrokers) || errors.Is(err, sarama.ErrBrokerNotAvailable) ||
		errors.As(err, &network)
}
