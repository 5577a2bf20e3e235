package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"weir/infra/stack"
	"weir/provision/remote"
)

// scanTimeout bounds the way to a machine's key: a connection and half a
// handshake, with a lost packet or two.
const scanTimeout = 10 * time.Second

// errSeen ends a handshake once the key is known.
var errSeen = errors.New("key seen")

// pin asks each machine for its key, shows the fingerprints, and pins the keys
// where a person says that they are right.
func (a *app) pin(ctx context.Context, d *draft) error {
	if d.SSH.Jump != nil {
		return usageError{errors.New("--scan does not go through a jump host; use --known-hosts")}
	}
	if !a.console.Interactive {
		return usageError{errors.New("--scan shows fingerprints for a person to compare, and there is no terminal; use --known-hosts")}
	}
	for i := range d.Machines {
		m := &d.Machines[i]
		key, err := scanKey(ctx, *m)
		if err != nil {
			return fmt.Errorf("machine %s (%s): ask for its key: %w", m.Name, m.Address, err)
		}
		m.HostKey = strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
		fmt.Fprintf(a.console.Err, "%s (%s)  %s %s\n", m.Name, m.Address, key.Type(), ssh.FingerprintSHA256(key))
	}
	answer, err := a.console.Ask("Are these the machines' own keys (on each: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub)? Type yes:")
	if err != nil {
		return err
	}
	if answer != "yes" {
		return errors.New("the keys were not confirmed; nothing was written")
	}
	return nil
}

func scanKey(ctx context.Context, m stack.Machine) (ssh.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	address := net.JoinHostPort(m.Address, strconv.Itoa(cmp.Or(m.Port, remote.DefaultPort)))
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var seen ssh.PublicKey
	_, _, _, err = ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoRSASHA512},
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			seen = key
			return errSeen
		},
	})
	if seen == nil {
		return nil, err
	}
	return seen, nil
}
