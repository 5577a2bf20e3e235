package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Dial connects to a machine, verifies its host key and logs in. The connection
// outlives ctx, which bounds only the dialling; Close ends it.
//
// The error is a *ConnectError that wraps one of: *UnreachableError,
// *HostKeyError, *UnknownHostError, *AuthError, ErrNoHostKey,
// ErrNoCredentials, ErrPassphraseMissing, ErrPassphraseWrong, the error of ctx,
// or what is wrong with the Host. A jump host's error names the jump host.
func Dial(ctx context.Context, h Host, opts ...Option) (*Client, error) {
	return dial(ctx, h, newOptions(opts))
}

func dial(ctx context.Context, h Host, o *options) (*Client, error) {
	if err := h.check(); err != nil {
		return nil, &ConnectError{Machine: h.label(), Address: h.Address, Err: err}
	}
	verify, err := newVerifier(h, o.log)
	if err != nil {
		return nil, h.connectError(err)
	}
	creds, err := newCredentials(ctx, h)
	if err != nil {
		return nil, h.connectError(err)
	}
	defer creds.close()
	conn, release, err := connect(ctx, h, o)
	if err != nil {
		return nil, err
	}
	client, err := handshake(ctx, h, o, conn, &login{host: h, verify: verify, creds: creds})
	if err != nil {
		_ = conn.Close()
		release()
		return nil, h.connectError(err)
	}
	return newClient(h, o, client, conn, release), nil
}

// connect opens the TCP connection, directly or from the jump host.
func connect(ctx context.Context, h Host, o *options) (*watchedConn, func(), error) {
	via, release := o.dialer, func() {}
	if h.Jump != nil {
		var err error
		if via, release, err = o.jump(ctx, *h.Jump); err != nil {
			return nil, nil, fmt.Errorf("machine %s, jump host: %w", h.label(), err)
		}
	}
	bounded, cancel := context.WithTimeout(ctx, o.connect)
	defer cancel()
	conn, err := via.DialContext(bounded, "tcp", h.hostport())
	if err != nil {
		release()
		return nil, nil, h.connectError(unreachable(ctx, err))
	}
	return watch(conn), release, nil
}

// handshake bounds what x/crypto does not: its Timeout covers TCP only.
func handshake(ctx context.Context, h Host, o *options, conn net.Conn, l *login) (*ssh.Client, error) {
	_ = conn.SetDeadline(time.Now().Add(o.handshake))
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	sshConn, channels, requests, err := ssh.NewClientConn(conn, h.hostport(), l.config())
	if err != nil {
		return nil, l.cause(ctx, err)
	}
	if !stop() { // ctx ended just now and closes the connection
		_ = sshConn.Close()
		return nil, context.Cause(ctx)
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(sshConn, channels, requests), nil
}

// login is one handshake; it remembers how far it got, so that a failure has a
// cause that does not depend on the text of the library's errors.
type login struct {
	host   Host
	verify verifier
	creds  *credentials

	// mu: the library may still be calling back when its handshake has failed.
	mu             sync.Mutex
	keyErr         error
	authenticating bool
	tried, allowed []string
}

func (l *login) config() *ssh.ClientConfig {
	return &ssh.ClientConfig{
		User:              l.host.user(),
		Auth:              l.creds.methods,
		AuthCallback:      l.next,
		HostKeyCallback:   l.checkKey,
		HostKeyAlgorithms: l.verify.algorithms,
	}
}

func (l *login) checkKey(address string, remote net.Addr, key ssh.PublicKey) error {
	err := l.verify.callback(address, remote, key)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keyErr = err
	return err
}

// next only listens: returning nothing leaves the choice to the order of Auth.
func (l *login) next(state *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.authenticating = true
	l.tried = slices.DeleteFunc(slices.Clone(state.TriedMethods), func(m string) bool { return m == "none" })
	l.allowed = state.AllowedMethods
	return nil, nil
}

func (l *login) cause(ctx context.Context, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var algorithms *ssh.AlgorithmNegotiationError
	var network net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case l.keyErr != nil:
		return l.keyErr
	case errors.As(err, &algorithms):
		return err
	case l.authenticating && !errors.As(err, &network) && !errors.Is(err, io.EOF):
		return &AuthError{User: l.host.user(), Tried: l.tried, Allowed: l.allowed, Err: err}
	}
	return unreachable(ctx, err)
}

// unreachable is the cause for a failed dial: the caller's own end of patience
// is not the machine's fault.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &UnreachableError{Err: err}
}
