// Package zookeeper turns the description of a ZooKeeper ensemble into machine
// states, and tells whether a running ensemble is sound.
//
// [States] is pure: the same spec gives the same states. [Ensemble] asks the
// members with four-letter words, which need no session and no library.
//
// Limits: static membership (no dynamic reconfiguration), no authentication.
package zookeeper

import (
	"weir/provision/address"
	"weir/provision/layout"
	"weir/provision/machine"
)

// Unit is the name of the service on every member's machine.
const Unit = "weir-zookeeper.service"

// Main is the main class of a member.
const Main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"

// Component is what the machine's manifest calls the ensemble's part.
const Component = "zookeeper"

// Spec describes an ensemble. Fields that are zero take the defaults named.
type Spec struct {
	// Cluster owns the machines.
	Cluster string
	// Members are the ensemble's servers, one a machine.
	Members []Member

	// ClientPort serves clients (2181); PeerPort followers (2888); ElectionPort
	// elections (3888).
	ClientPort, PeerPort, ElectionPort int
	// TickTime is the basic time unit in milliseconds (2000).
	TickTime int
	// InitLimit is how many ticks a follower may take to connect and sync (5),
	// SyncLimit how many it may lag behind (2).
	InitLimit, SyncLimit int
	// Heap is the virtual machine's heap, "256m"; empty lets the start script
	// size it from the machine's memory.
	Heap string
	// JVMOptions take the place of the start script's own choice of collector
	// and compiler, words that begin with -XX, apart by spaces; empty keeps it.
	JVMOptions string

	// Release holds bin/zookeeper-server-start.sh; Kafka's does.
	Release machine.Release
	Layout  layout.Layout
	// Config is merged into zookeeper.properties; keys that have a field here
	// are refused.
	Config map[string]string
	// Plain keeps out of zookeeper.properties what is neither the article's nor in
	// Config.
	Plain bool
	// Adopt lets each member take the place of one that somebody started by hand
	// on the same data directory.
	Adopt bool
}

// Member is one server of the ensemble.
type Member struct {
	Machine string
	// ID is its myid, 1 to 255, unique for the ensemble's lifetime.
	ID int
	// Address is how the other members and the clients reach it, without a port.
	Address string
}

// WithDefaults returns the spec with every field set that has a default.
func (s Spec) WithDefaults() Spec {
	for _, f := range []struct {
		field *int
		value int
	}{
		{&s.ClientPort, 2181}, {&s.PeerPort, 2888}, {&s.ElectionPort, 3888},
		{&s.TickTime, 2000}, {&s.InitLimit, 5}, {&s.SyncLimit, 2},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	s.Layout = s.Layout.Or(layout.Default(Component))
	return s
}

// Connect returns the members' client addresses, host:port, in their order:
// what Kafka's zookeeper.connect is made of.
func (s Spec) Connect() []string {
	s = s.WithDefaults()
	addrs := make([]string, len(s.Members))
	for i, m := range s.Members {
		addrs[i] = address.WithPort(m.Address, s.ClientPort)
	}
	return addrs
}

// ConfigFile is the path of zookeeper.properties on every machine.
func (s Spec) ConfigFile() string {
	return s.WithDefaults().Layout.ConfigDir + "/zookeeper.properties"
}
