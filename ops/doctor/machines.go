package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"weir/ops/connect"
	"weir/provision/inventory"
	"weir/provision/remote"
)

const (
	// machineTimeout bounds reaching one machine and becoming root there.
	machineTimeout = 12 * time.Second
	// clusterTimeout bounds the question to all brokers at once.
	clusterTimeout = 8 * time.Second
)

// Files checks what this computer needs to log in to the machines. made is what
// to do about files that are made with the machines; empty where they are not.
func (r *Report) Files(c inventory.Cluster, made string) {
	seen := map[string]bool{}
	for _, m := range c.Machines {
		for h := &m.Host; h != nil; h = h.Jump {
			r.file(seen, "key", h.PrivateKeyFile, cmp.Or(made, "put the key there, or name the right one: ssh.privateKeyFile"))
			r.file(seen, "known hosts", h.KnownHosts, cmp.Or(made, "bin/ops scan shows the machines' keys; check them, and put them there"))
			r.file(seen, "passphrase", h.PassphraseFile, "write the key's passphrase there, readable by you alone")
			if h.Agent && h.AgentSocket == "" && os.Getenv("SSH_AUTH_SOCK") == "" && !seen["agent"] {
				seen["agent"] = true
				r.add("computer", "ssh agent", Bad, "the stack wants one, and $SSH_AUTH_SOCK is not set", `start one: eval "$(ssh-agent)"; ssh-add`)
			}
		}
	}
}

func (r *Report) file(seen map[string]bool, what, path, fix string) {
	if path == "" || seen[path] {
		return
	}
	seen[path] = true
	f, err := os.Open(path)
	if err == nil {
		_ = f.Close()
	}
	r.Check("computer", what, err, path, fix)
}

// Machines reaches each machine, in the order of the inventory, all at once.
// explain, which may be nil, says more of one that cannot be reached.
func (r *Report) Machines(ctx context.Context, s *connect.Session, explain func(ctx context.Context, machine string) string) {
	all := s.Cluster.Machines
	found := make([]Report, len(all))
	var wg sync.WaitGroup
	for i, m := range all {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, machineTimeout)
			defer cancel()
			found[i].machine(ctx, s, m.Name, explain)
		})
	}
	wg.Wait()
	for _, f := range found {
		r.Findings = append(r.Findings, f.Findings...)
	}
}

// rootText tells who runs it, and what the machine was booted with.
const rootText = "id -u\ncat /proc/1/comm\n"

func (r *Report) machine(ctx context.Context, s *connect.Session, name string, explain func(context.Context, string) string) {
	if _, err := s.Machine(ctx, name); err != nil {
		fix, why := "", err.Error()
		var failed *remote.ConnectError
		if errors.As(err, &failed) {
			fix, why = failed.Hint, failed.Address+": "+failed.Err.Error()
		}
		if explain != nil {
			if more := explain(ctx, name); more != "" {
				fix = more
			}
		}
		if fix == "" {
			fix = "see that it is switched on, that sshd runs there, and that a firewall lets you through"
		}
		r.add("machine", name, Bad, why, fix)
		return
	}
	out, err := s.Run(ctx, name, remote.Script{Step: "become root", Text: rootText, Root: true, Limit: 1 << 10})
	if err != nil {
		r.add("machine", name, Bad, remote.Reason(err), "let the user do everything through sudo, or set the secret weir:sudoPassword")
		return
	}
	id, boot, _ := strings.Cut(strings.TrimSpace(string(out.Stdout)), "\n")
	switch {
	case id != "0":
		r.add("machine", name, Bad, fmt.Sprintf("scripts that are to run as root run as user %.20q", id), "look at sudo's configuration there")
	case boot != "systemd":
		r.add("machine", name, Bad, fmt.Sprintf("it was booted with %.20q, and not with systemd", boot), "take a machine with systemd")
	default:
		r.add("machine", name, OK, "reached, root, systemd", "")
	}
}

// Cluster asks the brokers.
func (r *Report) Cluster(ctx context.Context, s *connect.Session) {
	if s.Cluster.Kafka == nil {
		r.add("cluster", "brokers", Skipped, "none are declared", "")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	defer cancel()
	id, err := s.Guard(ctx)
	var wrong *connect.WrongClusterError
	switch {
	case errors.As(err, &wrong):
		r.add("cluster", "id", Bad, err.Error(), "see whose the addresses are; if the cluster was made anew on purpose, bin/ops up takes note of its id")
	case err != nil:
		r.add("cluster", "brokers", Bad, err.Error(), "bin/ops status shows which services run, bin/ops logs why they do not")
	default:
		found := "answer"
		if id != "" { // brokers before 0.10.1 tell none
			found += "; cluster id " + id
		}
		r.add("cluster", "brokers", OK, found, "")
	}
}
