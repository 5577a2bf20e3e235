package verify

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"weir/provision/machine"
	"weir/provision/remote"
)

const (
	// sightLimit bounds reaching and asking one machine: longer than SSH's own
	// limits (3 s to connect) where it answers at all.
	sightLimit = 7 * time.Second
	// answerLimit bounds a machine's answer in bytes; it sends some 300 a unit.
	answerLimit = 256 << 10
	// wordLimit bounds one word of it: longer than any that systemd has, and than
	// a cluster's id.
	wordLimit = 64
)

// sight is one machine as it was seen by one script. Everything in it is
// distrusted: what was not asked for is not taken, and numbers are numbers.
type sight struct {
	machine string
	// err is why it could not be looked at; then nothing else is set.
	err error
	// clock is how far its clock is ahead of this computer's.
	clock offset
	// files is the most open files that a service can be given, maps the most
	// memory maps of a process; 0 where they are not known.
	files, maps int64
	units       []unit
	disks       []disk
	ports       map[int]bool
	// myid is what ZooKeeper's file of that name holds.
	myid string
	// clusterID and brokerID are what Kafka's meta.properties holds.
	clusterID, brokerID string
}

// unit is a systemd unit and its main process.
type unit struct {
	unitAsked
	load, active, sub, result, enabled string
	pid, restarts                      int64
	process                            *process
}

// process is what the kernel says of a unit's main process.
type process struct {
	// state is the kernel's letter; "T" is one that was stopped by a signal.
	state              string
	user               int64
	limit, files, maps int64
	// version is of the Kafka jar that it has open; empty where it has none.
	version string
}

// disk is the file system of a data directory, as its unit sees it.
type disk struct {
	path               string
	component          string
	total, free        int64 // bytes
	inodes, freeInodes int64
	owner              int64
	mode               int64
	writable           bool
	user               int64 // of the unit's process; -1 where there is none
}

// running says that the unit is active and has a process.
func (u unit) running() bool { return u.active == "active" && u.sub == "running" && u.pid > 0 }

// state is the unit's state in a few words.
func (u unit) state() string {
	switch {
	case u.active == "":
		return "unknown to systemd"
	case u.load != "loaded":
		return u.load
	case u.running():
		return "active"
	case u.result != "" && u.result != "success":
		return fmt.Sprintf("%s (%s, %s)", u.active, u.sub, u.result)
	}
	return fmt.Sprintf("%s (%s)", u.active, u.sub)
}

func (s sight) unit(component string) (unit, bool) {
	for _, u := range s.units {
		if u.component == component {
			return u, true
		}
	}
	return unit{}, false
}

// sights looks at all machines at once; a look that began after from will do. The
// result is in the inventory's order.
func (c *subject) sights(ctx context.Context, from time.Time) ([]sight, error) {
	return c.machines.since(ctx, from, func() []sight {
		all := make([]sight, len(c.cluster.Machines))
		var wg sync.WaitGroup
		for i, m := range c.cluster.Machines {
			wg.Go(func() { all[i] = c.see(m.Name) })
		}
		wg.Wait()
		return all
	})
}

func (c *subject) see(name string) sight {
	ctx, cancel := c.bounded(c.ctx, sightLimit, "no answer within")
	defer cancel()
	conn, err := c.Machine(ctx, name) // before the clock is asked for
	if err != nil {
		return sight{machine: name, err: err}
	}
	q := questionFor(c.cluster, name)
	h := hearing{sent: time.Now()}
	_, err = conn.Run(ctx, remote.Script{Step: "look", Text: q.script(), Root: true, Limit: answerLimit, Line: h.line})
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return sight{machine: name, err: err}
	}
	s, err := h.sight(q)
	if err != nil {
		return sight{machine: name, err: err}
	}
	c.answered.Store(true)
	return s
}

// hearing is an answer as it arrives.
type hearing struct {
	sent, heard time.Time
	lines       []string
}

func (h *hearing) line(line string) {
	if h.heard.IsZero() && strings.HasPrefix(line, "clock\t") {
		h.heard = time.Now()
	}
	h.lines = append(h.lines, line)
}

func (h *hearing) sight(q question) (sight, error) {
	s := sight{machine: q.machine, ports: map[int]bool{}}
	if len(h.lines) == 0 || h.lines[len(h.lines)-1] != "end" {
		return s, errors.New("the answer was cut off: the script did not reach its end")
	}
	for _, u := range q.units {
		s.units = append(s.units, unit{unitAsked: u})
	}
	shown := map[string]string{}
	processes := map[int64]*process{}
	for _, line := range h.lines {
		kind, rest, _ := strings.Cut(strings.ToValidUTF8(line, "?"), "\t")
		f := strings.Split(rest, "\t")
		switch {
		case kind == "clock":
			s.clock = h.offset(rest)
		case kind == "most" && len(f) == 3:
			s.files, s.maps = least(number(f[0]), number(f[1])), number(f[2])
		case kind == "listens":
			if port, err := strconv.ParseUint(rest, 16, 16); err == nil {
				s.ports[int(port)] = true
			}
		case kind == "unit" && rest == "":
			s.takeUnit(shown)
			shown = map[string]string{}
		case kind == "unit":
			key, value, _ := strings.Cut(rest, "=")
			shown[key] = word(value)
		case kind == "process" && len(f) == 7:
			processes[number(f[0])] = &process{
				state: word(f[1]), user: number(f[2]), limit: number(f[3]), files: number(f[4]), maps: number(f[5]), version: word(f[6]),
			}
		case kind == "disk" && len(f) == 9:
			s.takeDisk(q, f)
		case kind == "myid":
			s.myid = word(rest)
		case kind == "meta" && len(f) == 2 && f[0] == "cluster.id":
			s.clusterID = word(f[1])
		case kind == "meta" && len(f) == 2:
			s.brokerID = word(f[1])
		}
	}
	return s, s.complete(q, processes)
}

// takeUnit keeps what systemd says of a unit that was asked for.
func (s *sight) takeUnit(shown map[string]string) {
	for i := range s.units {
		if u := &s.units[i]; u.unit == shown["Id"] {
			u.load, u.active, u.sub = shown["LoadState"], shown["ActiveState"], shown["SubState"]
			u.result, u.enabled = shown["Result"], shown["UnitFileState"]
			u.pid, u.restarts = number(shown["MainPID"]), number(shown["NRestarts"])
		}
	}
}

// takeDisk reads "index blocksize blocks available inodes free owner mode rw".
func (s *sight) takeDisk(q question, f []string) {
	var n [8]int64
	for i := range n {
		base := 10
		if i == 7 {
			base = 8
		}
		v, err := strconv.ParseInt(f[i], base, 64)
		if err != nil || v < 0 {
			return
		}
		n[i] = v
	}
	if n[0] >= int64(len(q.disks)) || n[1] == 0 || n[2] > math.MaxInt64/n[1] || n[3] > n[2] {
		return
	}
	d := disk{
		path: q.disks[n[0]].path, total: n[2] * n[1], free: n[3] * n[1], inodes: n[4], freeInodes: n[5],
		owner: n[6], mode: n[7], writable: f[8] == "rw", user: -1,
	}
	if i := q.disks[n[0]].unit; i >= 0 {
		d.component = q.units[i].component
	}
	s.disks = append(s.disks, d)
}

// complete joins processes with units, and refuses an answer that says nothing of
// what was asked.
func (s *sight) complete(q question, processes map[int64]*process) error {
	for i := range s.units {
		u := &s.units[i]
		if u.active == "" {
			return fmt.Errorf("systemd said nothing of unit %s", u.unit)
		}
		if u.pid > 0 {
			u.process = processes[u.pid]
		}
	}
	for i := range s.disks {
		if u, ok := s.unit(s.disks[i].component); ok && u.process != nil {
			s.disks[i].user = u.process.user
		}
	}
	return nil
}

// number is a whole number of at most 53 bits, 0 where it is none; "unlimited" is
// the largest.
func number(text string) int64 {
	v, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "unlimited":
		return 1 << 53
	case err != nil || v < 0 || v > 1<<53:
		return 0
	}
	return v
}

// least is the smaller of two numbers of which 0 is not known.
func least(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// word is what a machine said, as a person may be shown it.
func word(text string) string {
	text = machine.Printable(text)
	return text[:min(len(text), wordLimit)]
}
