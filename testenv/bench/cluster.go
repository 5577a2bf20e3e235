package main

import (
	"fmt"
	"runtime"
	"strings"

	"weir/provision/fleet"
	"weir/provision/host"
	"weir/provision/kafka"
	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/zookeeper"
	"weir/testenv"
)

// cluster is what both sides of a comparison make of three bare machines:
// ZooKeeper, Kafka and a topic, no jobs.
type cluster struct {
	machines []testenv.Machine
	// digest is the release's; what is on disk is known by it.
	digest string
	// retention is the value of the one line of server.properties that a roll
	// changes: of one that a broker reads when it starts, and only then.
	retention int
	// jvmOptions are those of all virtual machines; without any, they run as the
	// start scripts have them run.
	jvmOptions string
}

// What is declared of every cluster here. Where an installation or a roll is measured,
// the virtual machines are told to start quickly, as the local stack's are, on both
// sides alike.
const (
	zooKeeperHeap  = "256m"
	kafkaHeap      = "512m"
	quickStart     = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
	topicName      = "user-behavior-topic"
	retentionKey   = "offsets.retention.minutes"
	firstRetention = 10080
)

func (c cluster) topic() kafka.Topic {
	return kafka.Topic{Name: topicName, Partitions: 3, ReplicationFactor: 3}
}

// config is the stack's, for machines that somebody else made.
func (c cluster) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "config:\n  weir:cluster:\n    name: %s\n    machines:\n", stack)
	for _, m := range c.machines {
		fmt.Fprintf(&b, "      - {name: %s, address: %s, hostKey: %q}\n", m.Name, m.Address, m.HostKey)
	}
	fmt.Fprintf(&b, "    ssh: {user: root, privateKeyFile: %q}\n", c.machines[0].PrivateKeyFile)
	fmt.Fprintf(&b, "    zookeeper: {heap: %s, jvmOptions: %q}\n", zooKeeperHeap, c.jvmOptions)
	fmt.Fprintf(&b, "    kafka: {heap: %s, jvmOptions: %q, config: {%s: \"%d\"}}\n", kafkaHeap, c.jvmOptions, retentionKey, c.retention)
	t := c.topic()
	fmt.Fprintf(&b, "    topics:\n      - {name: %s, partitions: %d, replicationFactor: %d}\n", t.Name, t.Partitions, t.ReplicationFactor)
	return b.String()
}

func (c cluster) release(component string) machine.Release {
	return machine.Release{Name: kafka.ReleaseName, Version: kafka.DefaultVersion, Digest: c.digest, Root: "/opt/weir/" + component}
}

func (c cluster) ensemble() zookeeper.Spec {
	s := zookeeper.Spec{Cluster: stack, Heap: zooKeeperHeap, JVMOptions: c.jvmOptions, Release: c.release(zookeeper.Component)}
	for i, m := range c.machines {
		s.Members = append(s.Members, zookeeper.Member{Machine: m.Name, ID: i + 1, Address: m.Address})
	}
	return s.WithDefaults()
}

func (c cluster) brokers() kafka.Spec {
	s := kafka.Spec{
		Cluster: stack, Heap: kafkaHeap, JVMOptions: c.jvmOptions, Release: c.release(kafka.Component),
		ZooKeeper: c.ensemble().Connect(), Config: map[string]string{retentionKey: fmt.Sprint(c.retention)},
	}
	for i, m := range c.machines {
		s.Brokers = append(s.Brokers, kafka.Broker{Machine: m.Name, ID: int32(i), Address: m.Address, After: []string{zookeeper.Unit}})
	}
	return s.WithDefaults()
}

// component is what one component wants of each of its machines.
type component = map[string]fleet.Target

// components are the host's part of every machine, the ensemble and the
// brokers: what the program declares for the same config.
func (c cluster) components() ([]component, error) {
	ensemble, err := zookeeper.States(c.ensemble())
	if err != nil {
		return nil, err
	}
	brokers, err := kafka.States(c.brokers())
	if err != nil {
		return nil, err
	}
	hosts := map[string]machine.State{}
	for _, m := range c.machines {
		hosts[m.Name] = host.State(host.Spec{Cluster: stack, Machine: m.Name, Architecture: runtime.GOARCH, Java: true})
	}
	var all []component
	for _, states := range []map[string]machine.State{hosts, ensemble, brokers} {
		targets := component{}
		for _, m := range c.machines {
			targets[m.Name] = fleet.Target{Host: reached(m), State: states[m.Name]}
		}
		all = append(all, targets)
	}
	return all, nil
}

// reached is how a machine is reached over SSH.
func reached(m testenv.Machine) remote.Host {
	return remote.Host{Name: m.Name, Address: m.Address, User: "root", PrivateKeyFile: m.PrivateKeyFile, HostKey: m.HostKey}
}
