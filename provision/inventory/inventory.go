// Package inventory says what a cluster consists of and how to reach it: the
// one description that the operator's tool works from, whether it comes from a
// Pulumi stack's outputs or from a file.
package inventory

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"

	"weir/provision/remote"
)

// Cluster is everything an operator's tool must know of a cluster.
type Cluster struct {
	Name      string     `json:"name"`
	Machines  []Machine  `json:"machines"`
	ZooKeeper *ZooKeeper `json:"zookeeper,omitempty"`
	Kafka     *Kafka     `json:"kafka,omitempty"`
	Topics    []Topic    `json:"topics,omitempty"`
	Jobs      []Job      `json:"jobs,omitempty"`
}

// Machine is a machine and how to reach it.
type Machine struct {
	Name string      `json:"name"`
	Host remote.Host `json:"host"`
	// Address is how the cluster's other machines reach it; SSH may go elsewhere.
	Address string `json:"address"`
}

// ZooKeeper is the ensemble.
type ZooKeeper struct {
	// Members maps machine names to their myid, 1 to 255.
	Members    map[string]int `json:"members"`
	ClientPort int            `json:"clientPort"`
	Unit       string         `json:"unit"`
	DataDir    string         `json:"dataDir"`
	ConfigFile string         `json:"configFile"`
}

// Kafka is the brokers.
type Kafka struct {
	Version string `json:"version"`
	// ClusterID is Kafka's own, where it is known: brokers that have another one
	// are another cluster's.
	ClusterID string `json:"clusterId,omitempty"`
	// Brokers maps machine names to broker ids.
	Brokers map[string]int32 `json:"brokers"`
	// Port is the client listener's.
	Port int    `json:"port"`
	Unit string `json:"unit"`
	// Home is the current release's directory: its bin holds the kafka-*.sh.
	Home       string `json:"home"`
	ConfigFile string `json:"configFile"`
	DataDir    string `json:"dataDir"`
	// Chroot is the path in ZooKeeper below which the cluster keeps everything.
	Chroot string `json:"chroot,omitempty"`
	// MinInsyncReplicas is the broker default.
	MinInsyncReplicas int `json:"minInsyncReplicas"`
}

// Topic is a declared topic.
type Topic struct {
	Name              string            `json:"name"`
	Partitions        int32             `json:"partitions"`
	ReplicationFactor int16             `json:"replicationFactor"`
	Config            map[string]string `json:"config,omitempty"`
}

// Job is a program deployed on a machine.
type Job struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // "producer", "popularity"
	Machine string `json:"machine"`
	Unit    string `json:"unit"`
	// Topic is the input of a calculator, the output of a producer.
	Topic           string `json:"topic"`
	SnapshotTopic   string `json:"snapshotTopic,omitempty"`
	DeadLetterTopic string `json:"deadLetterTopic,omitempty"`
	// MetricsAddress is host:port of the Prometheus page, as seen on its machine.
	MetricsAddress string `json:"metricsAddress,omitempty"`
	// IntervalSeconds is how often a calculator publishes.
	IntervalSeconds float64 `json:"intervalSeconds,omitempty"`
}

// Machine returns the machine of that name.
func (c Cluster) Machine(name string) (Machine, error) {
	for _, m := range c.Machines {
		if m.Name == name {
			return m, nil
		}
	}
	return Machine{}, fmt.Errorf("cluster %s has no machine %q", c.Name, name)
}

// ZooKeeperConnect returns the members' client addresses, host:port, in the order
// of Machines.
func (c Cluster) ZooKeeperConnect() []string {
	if c.ZooKeeper == nil {
		return nil
	}
	var addrs []string
	for _, m := range c.Machines {
		if _, ok := c.ZooKeeper.Members[m.Name]; ok {
			addrs = append(addrs, net.JoinHostPort(m.Address, strconv.Itoa(c.ZooKeeper.ClientPort)))
		}
	}
	return addrs
}

// Bootstrap returns the brokers' client addresses, host:port, in the order of Machines.
func (c Cluster) Bootstrap() []string {
	if c.Kafka == nil {
		return nil
	}
	var addrs []string
	for _, m := range c.Machines {
		if _, ok := c.Kafka.Brokers[m.Name]; ok {
			addrs = append(addrs, net.JoinHostPort(m.Address, strconv.Itoa(c.Kafka.Port)))
		}
	}
	return addrs
}

// Rebase makes the relative paths of the way to each machine relative to dir.
func (c *Cluster) Rebase(dir string) {
	c.eachHost(func(h *remote.Host) {
		for _, path := range []*string{&h.PrivateKeyFile, &h.PassphraseFile, &h.KnownHosts} {
			if *path != "" && !filepath.IsAbs(*path) {
				*path = filepath.Join(dir, *path)
			}
		}
	})
}

// Secrets are all that the inventory holds, sorted, each once.
func (c *Cluster) Secrets() []string {
	var all []string
	c.eachHost(func(h *remote.Host) {
		for _, secret := range secrets(h) {
			if *secret != "" {
				all = append(all, *secret)
			}
		}
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// WithoutSecrets is the inventory without what must not be passed on, and the
// names of the machines, sorted, that cannot be reached without it.
func (c Cluster) WithoutSecrets() (public Cluster, bereft []string) {
	public = c
	public.Machines = slices.Clone(c.Machines)
	for i := range public.Machines {
		m := &public.Machines[i]
		for h := &m.Host; h != nil; h = h.Jump {
			if h.Jump != nil {
				jump := *h.Jump
				h.Jump = &jump
			}
			for _, secret := range secrets(h) {
				if *secret != "" && !slices.Contains(bereft, m.Name) {
					bereft = append(bereft, m.Name)
				}
				*secret = ""
			}
		}
	}
	slices.Sort(bereft)
	return public, bereft
}

// secrets are the fields of a Host that hold some.
func secrets(h *remote.Host) []*string {
	return []*string{&h.PrivateKey, &h.Passphrase, &h.Password, &h.SudoPassword}
}

func (c *Cluster) eachHost(do func(*remote.Host)) {
	for i := range c.Machines {
		for h := &c.Machines[i].Host; h != nil; h = h.Jump {
			do(h)
		}
	}
}
