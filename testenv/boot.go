package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/crypto/ssh"
)

const (
	// bootTimeout bounds the way from start to a login: about 1 s alone, some
	// seconds for several machines on a busy computer.
	bootTimeout = 90 * time.Second
	// greetTimeout bounds one try to log in, so that a lost packet costs no more.
	greetTimeout = 30 * time.Second
	// bootPoll is how often a login is tried.
	bootPoll = 50 * time.Millisecond
	// consoleLines is how much of the console an error shows.
	consoleLines = "40"
)

// BootError says that a machine did not come up.
type BootError struct {
	Machine string
	// Err is what went wrong: the container ended, or no login within the time.
	Err error
	// Console is the end of the machine's console.
	Console string
}

// Error includes the end of the console.
func (e *BootError) Error() string {
	return fmt.Sprintf("does not boot: %v\nthe end of its console:\n%s", e.Err, e.Console)
}

// Unwrap returns the cause.
func (e *BootError) Unwrap() error { return e.Err }

// boot brings a container from any state to one where root logs in with the
// client key, at a machine with the host key, whose systemd has booted.
func (e *engine) boot(ctx context.Context, s Spec, where place, c container.InspectResponse, k keys, progress func(string)) error {
	if c.State.Paused {
		if _, err := e.api.ContainerUnpause(ctx, c.ID, client.ContainerUnpauseOptions{}); err != nil {
			return fmt.Errorf("unpause: %w", err)
		}
	}
	if c.State.Running && greet(ctx, where, k) == nil {
		return nil
	}
	ok, err := e.hasKeys(ctx, c.ID, k)
	if err == nil && !ok {
		err = e.installKeys(ctx, c.ID, k)
	}
	if err != nil {
		return err
	}
	switch {
	case !c.State.Running:
		report(progress, "machine %s: starting", s.Name)
		if _, err := e.api.ContainerStart(ctx, c.ID, client.ContainerStartOptions{}); err != nil {
			return &BootError{Machine: s.Name, Err: err, Console: e.console(ctx, c.ID)}
		}
	case !ok: // its keys were lost here: sshd must take the new ones
		if _, err := e.exec(ctx, c.ID, "systemctl", "restart", "ssh.service"); err != nil {
			return err
		}
	}
	if err := e.await(ctx, where, c.ID, k); err != nil {
		return &BootError{Machine: s.Name, Err: err, Console: e.console(ctx, c.ID)}
	}
	return nil
}

// await polls until a login succeeds, and ends early when the container does.
func (e *engine) await(ctx context.Context, where place, id string, k keys) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootTimeout, fmt.Errorf("no login within %s", bootTimeout))
	defer cancel()
	for {
		err := greet(ctx, where, k)
		if err == nil {
			return nil
		}
		state, inspectErr := e.api.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		if inspectErr == nil && !state.Container.State.Running {
			return fmt.Errorf("the container ended with exit code %d %s", state.Container.State.ExitCode, state.Container.State.Error)
		}
		if cause := pause(ctx, bootPoll); cause != nil {
			return fmt.Errorf("%w; the last try: %w", cause, err)
		}
	}
}

// greet logs in as root and waits until systemd has booted. Neither an open
// port nor sshd's banner says that: a login is refused while a machine boots or
// shuts down.
func greet(ctx context.Context, where place, k keys) error {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	address := net.JoinHostPort(where.address.String(), "22")
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // x/crypto's handshake knows no context
	defer stop()
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User:            "root",
		Auth:            []ssh.AuthMethod{ssh.PublicKeys(k.client.signer)},
		HostKeyCallback: ssh.FixedHostKey(k.host.signer.PublicKey()),
	})
	if err != nil {
		return err
	}
	sshClient := ssh.NewClient(c, channels, requests)
	defer sshClient.Close()
	session, err := sshClient.NewSession()
	if err != nil {
		return err
	}
	return booted(session.Output(awaitBoot))
}

// awaitBoot prints systemd's state once it has booted, or after 10 s. Not
// `systemctl is-system-running --wait`: when the boot ends just as it starts to
// listen, it waits for ever.
const awaitBoot = `for i in $(seq 100); do
	state=$(systemctl is-system-running)
	case $state in initializing | starting) sleep 0.1 ;; *) break ;; esac
done
echo "$state"`

// booted judges what awaitBoot printed. A machine that was used before may have
// units that fail, or that wait for other machines: to look after them is not
// this package's business, so "degraded" will do, and so will "starting" after
// all that time.
func booted(output []byte, err error) error {
	switch state := strings.TrimSpace(string(output)); state {
	case "running", "degraded", "starting":
		return nil
	default:
		return errors.Join(fmt.Errorf("systemd is %q", state), err)
	}
}

// A console has colours and cursor movements; where systemd shortens a line to
// the screen's width, also the beginnings of some.
var controlSequence = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]?|[\x00-\x09\x0b-\x1f]`)

// console returns the end of what the machine wrote since its last start.
func (e *engine) console(ctx context.Context, id string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engineTimeout)
	defer cancel()
	logs, err := e.api.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: consoleLines})
	if err != nil {
		return "(cannot be read: " + err.Error() + ")"
	}
	defer logs.Close()
	text, _ := io.ReadAll(io.LimitReader(logs, 64<<10))
	if len(text) == 0 {
		return "(empty)"
	}
	return strings.TrimSpace(controlSequence.ReplaceAllString(string(text), ""))
}
