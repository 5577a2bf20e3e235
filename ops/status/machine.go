package status

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/ops/connect"
	"weir/provision/inventory"
	"weir/provision/remote"
)

const (
	// machineTimeout bounds reaching and asking one machine.
	machineTimeout = 6 * time.Second
	// answerLimit bounds a machine's answer in bytes; it sends some 200 a unit.
	answerLimit = 256 << 10
)

// Machine is one machine and the services declared on it.
type Machine struct {
	Name    string `json:"name"`
	Address string `json:"address"`
	// Reachable says that SSH works and the machine answered; Error says why not.
	Reachable bool   `json:"reachable"`
	Error     string `json:"error,omitempty"`
	// UptimeSeconds is since its boot; Load is the mean over one minute.
	UptimeSeconds float64   `json:"uptimeSeconds,omitempty"`
	Load          float64   `json:"load"`
	Disks         []Disk    `json:"disks,omitempty"`
	Services      []Service `json:"services"`
	// MyID is what ZooKeeper's file of that name holds; empty without one.
	MyID string `json:"myid,omitempty"`
}

// Disk is the space of the file system that holds a data directory.
type Disk struct {
	Path       string `json:"path"`
	TotalBytes int64  `json:"totalBytes"`
	FreeBytes  int64  `json:"freeBytes"`
}

// Service is a systemd unit.
type Service struct {
	// Component is "zookeeper", "kafka" or the job's name.
	Component string `json:"component"`
	Unit      string `json:"unit"`
	// Known says that the machine answered for this unit at all.
	Known bool `json:"known"`
	// Load, Active and Sub are systemd's words: "loaded", "active", "running".
	Load   string `json:"load,omitempty"`
	Active string `json:"active,omitempty"`
	Sub    string `json:"sub,omitempty"`
	PID    int    `json:"pid,omitempty"`
	// Restarts counts systemd's own restarts of it, not those by hand.
	Restarts int `json:"restarts"`
	// SinceSeconds is how long it has been active.
	SinceSeconds float64 `json:"sinceSeconds,omitempty"`
}

// Running says that the unit is active and has a process.
func (s Service) Running() bool { return s.Active == "active" && s.Sub == "running" && s.PID > 0 }

// State is the unit's state in a word or three.
func (s Service) State() string {
	switch {
	case !s.Known:
		return "unknown"
	case s.Load != "loaded":
		return s.Load
	case s.Sub == "" || s.Active == "active" && s.Sub == "running":
		return s.Active
	}
	return s.Active + " (" + s.Sub + ")"
}

// Machines asks all machines at once; the result is in the inventory's order.
func Machines(ctx context.Context, s *connect.Session) []Machine {
	machines := make([]Machine, len(s.Cluster.Machines))
	each(len(machines), func(i int) {
		machines[i] = look(ctx, s, s.Cluster.Machines[i])
	})
	return machines
}

func look(ctx context.Context, s *connect.Session, m inventory.Machine) Machine {
	ctx, cancel := context.WithTimeout(ctx, machineTimeout)
	defer cancel()
	q := questionFor(s.Cluster, m.Name)
	found := Machine{Name: m.Name, Address: m.Address, Services: q.services}
	result, err := s.Run(ctx, m.Name, remote.Script{
		Step: "look at services", Text: q.script(), Root: true, Limit: answerLimit,
	})
	if err == nil {
		err = q.read(result.Stdout, &found)
	}
	if err != nil {
		found.Error = err.Error()
		return found
	}
	found.Reachable = true
	return found
}

// question is what to ask one machine.
type question struct {
	services []Service
	paths    []string // data directories
	myid     string   // path of the file; empty without a member
}

func questionFor(c inventory.Cluster, machine string) question {
	var q question
	if zk := c.ZooKeeper; zk != nil {
		if _, ok := zk.Members[machine]; ok {
			q.services = append(q.services, Service{Component: "zookeeper", Unit: zk.Unit})
			q.paths = append(q.paths, zk.DataDir)
			q.myid = strings.TrimRight(zk.DataDir, "/") + "/myid"
		}
	}
	if k := c.Kafka; k != nil {
		if _, ok := k.Brokers[machine]; ok {
			q.services = append(q.services, Service{Component: "kafka", Unit: k.Unit})
			q.paths = append(q.paths, k.DataDir)
		}
	}
	for _, j := range c.Jobs {
		if j.Machine == machine {
			q.services = append(q.services, Service{Component: j.Name, Unit: j.Unit})
		}
	}
	q.paths = slices.DeleteFunc(q.paths, func(p string) bool { return p == "" })
	return q
}

// script asks everything in one go and changes nothing. Each part's lines begin
// with its own word, except systemd's, which come as "Key=value".
func (q question) script() string {
	var b strings.Builder
	b.WriteString("export LC_ALL=C\n" +
		"read -r up idle </proc/uptime && echo \"uptime $up\"\n" +
		"read -r load rest </proc/loadavg && echo \"load $load\"\n")
	for i, path := range q.paths {
		fmt.Fprintf(&b, "echo \"disk %d $(stat -f -c '%%S %%b %%a' %s 2>/dev/null)\"\n", i, remote.Quote(path))
	}
	if q.myid != "" {
		fmt.Fprintf(&b, "echo \"myid $(head -c 16 %s 2>/dev/null | tr -cd '0-9A-Za-z')\"\n", remote.Quote(q.myid))
	}
	if len(q.services) > 0 {
		b.WriteString("systemctl show --no-pager -p Id,LoadState,ActiveState,SubState,MainPID,NRestarts,ActiveEnterTimestampMonotonic --")
		for _, s := range q.services {
			b.WriteString(" " + remote.Quote(s.Unit))
		}
		b.WriteString("\n")
	}
	b.WriteString("echo end\n")
	return b.String()
}
