package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/provision/inventory"
)

const (
	// machinesLimit is above two looks at machines that do not answer (7 s each).
	machinesLimit = 16 * time.Second
	// machinesSettle is how long a unit that was just started may take to listen.
	machinesSettle = 5 * time.Second
)

// stoppedState is the kernel's letter for a process that a signal stopped.
const stoppedState = "T"

// checkMachines: every machine answers over SSH, and on it ZooKeeper's and Kafka's
// units run, begin with the machine, and listen on their ports.
func checkMachines(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for machines to answer")
	var sights []sight
	r.fail(settle(ctx, machinesSettle, func(from time.Time) (f []Finding) {
		if seen, err := c.sights(ctx, from); err == nil {
			sights = seen
		}
		for _, s := range sights {
			f = append(f, judgeMachine(c.cluster, s)...)
		}
		return f
	})...)
	running := 0
	for _, s := range sights {
		r.on(s.machine)
		var units []string
		for _, u := range s.units {
			if !isServer(u.component) {
				continue
			}
			if u.running() {
				running++
			}
			units = append(units, fmt.Sprintf("%s %s, pid %d, %d restarts", u.unit, u.state(), u.pid, u.restarts))
		}
		if s.err == nil {
			r.note("%s: %s", s.machine, strings.Join(units, "; "))
		}
	}
	r.sum("%d machines, %d units running", len(sights), running)
}

// isServer tells ZooKeeper and Kafka from jobs, which have a check of their own.
func isServer(component string) bool {
	return component == zookeeperComponent || component == kafkaComponent
}

func judgeMachine(c inventory.Cluster, s sight) (f []Finding) {
	declared, _ := c.Machine(s.machine)
	if s.err != nil {
		return []Finding{{
			Machine: s.machine, Found: s.err.Error(), Expected: "an answer over SSH", Next: sshTo(declared, ""),
		}}
	}
	for _, u := range s.units {
		if isServer(u.component) {
			f = append(f, judgeUnit(declared, u)...)
			f = append(f, judgePort(c, s, u)...)
		}
	}
	return f
}

// judgeUnit says what is wrong with a unit: it does not run, its process was
// stopped, or the next boot would not start it.
func judgeUnit(m inventory.Machine, u unit) (f []Finding) {
	switch {
	case !u.running():
		f = append(f, Finding{
			Machine: m.Name, Found: u.unit + " is " + u.state(), Expected: "active (running)", Next: logOf(m, u.unit),
		})
	case u.process != nil && u.process.state == stoppedState:
		f = append(f, Finding{
			Machine: m.Name, Found: fmt.Sprintf("%s: its process %d was stopped by a signal", u.unit, u.pid), Expected: "a process that runs",
			Next: sshTo(m, "systemctl kill --kill-who=main --signal=CONT "+u.unit),
		})
	}
	if u.load == "loaded" && u.enabled != "" && u.enabled != "enabled" {
		f = append(f, Finding{
			Machine: m.Name, Found: fmt.Sprintf("%s is %s: it does not start with the machine", u.unit, u.enabled), Expected: "enabled", Next: "ops up",
		})
	}
	return f
}

// judgePort looks at the machine itself whether the service listens: what is
// between it and others is another question.
func judgePort(c inventory.Cluster, s sight, u unit) []Finding {
	port := 0
	switch {
	case u.component == zookeeperComponent:
		port = c.ZooKeeper.ClientPort
	case u.component == kafkaComponent:
		port = c.Kafka.Port
	}
	if !u.running() || port == 0 || s.ports[port] {
		return nil
	}
	m, _ := c.Machine(s.machine)
	return []Finding{{
		Machine: s.machine, Found: fmt.Sprintf("%s runs, and nothing listens on port %d", u.unit, port),
		Expected: fmt.Sprintf("a listener on port %d", port), Next: logOf(m, u.unit),
	}}
}
