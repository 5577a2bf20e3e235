package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/ops/status"
	"weir/provision/inventory"
	"weir/provision/zookeeper"
)

const (
	// zookeeperLimit is above members that do not answer (5 s) asked twice.
	zookeeperLimit = 14 * time.Second
	// zookeeperSettle is how long an election may be under way: a second, on
	// machines that have nothing else to do.
	zookeeperSettle = 4 * time.Second
)

// checkZooKeeper: one member leads, all others follow it, each under its own id,
// which its file holds too, and all run with the declared ensemble.
func checkZooKeeper(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for ZooKeeper's members to answer")
	var z *status.ZooKeeper
	r.fail(settle(ctx, zookeeperSettle, func(from time.Time) []Finding {
		var sights []sight
		var wg sync.WaitGroup
		wg.Go(func() { sights, _ = c.sights(ctx, from) })
		z = status.Ensemble(ctx, c.Session)
		f := judgeEnsemble(c.cluster, *z)
		wg.Wait()
		return append(f, judgeMyIDs(c.cluster, sights)...)
	})...)
	modes := map[string]int{}
	for _, m := range z.Members {
		r.on(m.Machine)
		modes[m.Mode]++
		if m.Error == "" {
			c.answered.Store(true)
			r.note("%s: %s, id %d, version %s, %d connections", m.Machine, m.Mode, m.RunningID, m.Version, m.Connections)
		}
	}
	if len(z.Members) == 1 {
		r.sum("one member, %s", cmp.Or(z.Members[0].Mode, "not at work"))
		return
	}
	r.sum("leader %s, %d of %d follow", cmp.Or(z.Leader, "none"), modes[zookeeper.Follower], len(z.Members)-1)
}

// judgeEnsemble takes package zookeeper's judgement of roles and ids, the one that
// gates changes. Memberships are compared with what is declared, so that the
// member that differs is named and not its neighbours.
func judgeEnsemble(c inventory.Cluster, z status.ZooKeeper) (f []Finding) {
	answers := z.Answers()
	var all []string
	for i, a := range answers {
		all = append(all, a.Member.Machine)
		if a.Serves() {
			f = append(f, judgeMembership(c, a)...)
		}
		answers[i].Status.Membership = nil
	}
	for _, h := range zookeeper.Check(answers) {
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

// judgeMembership compares the members that one runs with, by id and address: one
// that started from another list can find a majority of its own.
func judgeMembership(c inventory.Cluster, a zookeeper.Answer) []Finding {
	if len(a.Status.Membership) == 0 { // it does not say, before 3.5; nor does a single member
		return nil
	}
	runs := map[string]string{}
	for _, line := range a.Status.Membership {
		id, peer, _ := strings.Cut(strings.TrimPrefix(line, "server."), "=")
		runs[id] = hostOf(peer)
	}
	declared := map[string]string{}
	for machine, id := range c.ZooKeeper.Members {
		m, _ := c.Machine(machine)
		declared[strconv.Itoa(id)] = m.Address
	}
	if maps.Equal(runs, declared) {
		return nil
	}
	return []Finding{{
		Machine: a.Member.Machine, Found: "ZooKeeper: it runs with the ensemble " + ensembleText(runs),
		Expected: "the declared one, " + ensembleText(declared), Next: "ops up",
	}}
}

// hostOf is the address in "address:peerPort:electionPort" and what may follow.
func hostOf(peer string) string {
	if rest, ok := strings.CutPrefix(peer, "["); ok {
		address, _, _ := strings.Cut(rest, "]")
		if ip := net.ParseIP(address); ip != nil {
			return ip.String()
		}
		return word(address)
	}
	address, _, _ := strings.Cut(peer, ":")
	return word(address)
}

func ensembleText(members map[string]string) string {
	var all []string
	for _, id := range slices.Sorted(maps.Keys(members)) {
		all = append(all, id+"="+members[id])
	}
	return strings.Join(all, " ")
}

// judgeMyIDs looks at the file that the next start would take the id from.
func judgeMyIDs(c inventory.Cluster, sights []sight) (f []Finding) {
	for _, s := range sights {
		id, ok := c.ZooKeeper.Members[s.machine]
		if ok && s.err == nil && s.myid != fmt.Sprint(id) {
			f = append(f, Finding{
				Machine: s.machine, Found: fmt.Sprintf("%s/myid holds %q", strings.TrimRight(c.ZooKeeper.DataDir, "/"), s.myid),
				Expected: fmt.Sprint(id), Next: "ops up",
			})
		}
	}
	return f
}
