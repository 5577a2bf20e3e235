package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/testenv"
)

// streamRuns is how often each way to a machine is taken in a turn: each takes a
// fraction of a second.
const streamRuns = 3

// measureStream sends the packed release to one machine by several ways, all
// over connections that are open: to a command that counts what arrives and
// drops it, by our client and by ssh, and into a release's place, by our client
// as a run does it, and by ssh to tar and sha256sum. Whoever sends, as many
// bytes must have arrived.
func measureStream(ctx context.Context, l *lab) (findings, error) {
	s, err := l.site(ctx)
	if err != nil {
		return findings{}, err
	}
	st, err := newStreams(ctx, l, s)
	if err != nil {
		return findings{}, err
	}
	defer st.close()
	client := timing("stream the packed release to a machine that drops it: the provisioner's client", 0)
	drop := slower("… `ssh machine 'cat >/dev/null'`", client, 0.8)
	dropFast := slower("… the same, ssh told to use aes128-gcm", client, 0)
	whole := timing("stream the release to a machine that unpacks it, verifies every file and puts it in its place", 0)
	bare := slower("… `ssh machine 'cat >/dev/null'`, which keeps nothing", whole, 0)
	tar := slower("… `ssh machine 'tar -x && sha256sum --check'`", whole, 1)
	round := []step{
		st.ours(client), st.ssh(drop, defaultCipher), st.ssh(dropFast, fastCipher),
		st.release(whole), st.ssh(bare, defaultCipher), st.unpack(tar),
	}
	for turn := range streamTurns {
		for i := range round {
			if turn%2 == 1 { // ABBA, so that what drifts meanwhile is shared
				i = len(round) - 1 - i
			}
			if err := round[i](ctx); err != nil {
				return findings{}, err
			}
		}
	}
	return findings{
		rows:  []*measurement{client, drop, dropFast, whole, bare, tar},
		notes: []string{st.rates(client, drop, dropFast, whole, tar)},
	}, nil
}

// streamTurns are there and back, twice.
const streamTurns = 4

// streams are the ways to one machine.
type streams struct {
	lab     *lab
	machine testenv.Machine
	client  *remote.Client
	digest  string
	path    string
	size    int64
	sockets string
}

// Ciphers of ssh: its own choice, and the one that our client chooses.
const (
	defaultCipher = ""
	fastCipher    = "aes128-gcm@openssh.com"
)

func newStreams(ctx context.Context, l *lab, s *site) (*streams, error) {
	info, err := os.Stat(s.pack)
	if err != nil {
		return nil, err
	}
	// A socket's path may have some hundred bytes: not below the lab's directory.
	sockets, err := os.MkdirTemp("", "weir-bench-ssh-")
	if err != nil {
		return nil, err
	}
	st := &streams{lab: l, machine: s.machines[0], digest: s.digest, path: s.pack, size: info.Size(), sockets: sockets}
	if st.client, err = remote.Dial(ctx, reached(st.machine)); err != nil {
		return nil, err
	}
	for _, cipher := range []string{defaultCipher, fastCipher} {
		if out, err := st.sshCommand(ctx, cipher, "true").CombinedOutput(); err != nil {
			st.close()
			return nil, fmt.Errorf("ssh to %s: %w\n%s", st.machine.Name, err, out)
		}
	}
	return st, nil
}

func (st *streams) close() {
	_ = st.client.Close()
	for _, cipher := range []string{defaultCipher, fastCipher} {
		_ = exec.Command("ssh", "-O", "exit", "-o", "ControlPath="+st.socket(cipher), st.machine.Address).Run()
	}
	_ = os.RemoveAll(st.sockets)
}

func (st *streams) socket(cipher string) string { return filepath.Join(st.sockets, "to-"+cipher) }

// sshCommand runs a command on the machine over the connection that is open.
func (st *streams) sshCommand(ctx context.Context, cipher, command string) *exec.Cmd {
	args := []string{
		"-i", st.machine.PrivateKeyFile, "-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + st.machine.KnownHosts,
		"-o", "ControlMaster=auto", "-o", "ControlPersist=600", "-o", "ControlPath=" + st.socket(cipher),
	}
	if cipher != defaultCipher {
		args = append(args, "-c", cipher)
	}
	return exec.CommandContext(ctx, "ssh", append(args, "root@"+st.machine.Address, command)...)
}

// counted takes as long as `cat >/dev/null` and tells how much has arrived.
const counted = "wc -c"

func (st *streams) arrived(said string) error {
	if n, err := strconv.ParseInt(strings.TrimSpace(said), 10, 64); err != nil || n != st.size {
		return fmt.Errorf("%d bytes were sent, the machine says %q", st.size, said)
	}
	return nil
}

func (st *streams) ours(m *measurement) step {
	return st.often(m, func(ctx context.Context, pack *os.File) (time.Duration, error) {
		start := time.Now()
		result, err := st.client.Run(ctx, remote.Script{Step: "stream", Text: counted, Stdin: pack})
		took := time.Since(start)
		if err != nil {
			return 0, err
		}
		return took, st.arrived(string(result.Stdout))
	})
}

func (st *streams) ssh(m *measurement, cipher string) step {
	return st.often(m, func(ctx context.Context, pack *os.File) (time.Duration, error) {
		took, out, err := st.send(ctx, cipher, counted, pack)
		if err != nil {
			return 0, err
		}
		return took, st.arrived(out)
	})
}

func (st *streams) send(ctx context.Context, cipher, command string, pack *os.File) (time.Duration, string, error) {
	cmd := st.sshCommand(ctx, cipher, command)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = pack, &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	took := time.Since(start)
	if err != nil {
		err = fmt.Errorf("ssh %s: %w\n%s", command, err, stderr.String())
	}
	return took, stdout.String(), err
}

// streamed is a release of the pack's content with a name of its own.
const streamed = "bench-stream"

// release is the step of a run that brings a release to a machine.
func (st *streams) release(m *measurement) step {
	return st.often(m, func(ctx context.Context, _ *os.File) (time.Duration, error) {
		want := machine.State{Cluster: stack, Component: streamed, Releases: []machine.Release{
			{Name: streamed, Version: "1", Digest: st.digest, Root: "/opt/weir/" + streamed},
		}}
		plan := machine.Diff(st.machine.Name, want, machine.Observed{})
		plan.Steps = only(plan.Steps, "release")
		packs := func(context.Context, machine.Release) (machine.Pack, error) {
			return machine.Pack{Size: st.size, Open: func() (io.ReadSeekCloser, error) { return os.Open(st.path) }}, nil
		}
		start := time.Now()
		err := machine.Apply(ctx, st.client, plan, machine.Stage, packs, nil)
		took := time.Since(start)
		if err != nil {
			return 0, err
		}
		dir := remote.Quote(want.Releases[0].Dir())
		_, err = st.client.Run(ctx, remote.Script{Step: "remove", Text: fmt.Sprintf("set -e\ntest -s %[1]s/SHA256SUMS\nrm -rf %[1]s %[1]s.tree\nsync", dir)})
		return took, err
	})
}

func only(steps []machine.Step, kind string) []machine.Step {
	var kept []machine.Step
	for _, s := range steps {
		if s.Kind == kind {
			kept = append(kept, s)
		}
	}
	return kept
}

// unpack is what a person types for the same.
func (st *streams) unpack(m *measurement) step {
	const dir = "/opt/" + streamed
	return st.often(m, func(ctx context.Context, pack *os.File) (time.Duration, error) {
		const command = "set -e; mkdir -p " + dir + "; tar -xf - -C " + dir + "; cd " + dir + "; sha256sum --check --strict --quiet SHA256SUMS"
		took, _, err := st.send(ctx, defaultCipher, command, pack)
		if err == nil {
			_, _, err = st.send(ctx, defaultCipher, "rm -rf "+dir+"; sync", nil)
		}
		return took, err
	})
}

// often does it a few times, each with the pack from its beginning.
func (st *streams) often(m *measurement, do func(context.Context, *os.File) (time.Duration, error)) step {
	return func(ctx context.Context) error {
		for range streamRuns {
			pack, err := os.Open(st.path)
			if err != nil {
				return err
			}
			took, err := do(ctx, pack)
			_ = pack.Close()
			if err != nil {
				return err
			}
			st.lab.note(m, took)
		}
		return nil
	}
}

// rates say what the times are in bytes a second.
func (st *streams) rates(all ...*measurement) string {
	var parts []string
	for _, m := range all {
		parts = append(parts, fmt.Sprintf("%.0f", float64(st.size)/1e6/m.median()))
	}
	return fmt.Sprintf("The packed release has %.1f MB; in MB/s, in the order of the rows without the repeated one: %s.",
		float64(st.size)/1e6, strings.Join(parts, ", "))
}
