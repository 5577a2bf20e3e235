package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"weir/provision/kafka"
	"weir/provision/zookeeper"
)

const (
	// lookLimit is for checks that are content with one look at the machines.
	lookLimit = 10 * time.Second
	// roomOfLimit is the share of a limit, in percent, beyond which a service is
	// close to it: what it opens at once, as at an election, is the rest.
	roomOfLimit = 80
)

// openFiles are what the units of each component should be given.
var openFiles = map[string]int64{zookeeperComponent: zookeeper.OpenFiles, kafkaComponent: kafka.OpenFiles}

// checkLimits: the running processes of ZooKeeper and Kafka have the limit of open
// files that they should, and are not close to it, nor to that of memory maps.
func checkLimits(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for machines to tell the limits of their processes")
	sights, err := c.sights(ctx, time.Time{})
	if err != nil {
		return
	}
	r.fail(c.unseen(sights)...)
	processes := 0
	for _, s := range sights {
		for _, u := range s.units {
			if openFiles[u.component] == 0 || u.process == nil {
				continue
			}
			processes++
			r.on(s.machine)
			r.fail(c.judgeLimits(s, u)...)
			r.note("%s: %s has %d of %d files open, and %d of %d memory maps", s.machine, u.unit,
				u.process.files, u.process.limit, u.process.maps, s.maps)
		}
	}
	r.sum("%d processes, each with the open files that it should be allowed", processes)
}

func (c *subject) judgeLimits(s sight, u unit) (f []Finding) {
	add := func(found, expected, command string) {
		f = append(f, Finding{Machine: s.machine, Found: u.unit + found, Expected: expected, Next: command})
	}
	// A container's engine may allow less than a unit asks for.
	want := least(openFiles[u.component], s.files)
	p := u.process
	switch {
	case p.limit == 0:
	case p.limit < want:
		add(fmt.Sprintf(" may open %d files", p.limit), fmt.Sprintf("at least %d", want),
			sshTo(c.machine(s.machine), "systemctl cat "+u.unit))
	case p.files*100 > p.limit*roomOfLimit:
		add(fmt.Sprintf(" has %d files open of at most %d", p.files, p.limit), fmt.Sprintf("at most %d %% of its limit", roomOfLimit),
			logOf(c.machine(s.machine), u.unit))
	}
	if s.maps > 0 && p.maps*100 > s.maps*roomOfLimit {
		add(fmt.Sprintf(" has %d memory maps of at most %d", p.maps, s.maps), fmt.Sprintf("at most %d %% of vm.max_map_count", roomOfLimit),
			sshTo(c.machine(s.machine), "sysctl vm.max_map_count"))
	}
	return f
}

// unseen are the machines that could not be looked at: what a check does not see
// it must not call good.
func (c *subject) unseen(sights []sight) (f []Finding) {
	for _, s := range sights {
		if s.err != nil {
			f = append(f, Finding{
				Machine: s.machine, Found: "it could not be looked at: " + strings.TrimPrefix(s.err.Error(), "machine "+s.machine+" "),
				Expected: "an answer over SSH", Next: sshTo(c.machine(s.machine), ""),
			})
		}
	}
	return f
}
