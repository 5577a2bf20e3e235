package stack

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"weir/provision/inventory"
	"weir/provision/job"
	"weir/provision/kafka"
	"weir/provision/layout"
	"weir/provision/machine"
	"weir/provision/remote"
	"weir/provision/zookeeper"
)

// Files of the machines that weir makes, in .weir/<cluster> below the project.
const (
	workDir        = ".weir"
	clientKeyFile  = "id_ed25519"
	knownHostsFile = "known_hosts"
)

// kafkaRoot is where Kafka's releases live on a machine.
const kafkaRoot = "/opt/weir/kafka"

// KeysDir is where the containers' keys and known_hosts are.
func (c Config) KeysDir(root string) string { return filepath.Join(root, workDir, c.Name) }

// Inventory is the cluster as an operator's tool sees it. It holds the secrets
// in the clear: keep it out of logs. root is the project's directory.
func (c Config) Inventory(root string) inventory.Cluster {
	inv := inventory.Cluster{Name: c.Name}
	for _, m := range c.Machines {
		inv.Machines = append(inv.Machines, inventory.Machine{Name: m.Name, Address: m.Address, Host: c.Host(root, m)})
	}
	inv.ZooKeeper, inv.Kafka = c.ensemble(), c.brokers()
	for _, t := range c.Topics {
		inv.Topics = append(inv.Topics, inventory.Topic{
			Name: t.Name, Partitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, Config: t.Config,
		})
	}
	for i, j := range c.Jobs {
		inv.Jobs = append(inv.Jobs, inventory.Job{
			Name: j.Name, Kind: j.Kind, Machine: j.Machine, Topic: j.Topic,
			SnapshotTopic: j.SnapshotTopic, DeadLetterTopic: j.DeadLetterTopic,
			Unit: job.Spec{Name: j.Name}.Unit(), MetricsAddress: metricsAddress(i),
			IntervalSeconds: time.Duration(j.Interval).Seconds(),
		})
	}
	return inv
}

// Host says how to reach a machine.
func (c Config) Host(root string, m Machine) remote.Host {
	if m.Container {
		return remote.Host{
			Name: m.Name, Address: m.Address, User: defaultSSHUser, Port: defaultSSHPort,
			PrivateKeyFile: filepath.Join(c.KeysDir(root), clientKeyFile),
			KnownHosts:     filepath.Join(c.KeysDir(root), knownHostsFile),
		}
	}
	declared := c.declared(m)
	if completed, _, err := c.completed(declared); err == nil {
		return completed
	}
	return declared // the check has told what is wrong
}

// declared is what the stack itself says of how to reach a machine.
func (c Config) declared(m Machine) remote.Host {
	h := c.login(m.Name, cmp.Or(m.SSHAddress, m.Address), m.HostKey)
	h.Port, h.User = cmp.Or(m.Port, c.SSH.Port), cmp.Or(m.User, c.SSH.User)
	h.SudoPassword = c.Secrets.SudoPassword.Reveal()
	h.Jump = c.jump(c.SSH.Jump)
	return h
}

// completed takes what nobody said from the OpenSSH configuration, where one is
// named, and from the defaults.
func (c Config) completed(h remote.Host) (_ remote.Host, notes []string, err error) {
	if c.SSH.file != nil {
		if h, notes, err = c.SSH.file.Complete(h, h.Address); err != nil {
			return h, notes, err
		}
	}
	for at := &h; at != nil; at = at.Jump {
		at.Port, at.User = cmp.Or(at.Port, defaultSSHPort), cmp.Or(at.User, defaultSSHUser)
	}
	return h, notes, nil
}

// notFollowed are the things that the OpenSSH configuration says and that are
// not followed, each once.
func (c Config) notFollowed() []string {
	var all []string
	for _, m := range c.Machines {
		if m.Container {
			continue
		}
		_, notes, _ := c.completed(c.declared(m))
		all = append(all, notes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// jump is a chain of jump hosts, the last of which connects to the machine.
func (c Config) jump(j *Jump) *remote.Host {
	if j == nil {
		return nil
	}
	h := c.login("jump host "+j.Address, j.Address, j.HostKey)
	h.Port, h.User = j.Port, j.User
	if j.PrivateKeyFile != "" {
		h.PrivateKey, h.PrivateKeyFile = "", j.PrivateKeyFile
	}
	h.Jump = c.jump(j.Jump)
	return &h
}

// login is what all machines that are not containers have in common.
func (c Config) login(name, address, hostKey string) remote.Host {
	h := remote.Host{
		Name: name, Address: address, HostKey: hostKey,
		PrivateKey: c.Secrets.SSHPrivateKey.Reveal(), PrivateKeyFile: c.SSH.PrivateKeyFile,
		Passphrase: c.Secrets.SSHPassphrase.Reveal(), PassphraseFile: c.SSH.PassphraseFile,
		Password: c.Secrets.SSHPassword.Reveal(),
		Agent:    c.SSH.Agent, InsecureIgnoreHostKey: c.SSH.InsecureIgnoreHostKey,
	}
	if hostKey == "" {
		h.KnownHosts = c.SSH.KnownHosts
	}
	return h
}

func (c Config) ensemble() *inventory.ZooKeeper {
	z := c.ZooKeeper
	if z == nil {
		return nil
	}
	spec := zookeeper.Spec{Layout: layout.Own(z.User, z.ConfigDir, z.DataDir)}.WithDefaults()
	return &inventory.ZooKeeper{
		Members: z.Members, ClientPort: z.ClientPort,
		Unit: zookeeper.Unit, DataDir: spec.Layout.DataDir, ConfigFile: spec.ConfigFile(),
	}
}

func (c Config) brokers() *inventory.Kafka {
	k := c.Kafka
	if k == nil {
		return nil
	}
	spec := kafka.Spec{Layout: layout.Own(k.User, k.ConfigDir, k.DataDir), Brokers: make([]kafka.Broker, len(k.Brokers)), Plain: k.Plain}.WithDefaults()
	inv := &inventory.Kafka{
		Version: k.Version, Chroot: k.Chroot, Brokers: k.Brokers, Port: k.Port, Unit: kafka.Unit,
		Home: machine.Release{Root: kafkaRoot}.Link(), ConfigFile: spec.ConfigFile(),
		DataDir: spec.Layout.DataDir, MinInsyncReplicas: spec.MinInsyncReplicas(),
	}
	if n, err := strconv.Atoi(k.Config["min.insync.replicas"]); err == nil && n > 0 {
		inv.MinInsyncReplicas = n
	}
	return inv
}

// ContainerCount counts the machines that weir makes itself.
func (c Config) ContainerCount() int {
	n := 0
	for _, m := range c.Machines {
		if m.Container {
			n++
		}
	}
	return n
}
