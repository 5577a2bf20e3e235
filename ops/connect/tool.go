package connect

import (
	"slices"
	"strings"

	"weir/provision/inventory"
	"weir/provision/kafka"
	"weir/provision/remote"
)

// The programs of Kafka's that are run on machines.
const (
	ConsoleProducer = "kafka-console-producer.sh"
	ConsoleConsumer = "kafka-console-consumer.sh"
)

// Tool is the command line of one of Kafka's own programs on a broker's machine,
// with how it finds the cluster in the words of the cluster's version.
func Tool(c inventory.Cluster, name string, args ...string) string {
	path := strings.TrimRight(c.Kafka.Home, "/") + "/bin/" + name
	return remote.QuoteAll(slices.Concat([]string{path}, finds(c, name), args)...)
}

// finds says how a program finds the cluster: today all ask the brokers, once only
// the producer did.
func finds(c inventory.Cluster, name string) []string {
	v, known := kafka.LookUp(c.Kafka.Version)
	switch {
	case !known || v.Features.Has(kafka.BrokerClients):
		return []string{"--bootstrap-server", strings.Join(c.Bootstrap(), ",")}
	case name == ConsoleProducer:
		return []string{"--broker-list", strings.Join(c.Bootstrap(), ",")}
	}
	return []string{"--zookeeper", strings.Join(c.ZooKeeperConnect(), ",") + c.Kafka.Chroot}
}
