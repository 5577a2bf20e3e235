package adopt

import (
	"cmp"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"weir/provision/properties"
	"weir/provision/zookeeper"
)

func parseProperties(text string) (map[string]string, error) { return properties.Parse(text) }

// peer is a line server.N=HOST:PEER:ELECTION.
type peer struct {
	host           string
	peer, election string
	rest           string // a role, or a client address (3.5)
}

// Defaults of ZooKeeper where its file says nothing, for what weir writes
// ("Configuration Parameters" in its administrator's guide).
var zookeeperDefaults = map[string]string{
	"tickTime": "3000", "autopurge.snapRetainCount": "3", "autopurge.purgeInterval": "0", "maxClientCnxns": "60", "admin.enableServer": "true",
}

func zookeeperPlaced(key string) bool {
	return strings.HasPrefix(key, "server.") || slices.Contains([]string{
		"dataDir", "clientPort", "tickTime", "initLimit", "syncLimit", "4lw.commands.whitelist",
	}, key)
}

// zookeeperRefused are settings that another way of running an ensemble needs.
func zookeeperRefused(key string) bool {
	if slices.Contains([]string{"dataLogDir", "dynamicConfigFile", "peerType", "clientPortAddress", "portUnification"}, key) {
		return true
	}
	return slices.ContainsFunc([]string{"group.", "weight.", "ssl.", "secureClientPort", "sslQuorum", "quorum.", "authProvider", "sasl"},
		func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

func (j *judge) ensemble(members []Server) {
	lists := map[string]map[int]peer{}
	for i := range members {
		m := &members[i]
		j.data(m, "dataDir", m.settings["dataDir"])
		lists[m.Machine] = j.peers(*m)
	}
	j.found.ZooKeeper = zookeeper.Spec{
		Cluster: "adopted", Adopt: true, Layout: at(j.dataDir("zookeeper dataDir", members)),
		ClientPort: j.number(members, "zookeeper", "clientPort", "2181"), TickTime: j.number(members, "zookeeper", "tickTime", zookeeperDefaults["tickTime"]),
		InitLimit: j.number(members, "zookeeper", "initLimit", "5"), SyncLimit: j.number(members, "zookeeper", "syncLimit", "2"),
	}
	j.found.ZooKeeper.Release.Root = "/opt/weir/zookeeper"
	j.membership(members, lists)
	j.lists = lists
}

// ensembleSettings is what is left once addresses are known.
func (j *judge) ensembleSettings(members []Server) {
	spec := &j.found.ZooKeeper
	states, err := zookeeper.States(*spec)
	spec.Config = j.others("zookeeper", members, contents(states, err, "zookeeper.properties"), zookeeperDefaults, zookeeperPlaced, zookeeperRefused)
	spec.Heap, spec.JVMOptions = j.jvm("zookeeper", members)
	for _, m := range members {
		if words := m.settings["4lw.commands.whitelist"]; words != "" {
			j.differs("ZooKeeper answers the commands conf, mntr, ruok and srvr, instead of %s", words)
		}
		for _, z := range spec.Members {
			// The gates compare the lists of members that tell theirs.
			if host := j.lists[m.Machine][z.ID].host; host != "" && host != z.Address && tellsList(m) {
				j.add(m.Machine, "server.%d is %s there and will be %s: members that show their lists (4lw.commands.whitelist) must agree all the way; write %[3]s in every list, restart the members, and run again",
					z.ID, host, z.Address)
			}
		}
	}
}

// tellsList says that a member answers conf with its list.
func tellsList(m Server) bool {
	return slices.ContainsFunc(strings.Split(m.settings["4lw.commands.whitelist"], ","), func(w string) bool {
		return strings.TrimSpace(w) == "*" || strings.TrimSpace(w) == "conf"
	})
}

// peers reads a member's server lines.
func (j *judge) peers(m Server) map[int]peer {
	list := map[int]peer{}
	for _, key := range slices.Sorted(maps.Keys(m.settings)) {
		number, ok := strings.CutPrefix(key, "server.")
		if !ok {
			continue
		}
		id, err := strconv.Atoi(number)
		p, well := parsePeer(m.settings[key])
		switch {
		case err != nil || !well:
			j.add(m.Machine, "%s=%s is no member as weir writes one: HOST:PORT:PORT", key, m.settings[key])
			continue
		case strings.Contains(m.settings[key], ";"):
			j.add(m.Machine, "%s has a client address behind the semicolon: write clientPort instead, restart the members, and run again", key)
		case p.rest == "observer":
			j.add(m.Machine, "%s is an observer: weir runs participants alone", key)
		}
		list[id] = p
	}
	return list
}

// parsePeer reads HOST:PEER:ELECTION, behind which there may be :ROLE and, after
// a semicolon, the client address. An IPv6 address stands in brackets.
func parsePeer(text string) (peer, bool) {
	text, _, _ = strings.Cut(text, ";")
	host, rest, ok := strings.Cut(text, ":")
	if inside, after, bracketed := strings.Cut(strings.TrimPrefix(text, "["), "]:"); bracketed {
		host, rest = inside, after
	}
	ports := strings.Split(rest, ":")
	if !ok || host == "" || len(ports) < 2 || len(ports) > 3 {
		return peer{}, false
	}
	p := peer{host: strings.ToLower(host), peer: ports[0], election: ports[1]}
	if len(ports) == 3 {
		p.rest = ports[2]
	}
	return p, true
}

// membership finds out who the members are: every one in the lists, each with
// the id that its data carries, and every list the same.
func (j *judge) membership(members []Server, lists map[string]map[int]peer) {
	z := &j.found.ZooKeeper
	if len(members) == 1 && len(lists[members[0].Machine]) < 2 {
		m := members[0]
		id, _ := strconv.Atoi(cmp.Or(j.machines[m.Machine].Data[m.Data].MyID, "1"))
		z.Members = []zookeeper.Member{{Machine: m.Machine, ID: id, Address: lists[m.Machine][id].host}}
		return
	}
	byID, peers, elections := map[int]string{}, map[string]string{}, map[string]string{}
	for _, m := range members {
		id, ok := j.myID(m, lists[m.Machine])
		if other := byID[id]; ok && other != "" {
			j.add(m.Machine, "has the myid %d, as has %s: an ensemble cannot run like that; mend it first", id, other)
			continue
		} else if !ok {
			continue
		}
		byID[id] = m.Machine
		own := lists[m.Machine][id]
		peers[m.Machine], elections[m.Machine] = own.peer, own.election
		z.Members = append(z.Members, zookeeper.Member{Machine: m.Machine, ID: id, Address: j.listed(m, id, members, lists)})
	}
	z.PeerPort, z.ElectionPort = atoi(j.same("zookeeper peer port", peers)), atoi(j.same("zookeeper election port", elections))
	j.sameLists(members, byID, lists)
}

// myID is the id that the member's data carries, which must be in its list.
func (j *judge) myID(m Server, list map[int]peer) (int, bool) {
	text := j.machines[m.Machine].Data[m.Data].MyID
	id, err := strconv.Atoi(text)
	switch {
	case text == "":
		j.add(m.Machine, "%s has no file myid: a member of an ensemble has one", m.Data)
	case err != nil:
		j.add(m.Machine, "%s/myid holds %q, which is no id", m.Data, text)
	case list[id] == peer{}:
		j.add(m.Machine, "%s/myid is %d, and %s has no server.%[2]d: it was changed since the member started; correct it", m.Data, id, m.ConfigFile())
	default:
		return id, true
	}
	return id, false
}

// listed is how the others reach a member. Its own list may have the unspecified
// address there, which listens on all.
func (j *judge) listed(m Server, id int, members []Server, lists map[string]map[int]peer) string {
	own := lists[m.Machine][id].host
	if !wildcard(own) {
		return own
	}
	for _, other := range members {
		if host := lists[other.Machine][id].host; host != "" && !wildcard(host) {
			return host
		}
	}
	return own
}

// sameLists finds lists that differ, and ids that nobody has.
func (j *judge) sameLists(members []Server, byID map[int]string, lists map[string]map[int]peer) {
	for _, m := range members {
		for _, id := range slices.Sorted(maps.Keys(lists[m.Machine])) {
			host := lists[m.Machine][id].host
			if byID[id] == "" {
				j.add(m.Machine, "server.%d is %s, and no machine that was named has that myid: name that machine too, or take it out of the ensemble", id, host)
			} else if !wildcard(host) && !slices.ContainsFunc(j.found.ZooKeeper.Members, func(z zookeeper.Member) bool { return z.ID == id && j.sameHost(m.Machine, host, z.Address) }) {
				j.add(m.Machine, "server.%d is %s there, and another host in the list of %s: correct it, restart that member, and run again", id, host, byID[id])
			}
		}
		if missing := len(byID) - len(lists[m.Machine]); missing > 0 {
			j.add(m.Machine, "%s lists %d members, and %d run: this is not one ensemble", m.ConfigFile(), len(lists[m.Machine]), len(byID))
		}
	}
}

func wildcard(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }

// dataDir is the one data directory of all servers.
func (j *judge) dataDir(what string, servers []Server) string {
	dirs := map[string]string{}
	for _, s := range servers {
		dirs[s.Machine] = s.Data
	}
	return j.same(what, dirs)
}

// number is a setting that all servers agree on.
func (j *judge) number(servers []Server, what, key, byDefault string) int {
	text := j.agreed(what, servers, key, byDefault)
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		j.add(what+" "+key, "is %q, which is no number above 0", text)
	}
	return n
}

// atoi is a port of a list; what is none is refused as such later.
func atoi(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}

// hostsIn are the names of hosts in a server's settings.
func hostsIn(settings map[string]string) []string {
	var names []string
	for key, value := range settings {
		switch {
		case strings.HasPrefix(key, "server."):
			if p, ok := parsePeer(value); ok {
				names = append(names, p.host)
			}
		case key == "zookeeper.connect":
			list, _, _ := strings.Cut(value, "/")
			for address := range strings.SplitSeq(list, ",") {
				if host, _, err := net.SplitHostPort(strings.TrimSpace(address)); err == nil {
					names = append(names, host)
				}
			}
		case key == "listeners" || key == "advertised.listeners":
			if l, ok := parseListener(value); ok {
				names = append(names, l.host)
			}
		case key == "host.name" || key == "advertised.host.name":
			names = append(names, value)
		}
	}
	return names
}
