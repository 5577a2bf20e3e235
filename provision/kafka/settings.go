package kafka

import (
	"strconv"
	"strings"

	"weir/provision/address"
	"weir/provision/properties"
)

// setting is a row of server.properties: a line, and which versions have it.
type setting struct {
	key, value, note string
	// needs are features without which the line means nothing; unless is the
	// feature that replaced it.
	needs, unless Feature
	// added: it is weir's, and a plain file does without it.
	added bool
}

// written heads each file.
const written = "Written by weir; changes by hand are undone."

// server is server.properties of one broker.
func (s Spec) server(b Broker) properties.File {
	file := properties.File{s.section(written+"\nThe article's settings, in the names of Kafka "+s.Version+".", s.articleSettings(b))}
	if !s.Plain {
		file = append(file,
			s.section("What a cluster needs today: copies, and no loss of what was acknowledged.", s.durability()),
			s.section("How long data is kept, said rather than implied.", retention()),
			s.section("How a broker stops, starts and is missed.", liveness()))
	}
	return file.Override(s.Config)
}

// section keeps the settings that the version has; in a plain file without a
// word on them.
func (s Spec) section(title string, settings []setting) properties.Section {
	has := versions[s.Version].Features
	out := properties.Section{Title: title}
	if s.Plain {
		out.Title = ""
	}
	for _, row := range settings {
		if !has.Has(row.needs) || row.unless != 0 && has.Has(row.unless) || s.Plain && row.added {
			continue
		}
		line := properties.Setting{Key: row.key, Value: row.value, Note: row.note}
		if s.Plain {
			line.Note = ""
		}
		out.Settings = append(out.Settings, line)
	}
	return out
}

func (s Spec) articleSettings(b Broker) []setting {
	first := s.Listeners[0]
	bind := b.Bind
	if bind == "" {
		bind = b.Address
	}
	return []setting{
		{key: "broker.id", value: strconv.Itoa(int(b.ID))},
		{key: "port", value: strconv.Itoa(first.Port), unless: Listeners},
		{key: "host.name", value: bind, unless: Listeners},
		{key: "advertised.host.name", value: b.Address, unless: Listeners, added: true},
		{key: "listeners", value: s.listenersOn(bind), needs: Listeners,
			note: "instead of port=" + strconv.Itoa(first.Port) + " and host.name=" + bind},
		{key: "advertised.listeners", value: s.listenersOn(b.Address), needs: Listeners},
		{key: "listener.security.protocol.map", value: s.protocolMap(), needs: NamedListeners},
		{key: "inter.broker.listener.name", value: first.Name, needs: NamedListeners},
		{key: "zookeeper.connect", value: s.connect(), needs: ZooKeeperMode,
			note: "the article's zookeeper.contact is a slip of the pen"},
		{key: "log.dirs", value: s.Layout.DataDir},
	}
}

func (s Spec) durability() []setting {
	replicas, inSync := strconv.Itoa(s.replicas()), strconv.Itoa(s.MinInsyncReplicas())
	return []setting{
		{key: "num.partitions", value: replicas},
		{key: "default.replication.factor", value: replicas},
		{key: "min.insync.replicas", value: inSync,
			note: "an acks=all write is refused while fewer replicas are in sync"},
		{key: "unclean.leader.election.enable", value: "false",
			note: "a replica that lags may not lead: it would lose messages"},
		{key: "auto.create.topics.enable", value: "false",
			note: "a misspelt topic is an error, not a topic"},
		{key: "delete.topic.enable", value: "true"},
		{key: "log.cleaner.enable", value: "true", unless: Compaction,
			note: "compacted topics are compacted"},
		{key: "offsets.topic.replication.factor", value: replicas},
		{key: "transaction.state.log.replication.factor", value: replicas, needs: Transactions},
		{key: "transaction.state.log.min.isr", value: inSync, needs: Transactions},
	}
}

func retention() []setting {
	return []setting{
		{key: "log.retention.hours", value: "168"},
		{key: "log.retention.bytes", value: "-1", note: "of a partition; -1 is no bound"},
		{key: "log.retention.check.interval.ms", value: "300000"},
		{key: "log.segment.bytes", value: "1073741824"},
		{key: "offsets.retention.minutes", value: "10080"},
	}
}

func liveness() []setting {
	return []setting{
		{key: "controlled.shutdown.enable", value: "true",
			note: "leaders move before the broker stops; the unit waits longer than all tries"},
		{key: "controlled.shutdown.max.retries", value: "3"},
		{key: "controlled.shutdown.retry.backoff.ms", value: "5000"},
		{key: "zookeeper.connection.timeout.ms", value: "18000", needs: ZooKeeperMode},
		{key: "zookeeper.session.timeout.ms", value: "18000", needs: ZooKeeperMode},
		{key: "replica.lag.time.max.ms", value: "30000"},
		{key: "auto.leader.rebalance.enable", value: "true"},
		{key: "num.recovery.threads.per.data.dir", value: "2",
			note: "after a crash logs are checked by these"},
	}
}

func (s Spec) listenersOn(host string) string {
	var out []string
	for _, l := range s.Listeners {
		out = append(out, l.Name+"://"+address.WithPort(host, l.Port))
	}
	return strings.Join(out, ",")
}

func (s Spec) protocolMap() string {
	var out []string
	for _, l := range s.Listeners {
		out = append(out, l.Name+":"+l.Protocol)
	}
	return strings.Join(out, ",")
}

// producer is producer.properties, for the console producer and people.
func (s Spec) producer() properties.File {
	brokers := strings.Join(s.Bootstrap(), ",")
	return properties.File{s.section(written, []setting{
		{key: "metadata.broker.list", value: brokers, unless: BrokerClients},
		{key: "producer.type", value: "async", unless: BrokerClients},
		{key: "bootstrap.servers", value: brokers, needs: BrokerClients,
			note: "instead of the article's broker.list (metadata.broker.list in 0.8)"},
		{key: "linger.ms", value: "5", added: true, needs: BrokerClients,
			note: "instead of producer.type=async: every producer is asynchronous now, this lets it fill batches"},
		{key: "acks", value: "all", added: true, needs: BrokerClients,
			note: "acknowledged means on all replicas in sync"},
		{key: "enable.idempotence", value: "true", added: true, needs: Transactions,
			note: "a retry does not write twice"},
	})}
}

// consumer is consumer.properties, for the console consumer and people.
func (s Spec) consumer() properties.File {
	return properties.File{s.section(written, []setting{
		{key: "zookeeper.connect", value: s.connect(), unless: BrokerClients},
		{key: "zookeeper.connection.timeout.ms", value: "6000", unless: BrokerClients, added: true},
		{key: "bootstrap.servers", value: strings.Join(s.Bootstrap(), ","), needs: BrokerClients,
			note: "instead of zookeeper.connect (the article writes zookeeper.contact): consumers ask the brokers now"},
		{key: "group.id", value: "test-consumer-group", added: true},
		{key: "auto.offset.reset", value: "earliest", added: true, needs: BrokerClients,
			note: "a new group reads from the beginning"},
	})}
}

// log4j sends everything to the journal, which rotates; the shipped
// configuration also writes files that nobody removes. The loggers that it
// keeps quiet are quiet here too.
const log4j = `# Written by weir; changes by hand are undone.
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n
log4j.logger.kafka.request.logger=WARN
log4j.logger.kafka.network.RequestChannel$=WARN
log4j.logger.org.apache.zookeeper=WARN
`
