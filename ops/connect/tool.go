package connect

import (
	"slices"
	"strings"

	"weir/provision/inventory"
	"weir/provision/kafka"
	"weir/provision/remote"
)

// ConsoleConsumer is Kafka's program that prints records.
const ConsoleConsumer = "kafka-console-consumer.sh"

// producerTool is the one that asked brokers always.
const producerTool = "kafka-console-producer.sh"

// Tool is the command line of one of Kafka's own programs on a broker's machine,
// with how it finds the cluster in the words of the cluster's version.
func Tool(c inventory.Cluster, name string, args ...string) string {
	path := strings.TrimRight(c.Kafka.Home, "/") + "/bin/" + name
	return remote.QuoteAll(slices.Concat([]string{path}, finds(c, name), args)...)
}

// finds says how a program finds the cluster: today all ask the brokers, once only
// the producer did.
func finds(c inventory.Cluster, name string) []string {
	switch {
	case brokerClients(c):
		return []string{"--bootstrap-server", strings.Join(c.Bootstrap(), ",")}
	case name == producerTool:
		return []string{"--broker-list", strings.Join(c.Bootstrap(), ",")}
	}
	return []string{"--zookeeper", strings.Join(c.ZooKeeperConnect(), ",") + c.Kafka.Chroot}
}

func brokerClients(c inventory.Cluster) bool {
	return kafka.Assume(c.Kafka.Version).Features.Has(kafka.BrokerClients)
}

// ProducerTool is the command line of Kafka's console producer that waits, line by
// line, for all replicas in sync.
func ProducerTool(c inventory.Cluster, topic string, args ...string) string {
	acks := "all"
	if !brokerClients(c) {
		acks, args = "-1", append(args, "--new-producer") // the old one's choice of a partition is not by the key's bytes
	}
	// Without --timeout 0 each message lingers for a second.
	all := []string{"--topic", topic, "--sync", "--timeout", "0", "--request-required-acks", acks}
	return Tool(c, producerTool, append(all, args...)...)
}
