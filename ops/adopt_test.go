package main

import (
	"bytes"
	"strings"
	"testing"

	"weir/infra/stack"
	"weir/ops/drive"
	"weir/provision/adopt"
	"weir/provision/kafka"
	"weir/provision/layout"
	"weir/provision/process"
	"weir/provision/zookeeper"
	"weir/testenv/golden"
)

// handMade is a cluster as it is found, with everything that a stack can say.
func handMade() adopt.Found {
	f := adopt.Found{
		Addresses: map[string]string{"db-1": "192.168.1.1", "db-2": "192.168.1.2"},
		ZooKeeper: zookeeper.Spec{
			Members:    []zookeeper.Member{{Machine: "db-1", ID: 4, Address: "192.168.1.1"}, {Machine: "db-2", ID: 7, Address: "192.168.1.2"}},
			ClientPort: 2182, PeerPort: 2890, ElectionPort: 3888, TickTime: 3000, InitLimit: 10, SyncLimit: 2, Heap: "512m",
			Layout: layout.Layout{DataDir: "/home/fams/zk_data"}, Config: map[string]string{"autopurge.purgeInterval": "0", "admin.enableServer": "true"},
		},
		Kafka: kafka.Spec{
			Version: "3.9.2", Brokers: []kafka.Broker{{Machine: "db-1", ID: 1001, Bind: "0.0.0.0"}, {Machine: "db-2", ID: 0, Bind: "0.0.0.0"}},
			Listeners: []kafka.Listener{{Name: "PLAINTEXT", Protocol: "PLAINTEXT", Port: 9192}}, Chroot: "/kafka", Heap: "1g", JVMOptions: "-XX:+UseZGC",
			Layout: layout.Layout{DataDir: "/home/fams/kafka-logs"}, Config: map[string]string{"log.retention.hours": "48", "zookeeper.set.acl": "it's: {odd}"},
		},
		ClusterID: "iInmDtGlRV287r7LFor6mg", Different: []string{"kafka: JMX on port 9999 is not served"},
	}
	for i, m := range []string{"db-1", "db-2"} {
		for _, main := range []string{zookeeper.Main, kafka.Main} {
			s := adopt.Server{Machine: m, Data: "/home/fams/zk_data", Java: process.Java{
				PID: 300 + i, User: "fams", Main: main, Dir: "/home/fams/kafka", Args: []string{"config/some.properties"}, Jars: []string{"/home/fams/kafka/libs/kafka_2.13-3.9.2.jar"},
			}}
			if main == kafka.Main {
				s.PID, s.Data, s.User = 400+i, "/home/fams/kafka-logs", "\x1b[2Jroot"
			}
			if i == 1 && main == kafka.Main {
				s.Unit = "kafka.service"
			}
			f.Servers = append(f.Servers, s)
		}
	}
	return f
}

func TestAnAdoptedStackSaysAllThatIsNotAsByDefault(t *testing.T) {
	d := draft{
		Machines: []stack.Machine{{Name: "db-1", Address: "192.168.1.1", User: "fams"}, {Name: "db-2", Address: "192.168.1.2", SSHAddress: "10.8.0.2", User: "fams"}},
		SSH:      stack.SSH{User: "root", PrivateKeyFile: "keys/id", KnownHosts: "keys/known_hosts"},
		adopted:  &adopted{Found: handMade(), Archive: "https://example.org/kafka, 3.tgz", SHA256: strings.Repeat("ab", 32)},
	}
	text, err := d.yaml("prod")
	if err != nil {
		t.Fatal(err)
	}
	golden.File(t, "testdata/adopted.yaml.golden", string(text))
	d.adopted.Kafka.Config = map[string]string{"log.retention.hours": "48"}
	if text, err = d.yaml("prod"); err != nil {
		t.Fatal(err)
	}
	c, err := parseConfig(drive.Project{Root: t.TempDir()}, "prod", text)
	if err == nil {
		t.Fatal("the key is not there, and was not missed")
	}
	if only := "ssh.privateKeyFile"; !strings.Contains(err.Error(), only) || strings.Count(err.Error(), "\n") > 2 {
		t.Errorf("got %v, want no more than that the files of the test are missing", err)
	}
	if c.Kafka.Brokers["db-1"] != 1001 || c.ZooKeeper.Members["db-2"] != 7 || c.ZooKeeper.TickTime != 3000 || c.Kafka.Bind != "0.0.0.0" || !c.Kafka.Adopt {
		t.Errorf("it is read as %+v and %+v", c.ZooKeeper, c.Kafka)
	}
	way, err := d.reachYAML()
	if err != nil || strings.Contains(string(way), "kafka:") || !strings.Contains(string(way), "sshAddress: 10.8.0.2") {
		t.Errorf("the way to the machines is\n%s%v", way, err)
	}
}

func TestWhatIsFoundIsShownBeforeItIsAskedFor(t *testing.T) {
	var out bytes.Buffer
	a := &app{console: newConsole(strings.NewReader(""), &out, &out)}
	a.showFound(handMade())
	golden.File(t, "testdata/found.txt.golden", out.String())
}
