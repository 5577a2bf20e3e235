package verify

import (
	"net"
	"testing"

	"weir/provision/inventory"
	"weir/provision/remote"
)

// article is the article's cluster as an inventory.
func article() inventory.Cluster {
	c := inventory.Cluster{
		Name: "article",
		ZooKeeper: &inventory.ZooKeeper{
			Members: map[string]int{}, ClientPort: 2181, Unit: "weir-zookeeper.service", DataDir: "/home/fams/zk_data/",
		},
		Kafka: &inventory.Kafka{
			Version: "3.9.2", Brokers: map[string]int32{}, Port: 9092, Unit: "weir-kafka.service",
			Home: "/opt/weir/kafka/current", DataDir: "/home/fams/kafka-logs",
		},
		Topics: []inventory.Topic{{Name: "user-behavior-topic", Partitions: 3, ReplicationFactor: 3}},
		Jobs: []inventory.Job{
			{Name: "producer", Kind: "producer", Machine: "node1", Unit: "weir-producer.service", Topic: "user-behavior-topic", MetricsAddress: "127.0.0.1:9101"},
			{Name: "popularity", Kind: "popularity", Machine: "node2", Unit: "weir-popularity.service", Topic: "user-behavior-topic", SnapshotTopic: "popularity-snapshots"},
		},
	}
	for i, name := range []string{"node1", "node2", "node3"} {
		address := "192.168.1." + string(rune('1'+i))
		c.Machines = append(c.Machines, inventory.Machine{
			Name: name, Address: address, Host: remote.Host{Name: name, Address: address, User: "fams"},
		})
		c.ZooKeeper.Members[name], c.Kafka.Brokers[name] = i+1, int32(i)
	}
	return c
}

// listenOn is the address of a listener on this computer.
func listenOn(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
