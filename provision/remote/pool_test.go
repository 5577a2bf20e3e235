package remote_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

func port(n int) string { return strconv.Itoa(n) }

func newPool(t *testing.T, opts ...remote.Option) *remote.Pool {
	t.Helper()
	pool := remote.NewPool(opts...)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func TestPoolSharesOneConnection(t *testing.T) {
	server := remotetest.Start(t, remotetest.Config{})
	pool := newPool(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			client, err := pool.Get(t.Context(), server.Host())
			if err != nil {
				t.Error(err)
				return
			}
			mustRun(t, client)
		})
	}
	all.Wait()
	if got := server.Dialled(); got != 1 {
		t.Errorf("got %d connections, want 1", got)
	}
	other := server.Host()
	other.SudoPassword = "another"
	if _, err := pool.Get(t.Context(), other); err != nil || server.Dialled() != 2 {
		t.Errorf("another Host: got %d connections, %v; want 2", server.Dialled(), err)
	}
}

func TestPoolSharesTheJumpHost(t *testing.T) {
	bastion := remotetest.Start(t, remotetest.Config{Name: "bastion"})
	jump := bastion.Host()
	pool := newPool(t)
	var all sync.WaitGroup
	for range 10 {
		inner := remotetest.Start(t, remotetest.Config{}).Host()
		inner.Jump = &jump
		all.Go(func() { mustRun(t, pool.On(inner)) })
	}
	all.Wait()
	if got := bastion.Dialled(); got != 1 {
		t.Errorf("got %d connections to the bastion, want 1", got)
	}
}

func TestPoolDialsAgain(t *testing.T) {
	t.Run("where the connection broke", func(t *testing.T) {
		server := remotetest.Start(t, remotetest.Config{})
		pool := newPool(t)
		machine := pool.On(server.Host())
		mustRun(t, machine)
		client, _ := pool.Get(t.Context(), server.Host())
		server.Cut()
		<-client.Done()
		mustRun(t, machine)
		if got := server.Dialled(); got != 2 {
			t.Errorf("got %d connections, want 2", got)
		}
	})
	t.Run("where sshd refuses at first", func(t *testing.T) {
		server := remotetest.Start(t, remotetest.Config{})
		flaky := &failing{left: 2, err: &net.OpError{Op: "dial", Err: errors.New("refused")}}
		mustRun(t, newPool(t, remote.WithDialer(flaky)).On(server.Host()))
	})
	t.Run("but not where the name does not exist", func(t *testing.T) {
		missing := &failing{left: 100, err: &net.DNSError{Err: "no such host", IsNotFound: true}}
		_, err := newPool(t, remote.WithDialer(missing)).Get(t.Context(), remotetest.Start(t, remotetest.Config{}).Host())
		if !as[*remote.UnreachableError](err) || missing.left != 99 {
			t.Errorf("got %v after %d tries, want 1", err, 100-missing.left)
		}
	})
	t.Run("but not where the host key is wrong", func(t *testing.T) {
		server := remotetest.Start(t, remotetest.Config{})
		h := server.Host()
		h.HostKey = remotetest.AuthorizedKeys(first(newKey(t, "")))
		_, err := newPool(t).Get(t.Context(), h)
		if !as[*remote.HostKeyError](err) || server.Dialled() != 1 {
			t.Errorf("got %v after %d tries, want 1", err, server.Dialled())
		}
	})
}

func TestPoolWaitsOnlyAsLongAsAsked(t *testing.T) {
	mute := remotetest.Start(t, remotetest.Config{Mute: true})
	pool := newPool(t)
	patient := make(chan error, 1)
	patientCtx, giveUp := context.WithCancel(t.Context())
	go func() { _, err := pool.Get(patientCtx, mute.Host()); patient <- err }()
	eventually(t, "the first one dials", func() bool { return mute.Dialled() == 1 })

	hasty, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := pool.Get(hasty, mute.Host()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the hasty one: got %v", err)
	}
	select {
	case err := <-patient:
		t.Fatalf("the hasty one ended the patient one's dialling: %v", err)
	default:
	}
	giveUp()
	if err := <-patient; !errors.Is(err, context.Canceled) {
		t.Errorf("the patient one: got %v", err)
	}
}

func TestPoolIsClosed(t *testing.T) {
	server := remotetest.Start(t, remotetest.Config{})
	pool := remote.NewPool()
	client, err := pool.Get(t.Context(), server.Host())
	if err != nil {
		t.Fatal(err)
	}
	_ = pool.Close()
	if err := client.Err(); !errors.Is(err, remote.ErrClosed) {
		t.Errorf("its connection: got %v, want ErrClosed", err)
	}
	if _, err := pool.Get(t.Context(), server.Host()); !errors.Is(err, remote.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// failing is a dialer that fails for a while.
type failing struct {
	left int
	err  error
}

func (f *failing) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if f.left > 0 {
		f.left--
		return nil, f.err
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}
