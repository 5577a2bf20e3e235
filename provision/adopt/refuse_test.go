package adopt

import (
	"fmt"
	"strings"
	"testing"

	"weir/provision/kafka"
	"weir/provision/process"
	"weir/provision/zookeeper"
)

const zk, logs = "/home/fams/zk_data", "/home/fams/kafka-logs"

func TestWhatCannotBeTakenOverIsNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(m []Machine) []Machine
		says   string
	}{
		{"no ZooKeeper", func(m []Machine) []Machine {
			for i := range m {
				m[i].Servers = m[i].Servers[1:]
			}
			return m
		}, "zookeeper: runs on none of db-1, db-2, db-3"},
		{"no broker", func(m []Machine) []Machine {
			for i := range m {
				m[i].Servers = m[i].Servers[:1]
			}
			return m
		}, "kafka: runs on none of db-1, db-2, db-3"},
		{"versions that differ", func(m []Machine) []Machine {
			m[1].Servers[1].Jars = []string{"/k/libs/kafka_2.13-3.6.1.jar"}
			return m
		}, `kafka version: is "3.9.2" on db-1, "3.6.1" on db-2, "3.9.2" on db-3`},
		{"a version that weir does not know", func(m []Machine) []Machine {
			each(m, kafka.Main, func(j *process.Java) { j.Jars = []string{"/k/libs/kafka_2.13-2.0.0.jar"} })
			return m
		}, "kafka version: is 2.0.0, and weir runs 0.8.2.1 and 3.9.2"},
		{"a version that cannot be asked", func(m []Machine) []Machine {
			each(m, kafka.Main, func(j *process.Java) { j.Jars = []string{"/k/libs/kafka_2.10-0.8.2.1.jar"} })
			return m
		}, "kafka version: is 0.8.2.1, whose brokers cannot be asked"},
		{"no jar tells the version", func(m []Machine) []Machine {
			each(m, kafka.Main, func(j *process.Java) { j.Jars = nil })
			return m
		}, "has no jar of Kafka open"},
		{"another ZooKeeper than Kafka's", func(m []Machine) []Machine {
			m[2].Servers[0].Jars = []string{"/zk/lib/zookeeper-3.5.9.jar"}
			return m
		}, "db-3: ZooKeeper is 3.5.9, and Kafka 3.9.2 brings 3.8.4"},
		{"KRaft", func(m []Machine) []Machine {
			in(m, 0, kafka.Main, "broker.id", "process.roles=broker\nbroker.id")
			return m
		}, "kafka process.roles: is set, and weir cannot keep what it stands for"},
		{"TLS", func(m []Machine) []Machine {
			in(m, 0, kafka.Main, "broker.id", "ssl.keystore.location=/x\nbroker.id")
			return m
		}, "kafka ssl.keystore.location: is set"},
		{"an id that contradicts the data", func(m []Machine) []Machine {
			in(m, 2, kafka.Main, "broker.id=1", "broker.id=7")
			return m
		}, "db-2: broker.id is 7 in /home/fams/kafka/config/server.properties and 1 in /home/fams/kafka-logs/meta.properties"},
		{"data without an id", func(m []Machine) []Machine {
			data(m, 2, logs, func(d *Data) { d.Meta = "version=0\n" })
			return m
		}, "db-2: /home/fams/kafka-logs/meta.properties has no broker.id"},
		{"two brokers with one id", func(m []Machine) []Machine {
			data(m, 2, logs, func(d *Data) { d.Meta = strings.Replace(d.Meta, "broker.id=1", "broker.id=0", 1) })
			in(m, 2, kafka.Main, "broker.id=1", "broker.id=0")
			return m
		}, "db-2: has broker.id 0, as has db-1"},
		{"brokers of two clusters", func(m []Machine) []Machine {
			data(m, 3, logs, func(d *Data) { d.Meta = strings.Replace(d.Meta, "iInm", "other", 1) })
			return m
		}, "kafka cluster.id: is "},
		{"a myid that contradicts the list", func(m []Machine) []Machine {
			data(m, 1, zk, func(d *Data) { d.MyID = "9" })
			return m
		}, "db-1: /home/fams/zk_data/myid is 9, and /home/fams/kafka/config/zookeeper.properties has no server.9"},
		{"no myid", func(m []Machine) []Machine {
			data(m, 1, zk, func(d *Data) { d.MyID = "" })
			return m
		}, "db-1: /home/fams/zk_data has no file myid"},
		{"two members with one id", func(m []Machine) []Machine {
			data(m, 2, zk, func(d *Data) { d.MyID = "1" })
			return m
		}, "db-2: has the myid 1, as has db-1"},
		{"a member that was not named", func(m []Machine) []Machine { return m[:2] },
			"db-1: server.3 is 192.168.1.3, and no machine that was named has that myid"},
		{"the article's slip: member 2 under the address of member 3", func(m []Machine) []Machine {
			in(m, 1, zookeeper.Main, "server.2=192.168.1.2", "server.2=192.168.1.3")
			return m
		}, "db-1: server.2 is 192.168.1.3 there, and another host in the list of db-2"},
		{"members that know less than all", func(m []Machine) []Machine {
			in(m, 1, zookeeper.Main, "server.3=192.168.1.3:2888:3888\n", "")
			return m
		}, "db-1: /home/fams/kafka/config/zookeeper.properties lists 2 members, and 3 run"},
		{"three that know nobody", func(m []Machine) []Machine {
			for n := range 3 {
				in(m, 0, zookeeper.Main, fmt.Sprintf("server.%d=192.168.1.%d:2888:3888\n", n+1, n+1), "")
			}
			return m
		}, "has no server.1"},
		{"an observer", func(m []Machine) []Machine {
			in(m, 0, zookeeper.Main, "192.168.1.3:2888:3888", "192.168.1.3:2888:3888:observer")
			return m
		}, "server.3 is an observer"},
		{"a member line that is none", func(m []Machine) []Machine {
			in(m, 1, zookeeper.Main, "server.3=192.168.1.3:2888:3888", "server.3=192.168.1.3")
			return m
		}, "db-1: server.3=192.168.1.3 is no member as weir writes one"},
		{"transaction logs of their own", func(m []Machine) []Machine {
			in(m, 0, zookeeper.Main, "clientPort", "dataLogDir=/fast\nclientPort")
			return m
		}, "zookeeper dataLogDir: is set"},
		{"a setting that differs between machines", func(m []Machine) []Machine {
			in(m, 2, kafka.Main, "broker.id", "num.io.threads=16\nbroker.id")
			return m
		}, `kafka num.io.threads: is "" on db-1, "16" on db-2, "" on db-3`},
		{"data directories that differ", func(m []Machine) []Machine {
			in(m, 2, kafka.Main, "kafka-logs", "kafka-data")
			m[1].Data["/home/fams/kafka-data"] = m[1].Data[logs]
			return m
		}, "kafka log.dirs: is "},
		{"several data directories", func(m []Machine) []Machine {
			in(m, 0, kafka.Main, "log.dirs=/home/fams/kafka-logs", "log.dirs=/a,/b")
			return m
		}, "db-1: log.dirs names several directories (/a,/b)"},
		{"no data directory, which is below /tmp then", func(m []Machine) []Machine {
			in(m, 0, kafka.Main, "log.dirs=/home/fams/kafka-logs\n", "")
			return m
		}, "db-1: /home/fams/kafka/config/server.properties has no log.dirs"},
		{"a link to the data", func(m []Machine) []Machine {
			data(m, 1, zk, func(d *Data) { d.Kind = "symbolic link" })
			return m
		}, "db-1: dataDir names /home/fams/zk_data, which is a symbolic link"},
		{"data in a home itself", func(m []Machine) []Machine {
			data(m, 1, zk, func(d *Data) { d.Home = true })
			return m
		}, "which is a user's home directory"},
		{"data behind a closed directory", func(m []Machine) []Machine {
			data(m, 1, zk, func(d *Data) { d.Closed = "/srv/fams" })
			return m
		}, "db-1: dataDir names /home/fams/zk_data, and other users may not enter /srv/fams: chmod o+x /srv/fams"},
		{"several listeners", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "192.168.1.1:9092\n", "192.168.1.1:9092,OUT://:9093\n")
			return m
		}, "db-1: listeners are PLAINTEXT://192.168.1.1:9092,OUT://:9093"},
		{"a listener of another protocol", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "PLAINTEXT://", "SSL://")
			return m
		}, "db-1: its listener SSL has the protocol SSL:SSL"},
		{"a listener of another name", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "PLAINTEXT://", "listener.security.protocol.map=INSIDE:PLAINTEXT\nlisteners=INSIDE://")
			in(m, 1, kafka.Main, "listeners=listener", "listener")
			return m
		}, "db-1: its listener INSIDE has the protocol INSIDE:PLAINTEXT"},
		{"another port for clients", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "broker.id", "advertised.listeners=PLAINTEXT://192.168.1.1:19092\nbroker.id")
			return m
		}, "db-1: listens on port 9092 and tells clients 19092"},
		{"another address for clients", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "broker.id", "advertised.listeners=PLAINTEXT://db-1.example:9092\nbroker.id")
			return m
		}, "db-1: listens on 192.168.1.1 and tells clients db-1.example"},
		{"a file that was changed since the start", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "192.168.1.1:9092\n", "192.168.1.1:9192\n")
			return m
		}, "db-1: /home/fams/kafka/config/server.properties says port 9192, and process 400"},
		{"the article's slip: another machine's ZooKeeper", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "192.168.1.3:2181", "192.168.0.12:2181")
			return m
		}, "db-1: zookeeper.connect names 192.168.0.12:2181"},
		{"no ZooKeeper in the file", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "zookeeper.connect", "zookeeper.contact")
			return m
		}, "db-1: /home/fams/kafka/config/server.properties has no zookeeper.connect"},
		{"paths in ZooKeeper that differ", func(m []Machine) []Machine {
			in(m, 1, kafka.Main, "192.168.1.3:2181", "192.168.1.3:2181/kafka")
			return m
		}, "kafka path in ZooKeeper: is \"/kafka\" on db-1"},
		{"an address for the ensemble and another for clients", func(m []Machine) []Machine {
			for i := range m {
				in(m, i+1, kafka.Main, fmt.Sprintf("PLAINTEXT://192.168.1.%d", i+1), fmt.Sprintf("PLAINTEXT://10.0.0.%d", i+1))
			}
			return m
		}, "db-1: is 192.168.1.1 to the ensemble and 10.0.0.1 to the brokers' clients"},
		{"two brokers on a machine", func(m []Machine) []Machine {
			m[0].Servers = append(m[0].Servers, server(500, kafka.Main, "config/server-1.properties", []int{9093}, fmt.Sprintf(serverFile, 3, "192.168.1.1")))
			return m
		}, "db-1: runs process 500 (kafka.Kafka /home/fams/kafka/config/server-1.properties) beside process 400"},
		{"a file that cannot be read", func(m []Machine) []Machine {
			m[0].Servers[0].Config = ""
			return m
		}, `its file "/home/fams/kafka/config/zookeeper.properties" cannot be read`},
		{"a file that is no properties file", func(m []Machine) []Machine {
			m[0].Servers[0].Config = `a=\uzzzz`
			return m
		}, "line 1"},
		{"a server in a container", func(m []Machine) []Machine {
			m[0].Servers[0].Elsewhere = true
			return m
		}, "runs in a container of its own"},
		{"a user's own unit", func(m []Machine) []Machine {
			m[0].Servers[0].Unit, m[0].Servers[0].UsersUnit = "zk.service", true
			return m
		}, "belongs to the service manager of user fams"},
		{"one unit for both", func(m []Machine) []Machine {
			m[0].Servers[0].Unit, m[0].Servers[1].Unit = "all.service", "all.service"
			return m
		}, "db-1: all.service runs both"},
		{"a line that starts it again", func(m []Machine) []Machine {
			m[0].Starters = []Starter{{"/etc/rc.local", "su fams -c kafka-server-start.sh"}}
			return m
		}, "db-1: /etc/rc.local would start a server again"},
		{"an enabled unit that does not run it", func(m []Machine) []Machine {
			m[0].Starters = []Starter{{"/etc/systemd/system/kafka.service", "ExecStart=/k/bin/kafka-server-start.sh"}}
			return m
		}, "db-1: /etc/systemd/system/kafka.service would start a server again"},
		{"weir's own machine", func(m []Machine) []Machine {
			m[0].Owner = "prod"
			return m
		}, `db-1: belongs to cluster "prod" already`},
		{"a property of the JVM that weir cannot pass on", func(m []Machine) []Machine {
			m[0].Servers[0].Options = append(m[0].Servers[0].Options, "-Djute.maxbuffer=8000000")
			return m
		}, "db-1: process 300"},
		{"options that differ", func(m []Machine) []Machine {
			m[0].Servers[0].Options = append(m[0].Servers[0].Options, "-XX:+AlwaysPreTouch")
			return m
		}, "zookeeper JVM options: is "},
		{"a limit that is no number", func(m []Machine) []Machine {
			in(m, 0, zookeeper.Main, "syncLimit=2", "syncLimit=two")
			return m
		}, `zookeeper syncLimit: is "two"`},
		{"a data directory that weir could not write down", func(m []Machine) []Machine {
			in(m, 0, kafka.Main, "log.dirs=/home/fams/kafka-logs", "log.dirs=/home/fams/kafka logs")
			for i := range m {
				m[i].Data["/home/fams/kafka logs"] = m[i].Data[logs]
			}
			return m
		}, "kafka logs\" cannot be used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := Judge(c.change(article()))
			if err := problems.Err(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want a problem that says\n%s", err, c.says)
			}
		})
	}
}
