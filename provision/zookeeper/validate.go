package zookeeper

import (
	"fmt"
	"strings"

	"weir/provision/address"
	"weir/provision/layout"
	"weir/provision/problem"
	"weir/provision/properties"
	"weir/provision/systemd"
)

// maxID is the largest myid; ZooKeeper keeps it in one byte of a session id.
const maxID = 255

// Validate returns everything that is wrong with the spec, in its order.
func Validate(s Spec) problem.List {
	s = s.WithDefaults()
	var p problem.List
	if s.Cluster == "" {
		p.Add("cluster", "is empty; write the cluster's name")
	}
	validateMembers(s.Members, &p)
	validatePorts(s, &p)
	for _, f := range []struct {
		path  string
		value int
	}{{"tickTime", s.TickTime}, {"initLimit", s.InitLimit}, {"syncLimit", s.SyncLimit}} {
		if f.value < 1 {
			p.Add(f.path, "%d is not a positive number", f.value)
		}
	}
	systemd.CheckJVMOptions("jvmOptions", s.JVMOptions, &p)
	systemd.CheckHeap("heap", s.Heap, &p)
	layout.CheckPath("release.root", s.Release.Root, &p)
	s.Layout.Validate("layout", &p)
	properties.Check("config", s.Config, instead, &p)
	return p
}

func validateMembers(members []Member, p *problem.List) {
	if len(members) == 0 {
		p.Add("members", "is empty; write at least one machine, and three to survive the loss of one")
	}
	machines, ids, addresses := map[string]int{}, map[int]int{}, map[string]int{}
	for i, m := range members {
		at := fmt.Sprintf("members[%d]", i)
		if m.Machine == "" {
			p.Add(at+".machine", "is empty; write the name of a machine")
		} else if first, taken := machines[m.Machine]; taken {
			p.Add(at+".machine", "%s is members[%d] already; a machine holds one member", m.Machine, first)
		} else {
			machines[m.Machine] = i
		}
		if m.ID < 1 || m.ID > maxID {
			p.Add(at+".id", "%d is not a myid; write a number from 1 to %d", m.ID, maxID)
		} else if first, taken := ids[m.ID]; taken {
			p.Add(at+".id", "%d is the id of members[%d] already; give each member its own", m.ID, first)
		} else {
			ids[m.ID] = i
		}
		if !address.Valid(m.Address) {
			p.Add(at+".address", "%q is not an address; write a DNS name or an IP address without a port", m.Address)
		} else if first, taken := addresses[m.Address]; taken {
			p.Add(at+".address", "%s is the address of members[%d] already; give each machine its own", m.Address, first)
		} else {
			addresses[m.Address] = i
		}
	}
}

func validatePorts(s Spec, p *problem.List) {
	taken := map[int]string{}
	for _, f := range []struct {
		path string
		port int
	}{{"clientPort", s.ClientPort}, {"peerPort", s.PeerPort}, {"electionPort", s.ElectionPort}} {
		switch first, twice := taken[f.port]; {
		case f.port < 1 || f.port > 65535:
			p.Add(f.path, "%d is not a port; write a number from 1 to 65535", f.port)
		case twice:
			p.Add(f.path, "%d is %s already; give each its own", f.port, first)
		}
		taken[f.port] = f.path
	}
}

// managed are the keys that weir sets, and what to use in their place.
var managed = map[string]string{
	"tickTime":               "use tickTime",
	"initLimit":              "use initLimit",
	"syncLimit":              "use syncLimit",
	"dataDir":                "use layout.dataDir",
	"clientPort":             "use clientPort",
	"dynamicConfigFile":      "use members; dynamic membership is not supported",
	"4lw.commands.whitelist": "leave it: the health checks need these commands",
}

// instead says what to write in place of a managed key; "" accepts the key.
func instead(key string) string {
	if strings.HasPrefix(key, "server.") {
		return "use members"
	}
	return managed[key]
}
