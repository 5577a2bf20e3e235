package kafka

import (
	"maps"
	"slices"

	"github.com/IBM/sarama"
)

// Feature is something that some versions of Kafka can do and others cannot.
// Settings and checks name the features that they need, so that a version is a
// row in a table and not a branch in the code.
type Feature uint32

// The features that tell versions apart.
const (
	// ZooKeeperMode: brokers register in ZooKeeper (up to 3.9).
	ZooKeeperMode Feature = 1 << iota
	// KRaftMode: controllers keep the metadata (production since 3.3).
	KRaftMode
	// Listeners: listeners= instead of port= and host.name= (KIP-2, 0.9).
	Listeners
	// NamedListeners: listener.security.protocol.map (KIP-103, 0.10.2).
	NamedListeners
	// BrokerClients: clients and tools need only the brokers, bootstrap.servers (0.9).
	BrokerClients
	// Compaction: the log cleaner runs without being asked for (KAFKA-2238, 0.9.0.1).
	Compaction
	// Timestamps: records carry a time (KIP-32, 0.10).
	Timestamps
	// AdminProtocol: topics are created, described and deleted by request (KIP-4, 0.10.1).
	AdminProtocol
	// Transactions: idempotent and transactional producers, record headers (KIP-98, KIP-82, 0.11).
	Transactions
	// IncrementalConfig: single topic settings are changed by request (KIP-339, 2.3).
	IncrementalConfig
	// ElectLeaders: a preferred election is asked for by request (KIP-460, 2.4).
	ElectLeaders
	// CappedMinISR: a min.insync.replicas above a partition's replicas asks for no
	// more than there are (KAFKA-15583, 3.7); before, it refuses writes.
	CappedMinISR
)

// Has says that all features of need are among f.
func (f Feature) Has(need Feature) bool { return f&need == need }

// Version is what one version of Kafka can do.
type Version struct {
	// Name is Apache's, "3.9.2".
	Name     string
	Features Feature
	// Dynamic are the broker settings that take effect without a restart.
	Dynamic []string
	// Protocol is what sarama is told.
	Protocol sarama.KafkaVersion
	// Negotiates says that brokers tell their request versions (KIP-35, 0.10).
	Negotiates bool
}

const (
	features0_8 = ZooKeeperMode
	features3_9 = ZooKeeperMode | KRaftMode | Listeners | NamedListeners | BrokerClients | Compaction | Timestamps |
		AdminProtocol | Transactions | IncrementalConfig | ElectLeaders | CappedMinISR
)

// versions are those that weir writes configuration for.
var versions = map[string]Version{
	"0.8.2.1": {Name: "0.8.2.1", Features: features0_8, Protocol: sarama.V0_8_2_1},
	"3.9.2":   {Name: "3.9.2", Features: features3_9, Dynamic: dynamic3, Protocol: sarama.V3_9_2_0, Negotiates: true},
}

// InSync is how many of a partition's replicas must be in sync for an acks=all
// write, where min.insync.replicas is minISR.
func (v Version) InSync(minISR, replicas int) int {
	if v.Features.Has(CappedMinISR) {
		return min(minISR, replicas)
	}
	return minISR
}

// LookUp returns what the named version can do; ok is false where weir does
// not know it.
func LookUp(name string) (v Version, ok bool) {
	v, ok = versions[name]
	return v, ok
}

// Assume returns what the named version can do; one that weir does not know is
// taken for DefaultVersion.
func Assume(name string) Version {
	if v, ok := LookUp(name); ok {
		return v
	}
	return versions[DefaultVersion]
}

// Supported returns the names of the versions weir knows, sorted.
func Supported() []string { return slices.Sorted(maps.Keys(versions)) }
