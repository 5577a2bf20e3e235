package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/ops/status"
	"weir/provision/inventory"
	"weir/provision/zookeeper"
)

const (
	// machinesLimit is above one look at machines that do not answer (6 s).
	machinesLimit = 12 * time.Second
	// machinesSettle is how long an election or a registration may be under way:
	// ZooKeeper elects within a second.
	machinesSettle = 3 * time.Second
)

// overview is what the cluster says of itself at one moment.
type overview struct {
	machines []status.Machine
	zk       *status.ZooKeeper
	kafka    *status.Kafka
}

// checkMachines: on every machine the units run; ZooKeeper has one leader, all
// others follow it, each under its own id; the brokers are exactly the declared
// ones, in one cluster, with one controller.
func checkMachines(ctx context.Context, c *subject, r *record) {
	var o overview
	r.doing("waiting for machines, ZooKeeper members and brokers to answer")
	findings := settle(ctx, machinesSettle, func() []Finding {
		o = c.look(ctx)
		return judgeMachines(c.cluster, o)
	})
	r.fail(findings...)
	describeMachines(o, r)
}

func (c *subject) look(ctx context.Context) (o overview) {
	var wg sync.WaitGroup
	wg.Go(func() { o.machines = status.Machines(ctx, c.Session) })
	wg.Go(func() { o.zk = status.Ensemble(ctx, c.Session) })
	wg.Go(func() { o.kafka, _ = status.Brokers(ctx, c.Session) })
	wg.Wait()
	for _, m := range o.machines {
		if m.Reachable {
			c.answered.Store(true)
		}
	}
	if o.kafka != nil && o.kafka.Err() == nil {
		c.answered.Store(true)
	}
	return o
}

// judgeMachines says what is wrong, machines first: the root of the rest.
func judgeMachines(c inventory.Cluster, o overview) []Finding {
	var f []Finding
	for _, m := range o.machines {
		f = append(f, judgeMachine(c, m)...)
	}
	if o.zk != nil {
		f = append(f, judgeEnsemble(c, *o.zk)...)
	}
	if o.kafka != nil {
		f = append(f, judgeBrokers(c, *o.kafka)...)
	}
	return f
}

func judgeMachine(c inventory.Cluster, m status.Machine) []Finding {
	declared, _ := c.Machine(m.Name)
	if !m.Reachable {
		return []Finding{{
			Machine: m.Name, Found: m.Error, Expected: "an answer over SSH",
			Next: sshTo(declared, ""),
		}}
	}
	var f []Finding
	for _, s := range m.Services {
		if s.Component != "zookeeper" && s.Component != "kafka" || s.Running() {
			continue // jobs have a check of their own
		}
		f = append(f, Finding{
			Machine: m.Name, Found: s.Unit + " is " + s.State(), Expected: "active (running)",
			Next: logOf(declared, s.Unit),
		})
	}
	if c.ZooKeeper != nil {
		if id, ok := c.ZooKeeper.Members[m.Name]; ok && m.MyID != fmt.Sprint(id) {
			f = append(f, Finding{
				Machine: m.Name, Found: fmt.Sprintf("%s/myid holds %q", strings.TrimRight(c.ZooKeeper.DataDir, "/"), m.MyID),
				Expected: fmt.Sprint(id), Next: "ops up",
			})
		}
	}
	return f
}

// judgeEnsemble takes package zookeeper's judgement, the one that gates changes.
func judgeEnsemble(c inventory.Cluster, z status.ZooKeeper) []Finding {
	var all []string
	for _, m := range z.Members {
		all = append(all, m.Machine)
	}
	var f []Finding
	for _, h := range zookeeper.Check(z.Answers()) {
		machine, found := strings.TrimPrefix(h.Subject, "zookeeper on "), "ZooKeeper: "+h.Found
		next := "ops status"
		if m, err := c.Machine(machine); err == nil {
			next = logOf(m, c.ZooKeeper.Unit)
		} else {
			machine = strings.Join(all, ", ")
		}
		f = append(f, Finding{Machine: machine, Found: found, Expected: h.Expected, Next: next})
	}
	return f
}

func judgeBrokers(c inventory.Cluster, k status.Kafka) []Finding {
	var f []Finding
	for _, b := range k.Brokers {
		switch {
		case !b.Answers:
			f = append(f, Finding{
				Machine: b.Machine, Found: fmt.Sprintf("broker %d does not answer at %s: %s", b.ID, b.Address, b.Error),
				Expected: "an answer to a client", Next: kafkaLog(c, b.ID),
			})
		case !b.Registered:
			f = append(f, Finding{
				Machine: b.Machine, Found: fmt.Sprintf("broker %d answers but is not registered in the cluster", b.ID),
				Expected: "registered", Next: kafkaLog(c, b.ID),
			})
		case b.ClusterID != k.ClusterID:
			f = append(f, Finding{
				Machine: b.Machine, Found: fmt.Sprintf("broker %d belongs to cluster %q", b.ID, b.ClusterID),
				Expected: fmt.Sprintf("cluster %q, as the other brokers", k.ClusterID), Next: kafkaLog(c, b.ID),
			})
		// With KRaft the answer names just some broker.
		case c.ZooKeeper != nil && b.Controller != k.Controller:
			f = append(f, Finding{
				Machine: b.Machine, Found: fmt.Sprintf("broker %d takes broker %d for the controller", b.ID, b.Controller),
				Expected: fmt.Sprintf("broker %d, as the other brokers", k.Controller), Next: kafkaLog(c, b.ID),
			})
		}
	}
	for _, s := range k.Strangers {
		f = append(f, Finding{
			Machine: s.Address, Found: fmt.Sprintf("broker %d is registered and not declared", s.ID),
			Expected: "only the declared brokers", Next: "ops status",
		})
	}
	if registered(k, k.Controller) || k.Err() != nil {
		return f
	}
	return append(f, Finding{
		Machine: strings.Join(brokerMachines(c), ", "), Found: fmt.Sprintf("the controller is broker %d, which is not registered", k.Controller),
		Expected: "one controller among the brokers", Next: "ops status",
	})
}

func registered(k status.Kafka, id int32) bool {
	return slices.ContainsFunc(k.Brokers, func(b status.Broker) bool { return b.ID == id && b.Registered }) ||
		slices.ContainsFunc(k.Strangers, func(s status.Stranger) bool { return s.ID == id })
}

// brokerMachines are the machines of the brokers, in the inventory's order.
func brokerMachines(c inventory.Cluster) []string {
	var names []string
	for _, m := range c.Machines {
		if c.Kafka != nil {
			if _, ok := c.Kafka.Brokers[m.Name]; ok {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

func describeMachines(o overview, r *record) {
	running := 0
	for _, m := range o.machines {
		r.on(m.Name)
		var units []string
		for _, s := range m.Services {
			if s.Component != "zookeeper" && s.Component != "kafka" {
				continue
			}
			if s.Running() {
				running++
			}
			units = append(units, fmt.Sprintf("%s %s, pid %d, %d restarts", s.Unit, cmp.Or(s.State(), "unknown"), s.PID, s.Restarts))
		}
		if m.Reachable {
			r.note("%s: %s", m.Name, strings.Join(units, "; "))
		}
	}
	if o.zk != nil {
		modes := map[string]int{}
		for _, m := range o.zk.Members {
			modes[m.Mode]++
		}
		r.note("ZooKeeper: %d leader (%s), %d followers", modes[zookeeper.Leader], cmp.Or(o.zk.Leader, "none"), modes[zookeeper.Follower])
	}
	if k := o.kafka; k != nil {
		answering := 0
		for _, b := range k.Brokers {
			if b.Answers && b.Registered {
				answering++
			}
		}
		r.note("Kafka: %d of %d brokers, controller %d, cluster %s", answering, len(k.Brokers), k.Controller, cmp.Or(k.ClusterID, "unknown"))
	}
}
