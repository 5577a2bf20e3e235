package testenv

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/moby/moby/client"
	tcexec "github.com/testcontainers/testcontainers-go/exec"

	"github.com/moby/moby/api/types/container"
)

// The faults below are the engine's doing and need nothing of the machine but
// its kernel, so they also work on one that no longer answers.

// ExecError says that a command failed in a machine.
type ExecError struct {
	Command []string
	// Code is the exit code.
	Code int
	// Output is what it wrote to stdout and stderr.
	Output string
}

// Error shows the command, its exit code and its output.
func (e *ExecError) Error() string {
	return fmt.Sprintf("%s: exit code %d: %s", strings.Join(e.Command, " "), e.Code, strings.TrimSpace(e.Output))
}

// Exec runs a command as root in the machine, past sshd, and returns what it
// wrote to stdout and stderr. The error is an ExecError when it failed. It is
// the way in for tests that break SSH; everything else goes over SSH.
func (m Machine) Exec(ctx context.Context, command ...string) (string, error) {
	var output string
	err := m.engine(ctx, func(e *engine, id string) (err error) {
		output, err = e.exec(ctx, id, command...)
		return err
	})
	return output, err
}

// Pause freezes all processes of the machine: its peers see a machine that
// keeps its connections and says nothing. Unpause ends it.
func (m Machine) Pause(ctx context.Context) error {
	return m.engine(ctx, func(e *engine, id string) error {
		_, err := e.api.ContainerPause(ctx, id, client.ContainerPauseOptions{})
		return err
	})
}

// Unpause lets the processes go on where they were.
func (m Machine) Unpause(ctx context.Context) error {
	return m.engine(ctx, func(e *engine, id string) error {
		_, err := e.api.ContainerUnpause(ctx, id, client.ContainerUnpauseOptions{})
		return err
	})
}

// Stop shuts the machine down in order; its data stays. Ensure starts it again.
func (m Machine) Stop(ctx context.Context) error {
	return m.engine(ctx, func(e *engine, id string) error {
		_, err := e.api.ContainerStop(ctx, id, client.ContainerStopOptions{})
		return err
	})
}

// Kill pulls the plug: all processes end at once. Ensure starts it again.
func (m Machine) Kill(ctx context.Context) error {
	return m.engine(ctx, func(e *engine, id string) error {
		_, err := e.api.ContainerKill(ctx, id, client.ContainerKillOptions{Signal: "SIGKILL"})
		return err
	})
}

// Start starts a stopped or killed machine without waiting for it to boot.
func (m Machine) Start(ctx context.Context) error {
	return m.engine(ctx, func(e *engine, id string) error {
		_, err := e.api.ContainerStart(ctx, id, client.ContainerStartOptions{})
		return err
	})
}

// Console returns the end of the machine's console, without control sequences.
func (m Machine) Console(ctx context.Context) (string, error) {
	var text string
	err := m.engine(ctx, func(e *engine, id string) error {
		text = e.console(ctx, id)
		return nil
	})
	return text, err
}

// cutChain holds the rules of Cut and nothing else, so that Heal removes them
// and nothing else.
const cutChain = "WEIR-CUT"

// Cut drops every packet between the machine and the given addresses, both
// ways and silently, as a broken switch does; without addresses, between it and
// everybody. Cuts add up until Heal, and end with the machine's next start.
func (m Machine) Cut(ctx context.Context, peers ...string) error {
	if len(peers) == 0 {
		peers = []string{"0.0.0.0/0"}
	}
	script := []string{
		"iptables -w -N " + cutChain + " 2>/dev/null || true",
		"iptables -w -C INPUT -j " + cutChain + " 2>/dev/null || iptables -w -I INPUT -j " + cutChain,
		"iptables -w -C OUTPUT -j " + cutChain + " 2>/dev/null || iptables -w -I OUTPUT -j " + cutChain,
		// What a machine says to itself crosses no switch.
		"iptables -w -A " + cutChain + " -s 127.0.0.0/8 -j RETURN",
		fmt.Sprintf("iptables -w -A %s -s %s -d %[2]s -j RETURN", cutChain, m.Address),
	}
	for _, peer := range peers {
		if _, err := netip.ParseAddr(peer); err != nil {
			if _, err := netip.ParsePrefix(peer); err != nil {
				return fmt.Errorf("cut machine %s off: %q is neither an address nor a prefix", m.Name, peer)
			}
		}
		script = append(script,
			fmt.Sprintf("iptables -w -A %s -s %s -j DROP", cutChain, peer),
			fmt.Sprintf("iptables -w -A %s -d %s -j DROP", cutChain, peer))
	}
	_, err := m.Exec(ctx, "sh", "-ec", strings.Join(script, "\n"))
	return err
}

// Heal ends all cuts of the machine.
func (m Machine) Heal(ctx context.Context) error {
	_, err := m.Exec(ctx, "sh", "-c", "! iptables -w -L "+cutChain+" -n >/dev/null 2>&1 || iptables -w -F "+cutChain)
	return err
}

// engine calls do with the machine's container.
func (m Machine) engine(ctx context.Context, do func(e *engine, id string) error) error {
	e, err := open(ctx)
	if err != nil {
		return err
	}
	defer e.close()
	c, err := e.find(ctx, m.Stack, m.Name)
	if err == nil && c == nil {
		err = fmt.Errorf("container %s does not exist", containerName(m.Stack, m.Name))
	}
	if err == nil {
		err = do(e, c.ID)
	}
	if err != nil {
		return fmt.Errorf("machine %s: %w", m.Name, err)
	}
	return nil
}

func (e *engine) exec(ctx context.Context, id string, command ...string) (string, error) {
	c, err := e.tc.ContainerFromType(ctx, container.Summary{ID: id})
	if err != nil {
		return "", err
	}
	// Unmultiplexed, the engine puts a header of 8 bytes before each piece.
	code, r, err := c.Exec(ctx, command, tcexec.Multiplexed())
	if err != nil {
		return "", err
	}
	output, err := io.ReadAll(r)
	if err == nil && code != 0 {
		err = &ExecError{Command: command, Code: code, Output: string(output)}
	}
	return string(output), err
}
