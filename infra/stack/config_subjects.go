package stack

import (
	"cmp"
	"fmt"
	"net"
	"strconv"

	"weir/provision/host"
	"weir/provision/job"
	"weir/provision/kafka"
	"weir/provision/layout"
	"weir/provision/machine"
	"weir/provision/preflight"
	"weir/provision/zookeeper"
)

// Subjects are the machines with what they are to become, in their order, for a
// preflight: without the digests of releases, which are known only once the
// software is, and matter to no check. root is the project's directory.
func (c Config) Subjects(root string) ([]preflight.Subject, error) {
	ensemble, err := c.zookeeperStates()
	if err != nil {
		return nil, err
	}
	brokers, err := c.kafkaStates()
	if err != nil {
		return nil, err
	}
	subjects := make([]preflight.Subject, len(c.Machines))
	for i, m := range c.Machines {
		s := preflight.Subject{Host: c.Host(root, m), Address: m.Address, Made: m.Container, States: []machine.State{c.hostState(m)}}
		for _, states := range []map[string]machine.State{ensemble, brokers} {
			if state, ok := states[m.Name]; ok {
				s.States = append(s.States, state)
			}
		}
		for j, declared := range c.Jobs {
			if declared.Machine != m.Name {
				continue
			}
			state, err := c.jobState(j)
			if err != nil {
				return nil, fmt.Errorf("job %s: %w", declared.Name, err)
			}
			s.States = append(s.States, state)
		}
		subjects[i] = s
	}
	return subjects, nil
}

func (c Config) hostState(m Machine) machine.State {
	return host.State(host.Spec{Cluster: c.Name, Machine: m.Name, Architecture: m.architecture(), Java: c.Java.Wanted(), OS: c.OS.host()})
}

func (c Config) zookeeperStates() (map[string]machine.State, error) {
	z := c.ZooKeeper
	if z == nil {
		return nil, nil
	}
	spec := zookeeper.Spec{
		Cluster: c.Name, ClientPort: z.ClientPort, PeerPort: z.PeerPort, ElectionPort: z.ElectionPort,
		TickTime: z.TickTime, InitLimit: z.InitLimit, SyncLimit: z.SyncLimit, Adopt: z.Adopt,
		Heap: z.Heap, JVMOptions: z.JVMOptions, Config: z.Config,
		Layout: layout.Layout{DataDir: z.DataDir}, Release: c.kafkaRelease(zookeeper.Component),
	}
	for _, m := range c.Machines {
		if id, ok := z.Members[m.Name]; ok {
			spec.Members = append(spec.Members, zookeeper.Member{Machine: m.Name, ID: id, Address: m.Address})
		}
	}
	return zookeeper.States(spec)
}

func (c Config) kafkaStates() (map[string]machine.State, error) {
	k := c.Kafka
	if k == nil {
		return nil, nil
	}
	spec := kafka.Spec{
		Cluster: c.Name, Version: k.Version, Chroot: k.Chroot, Adopt: k.Adopt,
		Heap: k.Heap, JVMOptions: k.JVMOptions, Config: k.Config,
		Listeners: []kafka.Listener{{Name: kafka.Plaintext, Protocol: kafka.Plaintext, Port: k.Port}},
		Layout:    layout.Layout{DataDir: k.DataDir}, Release: c.kafkaRelease(kafka.Component),
	}
	for _, m := range c.Machines {
		_, member := c.ZooKeeper.Members[m.Name]
		if member {
			spec.ZooKeeper = append(spec.ZooKeeper, net.JoinHostPort(m.Address, strconv.Itoa(c.ZooKeeper.ClientPort)))
		}
		if id, ok := k.Brokers[m.Name]; ok {
			broker := kafka.Broker{Machine: m.Name, ID: id, Address: m.Address, Bind: k.Bind}
			if member {
				broker.After = []string{zookeeper.Unit}
			}
			spec.Brokers = append(spec.Brokers, broker)
		}
	}
	return kafka.States(spec)
}

// kafkaRelease is where a component's release lives. Which it is follows from its
// lock; of an archive that would have to be fetched it is left out.
func (c Config) kafkaRelease(component string) machine.Release {
	r := machine.Release{Name: kafka.ReleaseName, Root: "/opt/weir/" + component}
	if c.Kafka != nil {
		r.Version = cmp.Or(c.Kafka.Version, kafka.DefaultVersion)
		if lock, err := c.KafkaRelease(); err == nil && c.Kafka.Release == nil {
			r.Digest, _ = lock.Digest() // without it the release is not looked for
		}
	}
	return r
}

func (c Config) jobState(index int) (machine.State, error) {
	j := c.Jobs[index]
	return job.State(job.Spec{
		Cluster: c.Name, Name: j.Name, Machine: j.Machine, Binary: "bin/weir-" + j.Kind,
		Release: machine.Release{Name: "job-" + j.Name, Root: "/opt/weir/jobs/" + j.Name}, Ports: []int{metricsPort(index)},
	})
}
