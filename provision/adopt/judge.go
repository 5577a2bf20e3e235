package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"regexp"
	"slices"
	"strings"

	"weir/provision/kafka"
	"weir/provision/layout"
	"weir/provision/machine"
	"weir/provision/problem"
	"weir/provision/process"
	"weir/provision/zookeeper"
)

// Found is a cluster as it runs, in the terms in which weir declares one.
type Found struct {
	// Addresses is how the machines' servers reach each other, by machine.
	Addresses map[string]string
	// ZooKeeper and Kafka declare the cluster as it is, without a release.
	ZooKeeper zookeeper.Spec
	Kafka     kafka.Spec
	// ClusterID is Kafka's own.
	ClusterID string
	// Servers are the processes that will be taken the place of.
	Servers []Server
	// Different is what will not be as before, for a person to agree to.
	Different []string
}

// Server is a process, the machine that it runs on and its data directory.
type Server struct {
	Machine string
	process.Java
	Data string
	// settings are those of its file.
	settings map[string]string
}

// Judge makes one cluster of what the machines said. Where there are problems,
// each names a machine or a setting, what was found and what to do; the cluster
// must not be taken over then.
func Judge(machines []Machine) (Found, problem.List) {
	j := judge{machines: map[string]Machine{}, found: Found{Addresses: map[string]string{}}}
	for _, m := range machines {
		j.names = append(j.names, m.Name)
		j.machines[m.Name] = m
		j.machine(m)
	}
	members, brokers := j.servers(zookeeper.Main), j.servers(kafka.Main)
	if len(members) == 0 || len(brokers) == 0 {
		j.missing(len(members) == 0, len(brokers) == 0)
		return j.found, j.problems
	}
	if j.tooOld(brokers); len(j.problems) > 0 {
		return j.found, j.problems // what follows would only repeat it
	}
	j.ensemble(members)
	j.brokers(brokers, members)
	j.found.Servers = slices.Concat(members, brokers)
	j.addresses(members)
	j.ensembleSettings(members)
	j.brokerSettings(brokers)
	j.release(members, brokers)
	if len(j.problems) == 0 {
		j.problems = append(j.problems, zookeeper.Validate(j.found.ZooKeeper)...)
		j.problems = append(j.problems, kafka.Validate(j.found.Kafka)...)
	}
	return j.found, j.problems
}

// judge collects while it goes.
type judge struct {
	names    []string // the machines, in their order
	machines map[string]Machine
	found    Found
	problems problem.List
	// lists are the members' server lines, by machine and id.
	lists map[string]map[int]peer
}

func (j *judge) add(at, format string, args ...any) { j.problems.Add(at, format, args...) }

func (j *judge) differs(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(j.found.Different, text) {
		j.found.Different = append(j.found.Different, text)
	}
}

// machine says what of one machine speaks against taking over anything there.
func (j *judge) machine(m Machine) {
	if m.Owner != "" {
		j.add(m.Name, "belongs to cluster %q already: go on with ops up in its stack, or take it out of that cluster first", m.Owner)
	}
	units := map[string]bool{}
	for _, s := range m.Servers {
		switch {
		case s.Unit != "" && units[s.Unit]:
			j.add(m.Name, "%s runs both of its servers, and cannot be stopped for one: start each by hand or by a unit of its own, and run again", s.Unit)
		case s.Elsewhere:
			j.add(m.Name, "%s runs in a container of its own, with paths that are not the machine's: weir runs servers on the machine itself; move it there first", s)
		case s.UsersUnit:
			j.add(m.Name, "%s belongs to the service manager of user %s: start it by hand in its place first, so that nothing else starts it again (systemctl --user disable --now %[3]s)", s, s.User, s.Unit)
		}
		units[s.Unit] = true
	}
	for _, s := range m.Starters {
		unit := strings.TrimSuffix(path.Base(s.File), ".service") + ".service"
		if !slices.ContainsFunc(m.Servers, func(p process.Java) bool { return p.Unit == unit }) {
			j.add(m.Name, "%s would start a server again (%q): remove that line, or disable what runs it, and run again", s.File, s.Line)
		}
	}
}

func (j *judge) missing(members, brokers bool) {
	where := "on none of " + strings.Join(j.names, ", ")
	if members {
		j.add("zookeeper", "runs %s: start it, or name the machines that it runs on; brokers without ZooKeeper (KRaft) cannot be taken over", where)
	}
	if brokers {
		j.add("kafka", "runs %s: start the brokers, or name their machines", where)
	}
}

// servers are the processes of a kind, one a machine, with their settings.
func (j *judge) servers(main string) []Server {
	var found []Server
	for _, name := range j.names {
		first := ""
		for _, p := range j.machines[name].Servers {
			if p.Main != main || p.Elsewhere {
				continue
			}
			if first != "" {
				j.add(name, "runs %s beside %s: weir runs one of a kind on a machine", p, first)
				continue
			}
			first = p.String()
			settings, err := p.Settings()
			switch {
			case p.Config == "":
				j.add(name, "%s: its file %q cannot be read", p, p.ConfigFile())
			case err != nil:
				j.add(name, "%s: %v", p, err)
			default:
				found = append(found, Server{Machine: name, Java: p, settings: settings})
			}
		}
	}
	return found
}

// agreed is the value that all servers have; byDefault stands for one that is
// not set. Those that differ are a problem, as weir has one for all.
func (j *judge) agreed(what string, servers []Server, key, byDefault string) string {
	values := map[string]string{}
	for _, s := range servers {
		values[s.Machine] = cmp.Or(s.settings[key], byDefault)
	}
	return j.same(what+" "+key, values)
}

// same is the one value of all machines, or a problem and the first machine's.
func (j *judge) same(what string, values map[string]string) string {
	names := slices.Sorted(maps.Keys(values))
	var shown []string
	for _, n := range names {
		shown = append(shown, fmt.Sprintf("%q on %s", values[n], n))
	}
	for _, n := range names {
		if values[n] != values[names[0]] {
			j.add(what, "is %s: weir has one for all of them; make them alike, restart those servers, and run again", strings.Join(shown, ", "))
			break
		}
	}
	if len(names) == 0 {
		return ""
	}
	return values[names[0]]
}

// data checks that a server's directory can be handed to the service's user.
func (j *judge) data(s *Server, key, value string) {
	at, dir := s.Machine, s.Absolute(value)
	switch d := j.machines[s.Machine].Data[dir]; {
	case value == "":
		j.add(at, "%s has no %s", s.ConfigFile(), key)
	case strings.Contains(value, ","):
		j.add(at, "%s names several directories (%s): weir keeps the data of a server in one", key, value)
	case d.Kind == "":
		j.add(at, "%s names %s, which is not there", key, dir)
	case d.Kind != "directory":
		j.add(at, "%s names %s, which is a %s: write the directory itself, restart that server, and run again", key, dir, d.Kind)
	case d.Home:
		j.add(at, "%s names %s, which is a user's home directory: all in it would be handed over; move the data to a directory of its own", key, dir)
	case d.Closed != "":
		j.add(at, "%s names %s, and other users may not enter %s: chmod o+x %[3]s, as the service runs as a user of its own", key, dir, d.Closed)
	}
	s.Data = dir
}

// others are the settings that have no place of their own: those in which the
// servers differ from what weir writes. defaults are what they run with where
// their file says nothing.
func (j *judge) others(what string, servers []Server, written, defaults map[string]string, placed, refused func(key string) bool) map[string]string {
	keys := slices.Collect(maps.Keys(written))
	for _, s := range servers {
		for key := range s.settings {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	own := map[string]string{}
	for _, key := range slices.Compact(keys) {
		switch {
		case placed(key):
			continue
		case refused(key):
			j.add(what+" "+key, "is set, and weir cannot keep what it stands for: a cluster that needs it cannot be taken over")
			continue
		}
		value := j.agreed(what, servers, key, defaults[key])
		if ours, known := written[key]; !known || ours != value {
			if value != "" {
				own[key] = value
			} else if known {
				j.differs("%s: %s is set to %s", what, key, ours)
			}
		}
	}
	return own
}

// contents are the settings of the file that a component would write.
func contents(states map[string]machine.State, err error, file string) map[string]string {
	for _, s := range states {
		for _, f := range s.Files {
			if path.Base(f.Path) == file && err == nil {
				settings, _ := parseProperties(f.Content)
				return settings
			}
		}
	}
	return nil
}

// hostName is a name that may be asked for; an address is none.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$`)

// sameHost says that two names are one host's, as a machine sees them.
func (j *judge) sameHost(machine, a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	ip := func(name string) string {
		if a, err := netip.ParseAddr(name); err == nil {
			return a.Unmap().String()
		}
		return j.machines[machine].Names[name]
	}
	return ip(a) != "" && ip(a) == ip(b)
}

// at is a layout with only the data directory set.
func at(dir string) layout.Layout { return layout.Layout{DataDir: dir} }
