package remote_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/net/proxy"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

// listen serves each connection with handle until the test ends.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close() //nolint:errcheck // the test looks at the other end
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

func echo(conn net.Conn) { _, _ = io.Copy(conn, conn) }

// quiet neither reads nor writes nor hangs up until the test ends.
func quiet(t *testing.T) func(net.Conn) {
	return func(net.Conn) { <-t.Context().Done() }
}

// srvr answers as ZooKeeper answers a four-letter word: once, then it hangs up.
func srvr(conn net.Conn) {
	word := make([]byte, 4)
	if _, err := io.ReadFull(conn, word); err == nil {
		_, _ = io.WriteString(conn, "Mode: leader\n")
	}
}

func TestForward(t *testing.T) {
	t.Parallel()
	client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{Name: "kafka-1"}))
	open := func(t *testing.T, address string) net.Conn {
		t.Helper()
		conn, err := client.DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	t.Run("carries a request and its answer under deadlines", func(t *testing.T) {
		address := listen(t, echo)
		conn := open(t, address)
		if got := conn.RemoteAddr().String(); got != address {
			t.Errorf("remote address: got %s, want %s", got, address)
		}
		answers := bufio.NewReader(conn)
		for range 100 { // as sarama: a new deadline before each operation
			if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, "hello\n")
			if line, err := answers.ReadString('\n'); err != nil || line != "hello\n" {
				t.Fatalf("got %q, %v", line, err)
			}
		}
	})
	t.Run("gives all that was sent before the other side hung up", func(t *testing.T) {
		conn := open(t, listen(t, srvr))
		_, _ = io.WriteString(conn, "srvr")
		if got, err := io.ReadAll(conn); err != nil || string(got) != "Mode: leader\n" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("ends a read at its deadline, and goes on after it", func(t *testing.T) {
		conn := open(t, listen(t, echo))
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		var timeout net.Error
		if !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %v, want a timeout", err)
		}
		_ = conn.SetReadDeadline(time.Time{})
		_, _ = conn.Write([]byte("x"))
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Errorf("after the deadline: %v", err)
		}
	})
	t.Run("ends a write at its deadline when nobody reads", func(t *testing.T) {
		conn := open(t, listen(t, quiet(t)))
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		_, err := io.Copy(conn, endless{})
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want a timeout", err)
		}
	})
	t.Run("says which machine was refused by which address", func(t *testing.T) {
		address := net.JoinHostPort("127.0.0.1", port(freePort(t)))
		_, err := client.DialContext(t.Context(), "tcp", address)
		if !as[*ssh.OpenChannelError](err) || !strings.Contains(err.Error(), "from machine kafka-1") || !strings.Contains(err.Error(), address) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("says that sshd forbids it", func(t *testing.T) {
		strict := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{NoForwarding: true}))
		_, err := strict.DialContext(t.Context(), "tcp", "127.0.0.1:1")
		if err == nil || !strings.Contains(err.Error(), "AllowTcpForwarding") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends with the connection that carries it", func(t *testing.T) {
		server := remotetest.Start(t, remotetest.Config{})
		conn, err := remotetest.Dial(t, server).DialContext(t.Context(), "tcp", listen(t, quiet(t)))
		if err != nil {
			t.Fatal(err)
		}
		server.Cut()
		mustEnd(t, func() {
			if n, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("read %d bytes", n)
			}
		})
	})
	t.Run("is not opened when the machine hangs", func(t *testing.T) {
		server := remotetest.Start(t, remotetest.Config{})
		client := remotetest.Dial(t, server)
		defer server.Pause()()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := client.DialContext(ctx, "tcp", "127.0.0.1:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// recorder is a way that is open or not, and remembers what it was asked.
type recorder struct {
	open  bool
	asked atomic.Int32
}

func (r *recorder) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	r.asked.Add(1)
	if !r.open {
		return nil, errors.New("closed way")
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func TestVia(t *testing.T) {
	t.Parallel()
	address := listen(t, srvr)
	dial := func(t *testing.T, r *remote.Reach) {
		t.Helper()
		conn, err := r.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
	t.Run("goes directly where it can", func(t *testing.T) {
		direct, through := &recorder{open: true}, &recorder{open: true}
		dial(t, remote.Via(direct, through))
		if direct.asked.Load() != 1 || through.asked.Load() != 0 {
			t.Errorf("asked %d and %d times, want 1 and 0", direct.asked.Load(), through.asked.Load())
		}
	})
	t.Run("remembers the way that worked", func(t *testing.T) {
		direct, through := &recorder{}, &recorder{open: true}
		reach := remote.Via(direct, through)
		dial(t, reach)
		dial(t, reach)
		if direct.asked.Load() != 1 || through.asked.Load() != 2 {
			t.Errorf("asked %d and %d times, want 1 and 2", direct.asked.Load(), through.asked.Load())
		}
	})
	t.Run("fails where there is no other way", func(t *testing.T) {
		if conn, err := remote.Via(&recorder{}).Dial("tcp", address); err == nil {
			t.Errorf("got the connection %v, want an error", conn)
		}
	})
	t.Run("does not wait for a machine that never answers", func(t *testing.T) {
		dial(t, remote.Via(&recorder{}, never{}, &recorder{open: true}))
	})
	t.Run("tries the others when that way closes", func(t *testing.T) {
		direct, through := &recorder{}, &recorder{open: true}
		reach := remote.Via(direct, through)
		dial(t, reach)
		direct.open, through.open = true, false
		dial(t, reach)
	})
	t.Run("says why each way failed", func(t *testing.T) {
		client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{Name: "kafka-1"}))
		_, err := remote.Via(&recorder{}, client).Dial("tcp", net.JoinHostPort("127.0.0.1", port(freePort(t))))
		if err == nil || !strings.Contains(err.Error(), "closed way") || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("is bounded where direct never answers", func(t *testing.T) {
		client := remotetest.Dial(t, remotetest.Start(t, remotetest.Config{}))
		dial(t, remote.Via(never{}, client))
	})
	t.Run("is a dialer for sarama", func(*testing.T) {
		var _ proxy.Dialer = remote.Via(&net.Dialer{})
		var _ proxy.ContextDialer = remote.Via(&net.Dialer{})
	})
}

type never struct{}

func (never) DialContext(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
