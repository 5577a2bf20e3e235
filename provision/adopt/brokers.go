package adopt

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"

	"weir/provision/kafka"
	"weir/provision/zookeeper"
)

// Defaults of Kafka where its file says nothing, for what weir writes ("Broker
// Configs" in its documentation).
var kafkaDefaults = map[string]string{
	"num.partitions": "1", "default.replication.factor": "1", "min.insync.replicas": "1",
	"unclean.leader.election.enable": "false", "auto.create.topics.enable": "true", "delete.topic.enable": "true",
	"offsets.topic.replication.factor": "3", "transaction.state.log.replication.factor": "3", "transaction.state.log.min.isr": "2",
	"log.retention.hours": "168", "log.retention.bytes": "-1", "log.retention.check.interval.ms": "300000", "log.segment.bytes": "1073741824",
	"offsets.retention.minutes": "10080", "controlled.shutdown.enable": "true", "controlled.shutdown.max.retries": "3",
	"controlled.shutdown.retry.backoff.ms": "5000", "zookeeper.connection.timeout.ms": "18000", "zookeeper.session.timeout.ms": "18000",
	"replica.lag.time.max.ms": "30000", "auto.leader.rebalance.enable": "true", "num.recovery.threads.per.data.dir": "1",
}

// unread are settings that no broker of a version with the admin protocol reads,
// and that are found in files all the same: the article's slip among them.
var unread = []string{"port", "host.name", "advertised.host.name", "advertised.port", "zookeeper.contact"}

func kafkaPlaced(key string) bool {
	return slices.Contains(unread, key) || slices.Contains([]string{
		"broker.id", "broker.id.generation.enable", "reserved.broker.max.id", "listeners", "advertised.listeners", "listener.security.protocol.map",
		"inter.broker.listener.name", "security.inter.broker.protocol", "zookeeper.connect", "log.dir", "log.dirs",
	}, key)
}

// kafkaRefused are settings of listeners that are not plain text, of clusters
// that run otherwise, and of classes that are not in a release.
func kafkaRefused(key string) bool {
	if slices.Contains([]string{"process.roles", "node.id", "super.users", "zookeeper.set.acl", "principal.builder.class", "metric.reporters", "kafka.metrics.reporters", "config.providers"}, key) {
		return true
	}
	return slices.ContainsFunc([]string{"ssl.", "sasl.", "listener.name.", "authorizer.", "zookeeper.ssl.", "controller.", "delegation.token.", "zookeeper.metadata.migration."},
		func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// listener is NAME://HOST:PORT.
type listener struct {
	name, host string
	port       int
}

func parseListener(text string) (listener, bool) {
	name, rest, ok := strings.Cut(text, "://")
	host, port, err := net.SplitHostPort(rest)
	n, err2 := strconv.Atoi(port)
	return listener{name: strings.ToUpper(name), host: strings.ToLower(host), port: n}, ok && err == nil && err2 == nil
}

// brokers finds out who the brokers are, where they listen, and which ensemble
// they use.
func (j *judge) brokers(brokers, members []Server) {
	k := &j.found.Kafka
	*k = kafka.Spec{Cluster: "adopted", Adopt: true}
	k.Release.Root = "/opt/weir/kafka"
	ports, binds, clusters, chroots := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	byID := map[int32]string{}
	for i := range brokers {
		b := &brokers[i]
		j.data(b, "log.dirs", cmp.Or(b.settings["log.dirs"], b.settings["log.dir"]))
		id, cluster := j.identity(*b)
		if other := byID[id]; other != "" {
			j.add(b.Machine, "has broker.id %d, as has %s: these are two clusters", id, other)
		}
		byID[id], clusters[b.Machine] = b.Machine, cluster
		address, port, bind := j.listener(*b)
		ports[b.Machine], binds[b.Machine] = strconv.Itoa(port), bind
		chroots[b.Machine] = j.connect(*b, members)
		k.Brokers = append(k.Brokers, kafka.Broker{Machine: b.Machine, ID: id, Address: address})
		for _, key := range unread {
			if b.settings[key] != "" {
				j.differs("server.properties: %s, which this Kafka does not read, is left out", key)
			}
		}
	}
	j.found.ClusterID = j.same("kafka cluster.id", clusters)
	k.Layout = at(j.dataDir("kafka log.dirs", brokers))
	k.Listeners = []kafka.Listener{{Name: kafka.Plaintext, Protocol: kafka.Plaintext, Port: atoi(j.same("kafka port", ports))}}
	k.Chroot = j.same("kafka path in ZooKeeper", chroots)
	bind := j.same("kafka address to listen on", binds)
	for i := range k.Brokers {
		k.Brokers[i].Bind = bind
	}
}

// identity is what a broker's data says that it is.
func (j *judge) identity(b Server) (id int32, cluster string) {
	meta, err := parseProperties(j.machines[b.Machine].Data[b.Data].Meta)
	n, numErr := strconv.ParseInt(meta["broker.id"], 10, 32)
	if err != nil || numErr != nil || n < 0 {
		j.add(b.Machine, "%s/meta.properties has no broker.id: weir cannot tell whose data that is", b.Data)
		return -1, ""
	}
	if said := cmp.Or(b.settings["broker.id"], "-1"); said != "-1" && said != meta["broker.id"] {
		j.add(b.Machine, "broker.id is %s in %s and %d in %s/meta.properties: the file was changed since the broker started; the data is broker %[3]d's, so correct the file",
			said, b.ConfigFile(), n, b.Data)
	}
	return int32(n), meta["cluster.id"]
}

// listener is where a broker listens and how it is reached: address is what it
// tells clients, bind is empty where it listens there alone.
func (j *judge) listener(b Server) (address string, port int, bind string) {
	text := cmp.Or(b.settings["listeners"], "PLAINTEXT://:9092")
	l, ok := parseListener(text)
	advertised, well := parseListener(cmp.Or(b.settings["advertised.listeners"], text))
	switch protocol := cmp.Or(b.settings["listener.security.protocol.map"], l.name+":"+l.name); {
	case strings.Contains(text, ","):
		j.add(b.Machine, "listeners are %s: weir runs brokers with one", text)
	case !ok || !well:
		j.add(b.Machine, "listeners %q, advertised as %q, cannot be read as NAME://HOST:PORT", text, b.settings["advertised.listeners"])
	case l.name != kafka.Plaintext || !slices.Contains(strings.Split(protocol, ","), kafka.Plaintext+":"+kafka.Plaintext):
		j.add(b.Machine, "its listener %s has the protocol %s: weir runs brokers with one listener PLAINTEXT, of that protocol", l.name, protocol)
	case advertised.port != l.port:
		j.add(b.Machine, "listens on port %d and tells clients %d: weir has one port for both", l.port, advertised.port)
	case !b.Listens(l.port):
		j.add(b.Machine, "%s says port %d, and %s does not listen there: the file was changed since; correct it", b.ConfigFile(), l.port, b.Java)
	}
	address = cmp.Or(advertised.host, l.host)
	if wildcard(address) {
		address = strings.ToLower(j.machines[b.Machine].Hostname)
	}
	switch {
	case wildcard(l.host):
		bind = "0.0.0.0"
	case !j.sameHost(b.Machine, l.host, address):
		j.add(b.Machine, "listens on %s and tells clients %s, which is another address there: weir listens on the address that it tells, or on all (listeners=PLAINTEXT://:%d)", l.host, address, l.port)
	}
	return address, l.port, bind
}

// connect checks that a broker uses the ensemble that was found, and returns the
// path below which it keeps everything.
func (j *judge) connect(b Server, members []Server) (chroot string) {
	text := b.settings["zookeeper.connect"]
	list, chroot := text, ""
	if i := strings.IndexByte(text, '/'); i >= 0 {
		list, chroot = text[:i], strings.TrimRight(text[i:], "/")
	}
	if list == "" {
		j.add(b.Machine, "%s has no zookeeper.connect: its cluster keeps no metadata in ZooKeeper (KRaft), and cannot be taken over", b.ConfigFile())
	}
	for address := range strings.SplitSeq(list, ",") {
		host, port, err := net.SplitHostPort(strings.TrimSpace(address))
		if err != nil && address != "" { // Kafka itself takes 2181 then
			host, port = strings.TrimSpace(address), "2181"
		}
		if address != "" && !j.memberAt(b.Machine, strings.ToLower(host), port, members) {
			j.add(b.Machine, "zookeeper.connect names %s, where none of the members that were found serves: name that machine too, or correct it", address)
		}
	}
	return chroot
}

func (j *judge) memberAt(machine, host, port string, members []Server) bool {
	if port != strconv.Itoa(j.found.ZooKeeper.ClientPort) {
		return false
	}
	if host == "localhost" || host == "127.0.0.1" || host == "::1" {
		return slices.ContainsFunc(members, func(m Server) bool { return m.Machine == machine })
	}
	return slices.ContainsFunc(j.found.ZooKeeper.Members, func(z zookeeper.Member) bool {
		return z.Address == "" || wildcard(z.Address) || j.sameHost(machine, host, z.Address)
	})
}

// brokerSettings is what is left once addresses are known.
func (j *judge) brokerSettings(brokers []Server) {
	k := &j.found.Kafka
	k.ZooKeeper = j.found.ZooKeeper.Connect()
	states, err := kafka.States(*k)
	k.Config = j.others("kafka", brokers, contents(states, err, "server.properties"), kafkaDefaults, kafkaPlaced, kafkaRefused)
	k.Heap, k.JVMOptions = j.jvm("kafka", brokers)
}

// addresses gives each machine the one address that weir has for it: what its
// broker tells clients, else what the ensemble's lists have, else how it was
// reached. Members are listed under it from now on.
func (j *judge) addresses(members []Server) {
	for _, b := range j.found.Kafka.Brokers {
		j.found.Addresses[b.Machine] = b.Address
	}
	for i := range j.found.ZooKeeper.Members {
		z := &j.found.ZooKeeper.Members[i]
		if wildcard(z.Address) {
			z.Address = cmp.Or(j.found.Addresses[z.Machine], j.machines[z.Machine].Address)
		}
		switch address := j.found.Addresses[z.Machine]; {
		case address == "":
			j.found.Addresses[z.Machine] = z.Address
		case !j.sameHost(z.Machine, z.Address, address):
			j.add(z.Machine, "is %s to the ensemble and %s to the brokers' clients: weir has one address for a machine; use one in both, restart those servers, and run again", z.Address, address)
		default:
			z.Address = address
		}
	}
}
