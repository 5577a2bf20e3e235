// Package kafka turns the description of a Kafka cluster into machine states,
// and asks a running cluster how it is and whether a broker may be stopped.
//
// [States] is pure: the same spec gives the same states. [Admin] speaks
// Kafka's protocol through any dialer; what it saw is a [View], a plain value,
// and every judgement is made on that.
//
// Limits: brokers register in ZooKeeper and listeners are plaintext; the types
// leave room for both to change.
package kafka

import (
	"strings"

	"weir/provision/address"
	"weir/provision/layout"
	"weir/provision/machine"
)

// Unit is the name of the service on every broker's machine.
const Unit = "weir-kafka.service"

// Main is the main class of a broker.
const Main = "kafka.Kafka"

// Component is what the machine's manifest calls the brokers' part.
const Component = "kafka"

// DefaultVersion is the last that runs with ZooKeeper, as the article's does.
const DefaultVersion = "3.9.2"

// Plaintext is the security protocol without encryption or authentication.
const Plaintext = "PLAINTEXT"

// Spec describes a cluster's brokers. Fields that are zero take the defaults named.
type Spec struct {
	// Cluster owns the machines.
	Cluster string
	// Version is Kafka's (DefaultVersion); see Supported.
	Version string
	Brokers []Broker
	// ZooKeeper are the ensemble's client addresses, host:port; Chroot is the
	// path below which this cluster keeps everything ("/kafka"), empty for none.
	ZooKeeper []string
	Chroot    string
	// Listeners are what every broker listens on (one, PLAINTEXT on 9092). The
	// brokers use the first among themselves, and so do jobs.
	Listeners []Listener
	// Heap is the virtual machine's heap, "512m"; empty lets the start script
	// size it from the machine's memory.
	Heap string
	// JVMOptions take the place of the start script's own choice of collector
	// and compiler, words that begin with -XX, apart by spaces; empty keeps it.
	JVMOptions string

	// Release holds bin/kafka-server-start.sh.
	Release machine.Release
	Layout  layout.Layout
	// Config is merged into server.properties; keys that have a field here are
	// refused.
	Config map[string]string
	// Plain keeps out of server.properties, producer.properties and
	// consumer.properties what is neither the article's nor in Config: all else is
	// as Kafka has it by default.
	Plain bool
	// Adopt lets each broker take the place of one that somebody started by hand
	// on the same data directory.
	Adopt bool
}

// Broker is one broker.
type Broker struct {
	Machine string
	// ID is its broker.id, 0 or more, unique; its data carries it for ever.
	ID int32
	// Address is how the other brokers and the clients reach it, without a port.
	Address string
	// Bind is the local address to listen on where it is not Address, as behind
	// address translation ("0.0.0.0").
	Bind string
	// After are units of the same machine that start before it, as ZooKeeper's.
	After []string
}

// Listener is one way into every broker.
type Listener struct {
	// Name is unique, in capital letters.
	Name string
	// Protocol is the security protocol; Plaintext for now.
	Protocol string
	Port     int
}

// WithDefaults returns the spec with every field set that has a default.
func (s Spec) WithDefaults() Spec {
	if s.Version == "" {
		s.Version = DefaultVersion
	}
	if len(s.Listeners) == 0 {
		s.Listeners = []Listener{{Name: Plaintext, Protocol: Plaintext, Port: 9092}}
	}
	s.Layout = s.Layout.Or(layout.Default(Component))
	return s
}

// Bootstrap returns the brokers' client addresses, host:port, in their order.
func (s Spec) Bootstrap() []string {
	s = s.WithDefaults()
	addrs := make([]string, len(s.Brokers))
	for i, b := range s.Brokers {
		addrs[i] = address.WithPort(b.Address, s.Listeners[0].Port)
	}
	return addrs
}

// Open says that some listener neither encrypts nor asks who is there: whoever
// reaches its port may read and write everything. People are told so.
func (s Spec) Open() bool {
	for _, l := range s.WithDefaults().Listeners {
		if l.Protocol == Plaintext {
			return true
		}
	}
	return false
}

// MinInsyncReplicas is the broker default of min.insync.replicas: two copies
// of what was acknowledged where a third may be lost, else one, as two of two
// would make every restart an outage.
//
// A plain server.properties leaves it at Kafka's own, one.
func (s Spec) MinInsyncReplicas() int {
	if s.Plain {
		return 1
	}
	return max(1, s.replicas()-1)
}

// replicas is the default replication factor: three where there are as many brokers.
func (s Spec) replicas() int { return min(3, len(s.Brokers)) }

// ConfigFile is the path of server.properties on every machine.
func (s Spec) ConfigFile() string {
	return s.WithDefaults().Layout.ConfigDir + "/server.properties"
}

// connect is zookeeper.connect.
func (s Spec) connect() string { return strings.Join(s.ZooKeeper, ",") + s.Chroot }
