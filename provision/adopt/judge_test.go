package adopt

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/provision/kafka"
	"weir/provision/process"
	"weir/provision/zookeeper"
)

// article is the article's cluster on three machines, in today's version.
func article() []Machine {
	var machines []Machine
	for i := range 3 {
		address := fmt.Sprintf("192.168.1.%d", i+1)
		machines = append(machines, Machine{
			Name: fmt.Sprintf("db-%d", i+1), Address: address, Hostname: fmt.Sprintf("db-%d.example", i+1), Java: "/usr/lib/jvm/java-17/bin/java",
			Servers: []process.Java{
				server(300+i, zookeeper.Main, "config/zookeeper.properties", []int{2181, 3888}, zookeeperFile),
				server(400+i, kafka.Main, "config/server.properties", []int{9092}, fmt.Sprintf(serverFile, i, address)),
			},
			Data: map[string]Data{
				"/home/fams/zk_data":    {Kind: "directory", MyID: fmt.Sprint(i + 1)},
				"/home/fams/kafka-logs": {Kind: "directory", Meta: fmt.Sprintf("#Mon\nversion=0\ncluster.id=iInmDtGlRV287r7LFor6mg\nbroker.id=%d\n", i)},
			},
			Names: map[string]string{},
		})
	}
	return machines
}

const zookeeperFile = `tickTime=2000
dataDir=/home/fams/zk_data/
clientPort=2181
initLimit=5
syncLimit=2
server.1=192.168.1.1:2888:3888
server.2=192.168.1.2:2888:3888
server.3=192.168.1.3:2888:3888
`

const serverFile = `broker.id=%d
port=9092
listeners=PLAINTEXT://%s:9092
zookeeper.connect=192.168.1.1:2181,192.168.1.2:2181,192.168.1.3:2181
log.dirs=/home/fams/kafka-logs
`

func server(pid int, main, file string, ports []int, config string) process.Java {
	return process.Java{
		PID: pid, Started: 4711, User: "fams", Program: "/usr/lib/jvm/java-17/bin/java", Dir: "/home/fams/kafka",
		Options: []string{"-Xmx1G", "-Xms1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
			"-XX:+ExplicitGCInvokesConcurrent", "-XX:MaxInlineLevel=15", "-Djava.awt.headless=true", "-Xlog:gc*:file=/home/fams/kafka/bin/../logs/gc.log",
			"-Dcom.sun.management.jmxremote", "-Dkafka.logs.dir=/home/fams/kafka/bin/../logs", "-Dlog4j.configuration=file:bin/../config/log4j.properties"},
		Main: main, Args: []string{file}, Ports: ports, Config: config,
		Jars: []string{"/home/fams/kafka/libs/kafka_2.13-3.9.2.jar", "/home/fams/kafka/libs/zookeeper-3.8.4.jar"},
	}
}

func TestTheArticlesClusterIsDeclaredAsItRuns(t *testing.T) {
	f, problems := Judge(article())
	if len(problems) > 0 {
		t.Fatal(problems.Err())
	}
	if want := (map[string]string{"db-1": "192.168.1.1", "db-2": "192.168.1.2", "db-3": "192.168.1.3"}); !maps.Equal(f.Addresses, want) {
		t.Errorf("addresses: got %v, want %v", f.Addresses, want)
	}
	z, k := f.ZooKeeper, f.Kafka
	wantMembers := []zookeeper.Member{{Machine: "db-1", ID: 1, Address: "192.168.1.1"}, {Machine: "db-2", ID: 2, Address: "192.168.1.2"}, {Machine: "db-3", ID: 3, Address: "192.168.1.3"}}
	if !slices.Equal(z.Members, wantMembers) || z.ClientPort != 2181 || z.PeerPort != 2888 || z.ElectionPort != 3888 || z.TickTime != 2000 || z.Layout.DataDir != "/home/fams/zk_data" || z.Heap != "1g" || !z.Adopt {
		t.Errorf("the ensemble is %+v", z)
	}
	ids := []int32{}
	for _, b := range k.Brokers {
		ids = append(ids, b.ID)
		if b.Bind != "" {
			t.Errorf("%s binds to %q, want its own address", b.Machine, b.Bind)
		}
	}
	if !slices.Equal(ids, []int32{0, 1, 2}) || k.Version != "3.9.2" || k.Listeners[0].Port != 9092 || k.Layout.DataDir != "/home/fams/kafka-logs" || k.Chroot != "" || k.JVMOptions != "" || !k.Adopt {
		t.Errorf("the brokers are %+v", k)
	}
	if f.ClusterID != "iInmDtGlRV287r7LFor6mg" {
		t.Errorf("the cluster is %q", f.ClusterID)
	}
	// What weir would write otherwise, and the files leave to the defaults.
	wantKafka := map[string]string{
		"num.partitions": "1", "default.replication.factor": "1", "min.insync.replicas": "1", "auto.create.topics.enable": "true", "num.recovery.threads.per.data.dir": "1",
	}
	if !maps.Equal(k.Config, wantKafka) {
		t.Errorf("Kafka's settings: got %v, want %v", k.Config, wantKafka)
	}
	if want := (map[string]string{"autopurge.purgeInterval": "0", "admin.enableServer": "true"}); !maps.Equal(z.Config, want) {
		t.Errorf("ZooKeeper's settings: got %v, want %v", z.Config, want)
	}
	if want := []string{"server.properties: port, which this Kafka does not read, is left out"}; !slices.Equal(f.Different, want) {
		t.Errorf("different: got %q, want %q", f.Different, want)
	}
}

// in changes the file of a server of one machine, or of all where m is 0.
func in(machines []Machine, m int, main, old, new string) {
	found := false
	for i := range machines {
		for s := range machines[i].Servers {
			if j := &machines[i].Servers[s]; j.Main == main && (m == 0 || m == i+1) {
				found = found || strings.Contains(j.Config, old)
				j.Config = strings.Replace(j.Config, old, new, 1)
			}
		}
	}
	if !found {
		panic("no file holds " + old)
	}
}

func data(machines []Machine, m int, dir string, change func(*Data)) {
	d := machines[m-1].Data[dir]
	change(&d)
	machines[m-1].Data[dir] = d
}

// each changes the servers of a kind on all machines.
func each(machines []Machine, main string, change func(*process.Java)) {
	for i := range machines {
		for s := range machines[i].Servers {
			if machines[i].Servers[s].Main == main {
				change(&machines[i].Servers[s])
			}
		}
	}
}

func TestOtherClustersAreKeptAsTheyAre(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(m []Machine)
		wrong  func(f Found) any
	}{
		{"other ports and times", func(m []Machine) {
			in(m, 0, zookeeper.Main, "clientPort=2181", "clientPort=2182")
			in(m, 0, zookeeper.Main, "tickTime=2000\n", "")
			in(m, 0, zookeeper.Main, "initLimit=5", "initLimit=10")
			for n := range 3 {
				in(m, 0, zookeeper.Main, fmt.Sprintf("192.168.1.%d:2888:3888", n+1), fmt.Sprintf("192.168.1.%d:2890:3890:participant", n+1))
				in(m, 0, kafka.Main, fmt.Sprintf("192.168.1.%d:2181", n+1), fmt.Sprintf("192.168.1.%d:2182", n+1))
			}
		}, func(f Found) any {
			z := f.ZooKeeper
			return []any{z.ClientPort != 2182, z.TickTime != 3000, z.InitLimit != 10, z.PeerPort != 2890, z.ElectionPort != 3890}
		}},
		{"a path in ZooKeeper, and one member named", func(m []Machine) {
			in(m, 0, kafka.Main, "192.168.1.1:2181,192.168.1.2:2181,192.168.1.3:2181", "192.168.1.2:2181/kafka/")
		}, func(f Found) any { return []any{f.Kafka.Chroot != "/kafka"} }},
		{"each broker asks its own machine's member", func(m []Machine) {
			in(m, 0, kafka.Main, "192.168.1.1:2181,192.168.1.2:2181,192.168.1.3:2181", "localhost")
		}, func(f Found) any { return []any{len(f.Kafka.ZooKeeper) != 3} }},
		{"brokers that listen on all addresses, and tell the host's name", func(m []Machine) {
			for i := range m {
				in(m, i+1, kafka.Main, fmt.Sprintf("PLAINTEXT://192.168.1.%d", i+1), "PLAINTEXT://")
			}
			for i := range m {
				for n := range 3 {
					m[i].Names[fmt.Sprintf("db-%d.example", n+1)] = fmt.Sprintf("192.168.1.%d", n+1)
				}
			}
		}, func(f Found) any {
			return []any{f.Kafka.Brokers[0].Bind != "0.0.0.0", f.Addresses["db-2"] != "db-2.example", f.ZooKeeper.Members[2].Address != "db-3.example"}
		}},
		{"members that listen on all addresses", func(m []Machine) {
			for n := range 3 {
				in(m, n+1, zookeeper.Main, fmt.Sprintf("192.168.1.%d:2888", n+1), "0.0.0.0:2888")
			}
		}, func(f Found) any { return []any{f.ZooKeeper.Members[1].Address != "192.168.1.2"} }},
		{"settings of their own", func(m []Machine) {
			in(m, 0, kafka.Main, "broker.id", "log.retention.hours=48\nmin.insync.replicas=2\nsocket.send.buffer.bytes=102400\nbroker.id")
		}, func(f Found) any {
			_, standard := f.Kafka.Config["min.insync.replicas"]
			return []any{f.Kafka.Config["log.retention.hours"] != "48", f.Kafka.Config["socket.send.buffer.bytes"] != "102400", standard}
		}},
		{"an id that was given by the cluster", func(m []Machine) {
			in(m, 2, kafka.Main, "broker.id=1\n", "")
			data(m, 2, logs, func(d *Data) { d.Meta = strings.Replace(d.Meta, "broker.id=1", "broker.id=1001", 1) })
		}, func(f Found) any { return []any{f.Kafka.Brokers[1].ID != 1001} }},
		{"a single member without an id", func(m []Machine) {
			m[1].Servers, m[2].Servers = m[1].Servers[1:], m[2].Servers[1:]
			for n := range 3 {
				in(m, 0, zookeeper.Main, fmt.Sprintf("server.%d=192.168.1.%d:2888:3888\n", n+1, n+1), "")
			}
			in(m, 0, kafka.Main, "192.168.1.1:2181,192.168.1.2:2181,192.168.1.3:2181", "192.168.1.1:2181")
			data(m, 1, zk, func(d *Data) { d.MyID = "" })
		}, func(f Found) any {
			z := f.ZooKeeper.Members
			return []any{len(z) != 1 || z[0] != zookeeper.Member{Machine: "db-1", ID: 1, Address: "192.168.1.1"}}
		}},
		{"a unit that runs a server", func(m []Machine) {
			m[0].Servers[1].Unit = "kafka.service"
			m[0].Starters = []Starter{{"/etc/systemd/system/kafka.service", "ExecStart=/k/bin/kafka-server-start.sh"}}
		}, func(f Found) any {
			return []any{!slices.Contains(f.Steps("db-1"), "stop and disable kafka.service, and with it process 400 (kafka.Kafka /home/fams/kafka/config/server.properties); hand /home/fams/kafka-logs from fams to weir-kafka; start weir-kafka.service")}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			machines := article()
			c.change(machines)
			f, problems := Judge(machines)
			if len(problems) > 0 {
				t.Fatal(problems.Err())
			}
			if wrong := c.wrong(f); strings.Contains(fmt.Sprint(wrong), "true") {
				t.Errorf("wrong: %v of\n%+v\n%+v\n%v\n%q", wrong, f.ZooKeeper, f.Kafka, f.Addresses, f.Steps("db-1"))
			}
		})
	}
}

func TestTheJVMIsKeptWhereItCanBe(t *testing.T) {
	for _, c := range []struct {
		name          string
		options       []string
		java          string
		heap, jvm     string
		differentSays string
	}{
		{"Kafka's own choice", nil, "", "1g", "", ""},
		{"a collector of one's own", []string{"-XX:+UseZGC", "-XX:+AlwaysPreTouch"}, "", "1g", "-XX:+UseZGC -XX:+AlwaysPreTouch", ""},
		{"the last heap holds", []string{"-Xmx1536m"}, "", "1536m", "", ""},
		{"a heap in bytes", []string{"-Xmx2147483648"}, "", "2048m", "", ""},
		{"a heap in kilobytes", []string{"-Xmx524288k"}, "", "512m", "", ""},
		{"an agent", []string{"-javaagent:/opt/jmx.jar=7071"}, "", "1g", "", "kafka: the option -javaagent:/opt/jmx.jar=7071 is left out"},
		{"an option that a unit cannot hold", []string{`-XX:OnOutOfMemoryError=kill -9 %p`}, "", "1g", "", "kafka: the option -XX:OnOutOfMemoryError=kill -9 %p is left out"},
		{"JMX", []string{"-Dcom.sun.management.jmxremote.port=9999"}, "", "1g", "", "kafka: JMX on port 9999 is not served"},
		{"another Java", []string{"-XX:+UseZGC"}, "/opt/jdk8/bin/java", "1g", "", "kafka on db-1 runs /usr/lib/jvm/java-17/bin/java, the unit /opt/jdk8/bin/java; JVM options are left out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			machines := article()
			for i := range machines {
				if c.java != "" {
					machines[i].Java = c.java
				}
				machines[i].Servers[1].Options = append(machines[i].Servers[1].Options, c.options...)
			}
			f, problems := Judge(machines)
			if len(problems) > 0 {
				t.Fatal(problems.Err())
			}
			if f.Kafka.Heap != c.heap || f.Kafka.JVMOptions != c.jvm {
				t.Errorf("got heap %q and options %q, want %q and %q", f.Kafka.Heap, f.Kafka.JVMOptions, c.heap, c.jvm)
			}
			if c.differentSays != "" && !slices.Contains(f.Different, c.differentSays) {
				t.Errorf("different: got %q, want %q among them", f.Different, c.differentSays)
			}
		})
	}
	machines := article()
	machines[1].Servers[1].Options = []string{"-Xmx512m"}
	if f, problems := Judge(machines); len(problems) > 0 || f.Kafka.Heap != "512m" || !slices.Contains(f.Different, "kafka: the heap is 512m on every machine, where it was up to 1g") {
		t.Errorf("heaps that differ: got %q, %v, %q", f.Kafka.Heap, problems, f.Different)
	}
}

func TestSettingsOfTheStatesAreReadAsWeirWritesThem(t *testing.T) {
	f, _ := Judge(article())
	states, err := kafka.States(f.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	own := contents(states, nil, path.Base(f.Kafka.ConfigFile()))
	for key, value := range f.Kafka.Config {
		if own[key] != value {
			t.Errorf("%s=%s is written as %q", key, value, own[key])
		}
	}
	again, _ := Judge(article())
	if !reflect.DeepEqual(f, again) {
		t.Error("the same machines gave two clusters")
	}
}
