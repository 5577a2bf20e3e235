package stack

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"weir/provision/kafka"
	"weir/provision/problem"
	"weir/provision/properties"
	"weir/provision/systemd"
	"weir/provision/zookeeper"
)

// Defaults of the cluster itself.
const (
	defaultClientPort = 2181
	defaultKafkaPort  = 9092
	// maxMyID is ZooKeeper's: the id is one byte of a session's number.
	maxMyID = 255
)

func (c *checker) zookeeper() {
	z := c.config.ZooKeeper
	if z == nil {
		return
	}
	c.port("zookeeper.clientPort", &z.ClientPort, defaultClientPort)
	c.timing(z)
	systemd.CheckHeap("zookeeper.heap", z.Heap, &c.problems)
	systemd.CheckJVMOptions("zookeeper.jvmOptions", z.JVMOptions, &c.problems)
	c.userName("zookeeper.user", z.User)
	c.remotePath("zookeeper.configDir", z.ConfigDir)
	c.remotePath("zookeeper.dataDir", z.DataDir)
	c.settings("zookeeper.config", z.Config, zookeeperSettings)
	if len(z.Members) == 0 {
		z.Members = numbered(c.config.Machines, 1)
	}
	ids(c, "zookeeper.members", z.Members, 1, maxMyID)
}

// timing fills in what an ensemble's members must agree on.
func (c *checker) timing(z *ZooKeeper) {
	defaults := zookeeper.Spec{}.WithDefaults()
	c.port("zookeeper.peerPort", &z.PeerPort, defaults.PeerPort)
	c.port("zookeeper.electionPort", &z.ElectionPort, defaults.ElectionPort)
	for _, f := range []struct {
		path      string
		value     *int
		byDefault int
	}{
		{"zookeeper.tickTime", &z.TickTime, defaults.TickTime}, {"zookeeper.initLimit", &z.InitLimit, defaults.InitLimit},
		{"zookeeper.syncLimit", &z.SyncLimit, defaults.SyncLimit},
	} {
		if *f.value == 0 && !c.broken[f.path] {
			*f.value = f.byDefault
		}
		if *f.value < 0 {
			c.add(f.path, "is %d; write a number above 0, or leave it out for %d", *f.value, f.byDefault)
		}
	}
}

func (c *checker) kafka() {
	k := c.config.Kafka
	if k == nil {
		return
	}
	if c.config.ZooKeeper == nil {
		c.add("zookeeper", "is missing: Kafka 3.9 as set up here keeps its metadata in ZooKeeper; write zookeeper: {}")
	}
	c.version(k)
	c.port("kafka.port", &k.Port, defaultKafkaPort)
	if k.Bind != "" && k.Bind != "0.0.0.0" && k.Bind != "::" {
		c.add("kafka.bind", "is %q; write 0.0.0.0 or ::, or leave it out to listen on each machine's address alone", k.Bind)
	}
	if k.Chroot != "" && !chrootForm.MatchString(k.Chroot) {
		c.add("kafka.chroot", "is %q; write a path in ZooKeeper such as /kafka, or leave it out", k.Chroot)
	}
	systemd.CheckHeap("kafka.heap", k.Heap, &c.problems)
	systemd.CheckJVMOptions("kafka.jvmOptions", k.JVMOptions, &c.problems)
	c.userName("kafka.user", k.User)
	c.remotePath("kafka.configDir", k.ConfigDir)
	c.remotePath("kafka.dataDir", k.DataDir)
	c.settings("kafka.config", k.Config, kafkaSettings)
	if len(k.Brokers) == 0 {
		k.Brokers = numbered[int32](c.config.Machines, 0)
	}
	ids(c, "kafka.brokers", k.Brokers, 0, math.MaxInt32)
	c.samePort()
}

// numbered gives each machine an id, in their order.
func numbered[N int | int32](machines []Machine, first N) map[string]N {
	of := map[string]N{}
	for i, m := range machines {
		if m.Name != "" {
			of[m.Name] = first + N(i)
		}
	}
	return of
}

// samePort finds the clashes that the config itself can make.
func (c *checker) samePort() {
	z, k := c.config.ZooKeeper, c.config.Kafka
	if z == nil {
		return
	}
	taken := map[int]string{z.PeerPort: "followers", z.ElectionPort: "elections"}
	if z.PeerPort == z.ElectionPort {
		c.add("zookeeper.electionPort", "is %d, which is zookeeper.peerPort already; write another", z.ElectionPort)
	}
	if what, ok := taken[z.ClientPort]; ok {
		c.add("zookeeper.clientPort", "is %d, which ZooKeeper keeps for %s; write another", z.ClientPort, what)
	}
	taken[z.ClientPort] = "clients"
	if what, ok := taken[k.Port]; ok {
		c.add("kafka.port", "is %d, which ZooKeeper has for its %s; write another", k.Port, what)
	}
}

// ids checks that each machine is there and each id in range and once.
func ids[N int | int32](c *checker, path string, of map[string]N, low, high N) {
	first := map[N]string{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		id, at := of[name], join(path, name)
		c.machineRef(at, name)
		if id < low || id > high {
			c.add(at, "is %d; write an id from %d to %d", id, low, high)
			continue
		}
		if other, ok := first[id]; ok {
			c.add(at, "is %d, as is that of %s; each needs its own", id, other)
			continue
		}
		first[id] = name
	}
}

// machineRef checks a machine's name wherever one is used.
func (c *checker) machineRef(path, name string) {
	var names []string
	for _, m := range c.config.Machines {
		names = append(names, m.Name)
	}
	switch {
	case name == "":
		c.add(path, "is missing; write the name of a machine")
		return
	case slices.Contains(names, name):
		return
	}
	if near := nearest(name, names); near != "" {
		c.add(path, "names machine %q, which is not listed under machines; did you mean %s?", name, near)
		return
	}
	c.add(path, "names machine %q, which is not listed under machines; those are %s", name, strings.Join(names, ", "))
}

var chrootForm = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+$`)

var sha256Hex = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)

func (c *checker) version(k *Kafka) {
	if k.Version == "" {
		k.Version = kafka.DefaultVersion
	}
	if _, ok := kafka.LookUp(k.Version); !ok {
		c.add("kafka.version", "is %q, which weir writes no configuration for; write %s",
			k.Version, strings.Join(kafka.Supported(), " or "))
	}
	if k.Release == nil {
		return
	}
	switch r := k.Release; {
	case r.Archive == "":
		c.add("kafka.release.archive", "is missing; write an https address or a path of Apache's .tgz")
	case strings.HasPrefix(r.Archive, "http://"):
		c.add("kafka.release.archive", "is %s; write an https address", r.Archive)
	case !strings.HasPrefix(r.Archive, "https://"):
		c.localFile("kafka.release.archive", &r.Archive)
	}
	if !sha256Hex.MatchString(k.Release.SHA256) {
		c.add("kafka.release.sha256", "is %q; write the archive's sha256, 64 hexadecimal digits", k.Release.SHA256)
	}
	k.Release.SHA256 = strings.ToLower(k.Release.SHA256)
}

// What weir sets itself, and where a person says it instead.
var (
	zookeeperSettings = map[string]string{
		"clientPort": "zookeeper.clientPort", "dataDir": "zookeeper.dataDir",
		"tickTime": "zookeeper.tickTime", "initLimit": "zookeeper.initLimit", "syncLimit": "zookeeper.syncLimit",
		"dynamicConfigFile": "zookeeper.members", "4lw.commands.whitelist": "leave it: the health checks need these commands",
	}
	kafkaSettings = map[string]string{
		"broker.id": "kafka.brokers", "broker.id.generation.enable": "kafka.brokers", "node.id": "kafka.brokers",
		"host.name": "machines[].address and kafka.bind", "advertised.host.name": "machines[].address",
		"port": "kafka.port", "advertised.port": "kafka.port", "listeners": "kafka.port",
		"advertised.listeners":           "machines[].address and kafka.port",
		"listener.security.protocol.map": "kafka.port", "inter.broker.listener.name": "kafka.port",
		"security.inter.broker.protocol": "kafka.port",
		"zookeeper.connect":              "zookeeper.members and kafka.chroot", "zookeeper.contact": "zookeeper.members",
		"log.dir": "kafka.dataDir", "log.dirs": "kafka.dataDir", "process.roles": "zookeeper",
	}
)

// settings refuses what has a place of its own in the config.
func (c *checker) settings(path string, settings Settings, owned map[string]string) {
	instead := func(key string) string {
		place := owned[key]
		if path == "zookeeper.config" && strings.HasPrefix(key, "server.") {
			place = "zookeeper.members"
		}
		if place == "" || strings.HasPrefix(place, "leave") {
			return place
		}
		return "use " + place
	}
	properties.Check(path, settings, instead, &c.problems)
}

// Warnings are what may be but is hardly meant; they stop nothing.
func (c Config) Warnings() problem.List {
	var warnings problem.List
	if z := c.ZooKeeper; z != nil && len(z.Members)%2 == 0 {
		warnings.Add("zookeeper.members", "are %d: an even ensemble survives no more failures than one of %d; leave one out or add one",
			len(z.Members), len(z.Members)-1)
	}
	for _, note := range c.notFollowed() {
		warnings.Add("ssh.config", "%s", note)
	}
	if c.SSH.InsecureIgnoreHostKey {
		warnings.Add("ssh.insecureIgnoreHostKey", "is set: whoever answers at a machine's address is believed; pin hostKey instead")
	}
	for i, t := range c.Topics {
		if k := c.Kafka; k != nil && t.ImpliedBy == "" && t.ReplicationFactor == 1 && len(k.Brokers) > 1 {
			warnings.Add(fmt.Sprintf("topics[%d].replicationFactor", i), "is 1: the loss of one broker loses messages; write 2 or 3")
		}
	}
	return warnings
}
