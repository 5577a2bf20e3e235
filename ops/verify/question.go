package verify

import (
	"fmt"
	"slices"
	"strings"

	"weir/provision/inventory"
	"weir/provision/remote"
)

// question is what is asked of one machine, in one read-only script.
type question struct {
	machine string
	units   []unitAsked
	// disks are the directories that hold data, each with the index of the unit
	// whose they are.
	disks []diskAsked
	// myid and meta are ZooKeeper's and Kafka's own files of who they are.
	myid, meta string
}

type unitAsked struct{ component, unit string }

type diskAsked struct {
	path string
	unit int
}

func questionFor(c inventory.Cluster, machine string) question {
	q := question{machine: machine}
	data := func(dir string) string {
		dir = strings.TrimRight(dir, "/")
		if dir != "" {
			q.disks = append(q.disks, diskAsked{dir, len(q.units) - 1})
		}
		return dir
	}
	if zk := c.ZooKeeper; zk != nil {
		if _, ok := zk.Members[machine]; ok {
			q.units = append(q.units, unitAsked{zookeeperComponent, zk.Unit})
			q.myid = data(zk.DataDir) + "/myid"
		}
	}
	if k := c.Kafka; k != nil {
		if _, ok := k.Brokers[machine]; ok {
			q.units = append(q.units, unitAsked{kafkaComponent, k.Unit})
			q.meta = data(k.DataDir) + "/meta.properties"
		}
	}
	for _, j := range c.Jobs {
		if j.Machine == machine {
			q.units = append(q.units, unitAsked{j.Name, j.Unit})
		}
	}
	q.units = slices.DeleteFunc(q.units, func(u unitAsked) bool { return u.unit == "" })
	return q
}

// What the components of an inventory are called.
const (
	zookeeperComponent = "zookeeper"
	kafkaComponent     = "kafka"
)

// prelude tells what does not depend on the machine's components. The clock comes
// first, as the time of its arrival is part of the answer. A unit's files are
// looked at as it sees them itself, in its own mount namespace.
const prelude = `export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
row() { printf '%s' "$1"; shift; if [ $# -gt 0 ]; then printf '\t%s' "$@"; fi; printf '\n'; }
row clock "$(date +%s.%N)"
nofile() { sed -n 's/^Max open files  *\([0-9a-z]*\)  *\([0-9a-z]*\).*/\'"$2"'/p' "/proc/$1/limits"; }
row most "$(cat /proc/sys/fs/nr_open)" "$(nofile 1 2)" "$(cat /proc/sys/vm/max_map_count)"
awk 'FNR > 1 && $4 == "0A" { n = split($2, a, ":"); print "listens\t" a[n] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null | sort -u
process() {
  [ -d "/proc/$1" ] || return
  row process "$1" "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" "$(stat -c %u "/proc/$1")" "$(nofile "$1" 1)" \
    "$(ls "/proc/$1/fd" | wc -l)" "$(wc -l <"/proc/$1/maps")" \
    "$(find "/proc/$1/fd" -lname '*/kafka_*.jar' -printf '%l\n' | sed -n 's|.*/kafka_[0-9.]*-\([0-9][0-9.]*\)\.jar.*|\1|p' | head -n 1)"
}
disk() {
  at=$3
  if [ "$2" -gt 0 ] && [ -d "/proc/$2/root$3" ]; then at=/proc/$2/root$3; fi
  w=ro
  if [ -w "$at" ]; then w=rw; fi
  row disk "$1" $(stat -f -c '%S %b %a %c %d' "$at") $(stat -c '%u %a' "$at") "$w"
}
`

// script asks everything in one go and changes nothing: a line each, its kind and
// then fields apart by tabs.
func (q question) script() string {
	var b strings.Builder
	b.WriteString(prelude)
	if len(q.units) > 0 {
		b.WriteString("units=$(systemctl show --no-pager -p Id,LoadState,ActiveState,SubState,Result,UnitFileState,MainPID,NRestarts --")
		for _, u := range q.units {
			b.WriteString(" " + remote.Quote(u.unit))
		}
		b.WriteString(`)
printf '%s\n\n' "$units" | sed 's/^/unit\t/'
set -- $(printf '%s\n' "$units" | sed -n 's/^MainPID=//p')
for pid; do if [ "$pid" -gt 0 ]; then process "$pid"; fi; done 2>/dev/null
`)
	}
	for i, d := range q.disks {
		fmt.Fprintf(&b, "disk %d \"${%d:-0}\" %s 2>/dev/null\n", i, d.unit+1, remote.Quote(d.path))
	}
	if q.myid != "" {
		fmt.Fprintf(&b, "row myid \"$(head -c 16 %s 2>/dev/null | tr -cd '0-9A-Za-z')\"\n", remote.Quote(q.myid))
	}
	if q.meta != "" {
		fmt.Fprintf(&b, "head -c 4096 %s 2>/dev/null | sed -n 's/^\\(cluster\\.id\\|broker\\.id\\|node\\.id\\)=/meta\\t\\1\\t/p'\n", remote.Quote(q.meta))
	}
	b.WriteString("echo end\n")
	return b.String()
}
