package verify

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/ops/status"
	"weir/provision/inventory"
	"weir/provision/zookeeper"
)

// seen is what the article's cluster says of itself when all is well.
type seen struct {
	sights []sight
	zk     *status.ZooKeeper
	kafka  *status.Kafka
}

func healthy() seen {
	o := seen{kafka: &status.Kafka{Version: "3.9.2", ClusterID: "id", Controller: 1}}
	var answers []zookeeper.Answer
	for i, m := range article().Machines {
		o.sights = append(o.sights, sight{
			machine: m.Name, myid: string(rune('1' + i)), clusterID: "id", brokerID: string(rune('0' + i)),
			ports: map[int]bool{2181: true, 9092: true}, files: 1 << 20, maps: 65530,
			units: []unit{running("zookeeper", "weir-zookeeper.service"), running("kafka", "weir-kafka.service")},
		})
		o.kafka.Brokers = append(o.kafka.Brokers, status.Broker{
			ID: int32(i), Machine: m.Name, Address: m.Address + ":9092", Advertised: m.Address + ":9092",
			Answers: true, Registered: true, ClusterID: "id", Controller: 1,
		})
		mode := zookeeper.Follower
		if i == 2 {
			mode = zookeeper.Leader
		}
		answers = append(answers, zookeeper.Answer{
			Member: zookeeper.Member{Machine: m.Name, ID: i + 1, Address: m.Address},
			Status: zookeeper.Status{Mode: mode, ID: i + 1, Membership: []string{
				"server.1=192.168.1.1:2888:3888:participant", "server.2=192.168.1.2:2888:3888:participant", "server.3=192.168.1.3:2888:3888:participant",
			}},
		})
	}
	o.zk = ensemble(answers)
	return o
}

// judge is what the checks that only look find.
func (o seen) judge(c inventory.Cluster) (f []Finding) {
	for _, s := range o.sights {
		f = append(f, judgeMachine(c, s)...)
	}
	if o.zk != nil {
		f = append(f, judgeEnsemble(c, *o.zk)...)
		f = append(f, judgeMyIDs(c, o.sights)...)
	}
	checked := &subject{cluster: c}
	for _, s := range o.sights {
		for _, u := range s.units {
			if u.process != nil {
				f = append(f, checked.judgeLimits(s, u)...)
			}
		}
		for _, d := range s.disks {
			f = append(f, checked.judgeDisk(s.machine, d)...)
		}
	}
	return slices.Concat(f, judgeBrokers(c, *o.kafka), judgeIdentity(c, *o.kafka, o.sights), judgeVersions(c, o.sights), checked.judgeAdvertised(*o.kafka))
}

func running(component, name string) unit {
	u := unit{
		unitAsked: unitAsked{component, name}, load: "loaded", active: "active", sub: "running", result: "success", enabled: "enabled", pid: 7,
		process: &process{state: "S", user: 999, limit: openFiles[component], files: 200, maps: 300},
	}
	if component == kafkaComponent {
		u.process.version = "3.9.2"
	}
	return u
}

func ensemble(answers []zookeeper.Answer) *status.ZooKeeper {
	z := status.EnsembleOf(answers)
	return &z
}

func TestAHealthyClusterHasNoFinding(t *testing.T) {
	if got := healthy().judge(article()); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// Each way to break the cluster must be found on the machine where it broke.
func TestWhatIsBrokenIsFoundWhereItBroke(t *testing.T) {
	room := func(o *seen, d disk) {
		d.path, d.component, d.writable, d.user, d.owner, d.mode = "/home/fams/kafka-logs", kafkaComponent, true, 999, 999, 0o755
		o.sights[2].disks = []disk{d}
	}
	tests := []struct {
		name    string
		damage  func(o *seen)
		machine string
		found   string
		next    string
	}{
		{"a machine that cannot be reached", func(o *seen) {
			o.sights[1] = sight{machine: "node2", err: errors.New("no route to host")}
		}, "node2", "no route to host", "ssh fams@192.168.1.2"},
		{"a unit that failed", func(o *seen) {
			u := &o.sights[0].units[1]
			u.active, u.sub, u.result, u.pid, u.process = "failed", "failed", "oom-kill", 0, nil
		}, "node1", "weir-kafka.service is failed (failed, oom-kill)", "journalctl -u weir-kafka.service"},
		{"a unit that is not there", func(o *seen) {
			u := &o.sights[0].units[0]
			u.load, u.active, u.sub, u.enabled, u.pid, u.process = "not-found", "inactive", "dead", "", 0, nil
		}, "node1", "weir-zookeeper.service is not-found", "journalctl"},
		{"a unit that does not start with its machine", func(o *seen) { o.sights[2].units[1].enabled = "disabled" },
			"node3", "weir-kafka.service is disabled", "ops up"},
		{"a process that was stopped by a signal", func(o *seen) { o.sights[1].units[0].process.state = "T" },
			"node2", "its process 7 was stopped by a signal", "systemctl kill"},
		{"a server that does not listen", func(o *seen) { delete(o.sights[1].ports, 9092) },
			"node2", "nothing listens on port 9092", "weir-kafka.service"},
		{"a myid changed by hand", func(o *seen) { o.sights[2].myid = "1" },
			"node3", `/home/fams/zk_data/myid holds "1"`, "ops up"},
		{"a myid that vanished", func(o *seen) { o.sights[2].myid = "" },
			"node3", `myid holds ""`, "ops up"},
		{"a member that does not serve", func(o *seen) {
			a := o.zk.Answers()
			a[0].Err = &zookeeper.NotServingError{Answer: "This ZooKeeper instance is not currently serving requests"}
			o.zk = ensemble(a)
		}, "node1", "does not serve", "weir-zookeeper.service"},
		{"an ensemble without a leader", func(o *seen) {
			a := o.zk.Answers()
			a[2].Status.Mode = zookeeper.Follower
			o.zk = ensemble(a)
		}, "node1, node2, node3", "0 leaders", "ops status"},
		{"a member that runs under another's id", func(o *seen) {
			a := o.zk.Answers()
			a[1].Status.ID = 3
			o.zk = ensemble(a)
		}, "node2", "id 3", "weir-zookeeper.service"},
		{"the first member with another ensemble, and not its neighbours", func(o *seen) {
			a := o.zk.Answers()
			a[0].Status.Membership = []string{"server.1=192.168.1.1:2888:3888:participant", "server.3=192.168.1.3:2888:3888"}
			o.zk = ensemble(a)
		}, "node1", "1=192.168.1.1 3=192.168.1.3", "ops up"},
		{"a broker that is gone", func(o *seen) {
			o.kafka.Brokers[2].Answers, o.kafka.Brokers[2].Registered, o.kafka.Brokers[2].Error = false, false, "connection refused"
		}, "node3", "broker 2 does not answer at 192.168.1.3:9092: connection refused", "journalctl -u weir-kafka.service"},
		{"a broker that lost its registration", func(o *seen) { o.kafka.Brokers[0].Registered = false },
			"node1", "broker 0 answers but is not registered", "weir-kafka.service"},
		{"a broker of another cluster", func(o *seen) { o.kafka.Brokers[0].ClusterID = "other" },
			"node1", `broker 0 belongs to cluster "other"`, "weir-kafka.service"},
		{"a broker that follows another controller", func(o *seen) { o.kafka.Brokers[2].Controller = 0 },
			"node3", "broker 2 takes broker 0 for the controller", "weir-kafka.service"},
		{"a broker that nobody declared", func(o *seen) {
			o.kafka.Strangers = []status.Stranger{{ID: 9, Address: "192.168.1.9:9092"}}
		}, "192.168.1.9:9092", "broker 9 is registered and not declared", "ops status"},
		{"a cluster without a controller", func(o *seen) {
			o.kafka.Controller = -1
			for i := range o.kafka.Brokers {
				o.kafka.Brokers[i].Controller = -1
			}
		}, "node1, node2, node3", "the controller is broker -1", "ops status"},
		{"data of another cluster", func(o *seen) { o.sights[1].clusterID = "theirs" },
			"node2", `meta.properties says that the data is cluster "theirs"'s`, "weir-kafka.service"},
		{"data of another broker", func(o *seen) { o.sights[1].brokerID = "2" },
			"node2", "the data is broker 2's", "weir-kafka.service"},
		{"a broker of another version than its neighbours", func(o *seen) { o.sights[0].units[1].process.version = "3.8.0" },
			"node1", "runs Kafka 3.8.0", "ops preview"},
		{"an address that nobody declared", func(o *seen) { o.kafka.Brokers[1].Advertised = "10.9.9.9:9092" },
			"node2", "broker 1 advertises 10.9.9.9:9092", "ops preview"},
		{"a limit that was lowered", func(o *seen) { o.sights[0].units[1].process.limit = 1024 },
			"node1", "weir-kafka.service may open 1024 files", "systemctl cat"},
		{"a process close to its limit", func(o *seen) { o.sights[0].units[0].process.files = 16000 },
			"node1", "has 16000 files open of at most 16384", "weir-zookeeper.service"},
		{"a process close to the kernel's limit of maps", func(o *seen) { o.sights[2].units[1].process.maps = 60000 },
			"node3", "60000 memory maps of at most 65530", "max_map_count"},
		{"a disk that is too small", func(o *seen) { room(o, disk{total: 200 << 20, free: 150 << 20}) },
			"node3", "/home/fams/kafka-logs has 150 MiB free of 200 MiB", "df -h"},
		{"a disk that is nearly full", func(o *seen) { room(o, disk{total: 100 << 30, free: 9 << 30}) },
			"node3", "9.0 GiB free of 100.0 GiB", "df -h"},
		{"a disk without inodes", func(o *seen) { room(o, disk{total: 100 << 30, free: 50 << 30, inodes: 1000, freeInodes: 10}) },
			"node3", "10 of 1000 inodes free", "df -h"},
		{"a disk that is read-only", func(o *seen) {
			room(o, disk{total: 100 << 30, free: 50 << 30})
			o.sights[2].disks[0].writable = false
		}, "node3", "/home/fams/kafka-logs is read-only", "df -h"},
		{"a directory that belongs to somebody else", func(o *seen) {
			room(o, disk{total: 100 << 30, free: 50 << 30})
			o.sights[2].disks[0].owner = 0
		}, "node3", "/home/fams/kafka-logs belongs to user 0", "df -h"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := healthy()
			tt.damage(&o)
			got := o.judge(article())
			if len(got) != 1 {
				t.Fatalf("got %d findings, want 1: %+v", len(got), got)
			}
			f := got[0]
			if f.Machine != tt.machine || !strings.Contains(f.Found, tt.found) || !strings.Contains(f.Next, tt.next) || f.Expected == "" {
				t.Errorf("got %+v\nwant machine %q, found %q, next %q, and something expected", f, tt.machine, tt.found, tt.next)
			}
		})
	}
}

func TestWhatIsNoFaultIsNotFound(t *testing.T) {
	tests := []struct {
		name   string
		change func(o *seen)
	}{
		{"a container whose engine allows fewer open files", func(o *seen) {
			o.sights[0].files, o.sights[0].units[0].process.limit, o.sights[0].units[1].process.limit = 4096, 4096, 4096
		}},
		{"a tenth of a large disk", func(o *seen) {
			o.sights[0].disks = []disk{{total: 10 << 40, free: 60 << 30, writable: true, user: -1}}
		}},
		{"a member that does not tell its ensemble", func(o *seen) {
			a := o.zk.Answers()
			a[1].Status.Membership = nil
			o.zk = ensemble(a)
		}},
	}
	for _, tt := range tests {
		o := healthy()
		tt.change(&o)
		if got := o.judge(article()); len(got) != 0 {
			t.Errorf("%s: got %+v", tt.name, got)
		}
	}
}

func TestWithoutZooKeeperAnyBrokerMayBeCalledController(t *testing.T) {
	c, o := article(), healthy()
	c.ZooKeeper, o.zk = nil, nil
	for i := range o.sights {
		o.sights[i].units = o.sights[i].units[1:]
	}
	o.kafka.Brokers[0].Controller = 2
	if got := o.judge(c); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// topicOf is a topic with three partitions on brokers 0, 1, 2, all in sync.
func topicOf(name string) status.Topic {
	t := status.Topic{Name: name, Exists: true, Declared: name == "user-behavior-topic", ReplicationFactor: 3}
	for p := range int32(3) {
		t.Partitions = append(t.Partitions, status.Partition{
			ID: p, Leader: p, Replicas: []int32{p, (p + 1) % 3, (p + 2) % 3}, ISR: []int32{0, 1, 2},
		})
	}
	return t
}

func TestPartitionsAreJudged(t *testing.T) {
	tests := []struct {
		name    string
		damage  func(topics []status.Topic)
		machine string
		found   string
	}{
		{"nothing is wrong", func([]status.Topic) {}, "", ""},
		{"a broker out of sync, in internal topics too", func(ts []status.Topic) {
			for i := range ts {
				for p := range ts[i].Partitions {
					ts[i].Partitions[p].ISR = []int32{0, 1}
				}
			}
		}, "node3", "broker 2 is not in sync for 6 partitions (user-behavior-topic-0, user-behavior-topic-1, user-behavior-topic-2, __consumer_offsets-0, __consumer_offsets-1, ...)"},
		{"a broker that is offline", func(ts []status.Topic) {
			ts[0].Partitions[0].ISR, ts[0].Partitions[0].Offline = []int32{0, 1}, []int32{2}
		}, "node3", "broker 2 is offline for partition user-behavior-topic-0"},
		{"a partition that nobody leads", func(ts []status.Topic) { ts[1].Partitions[2].Leader = -1 },
			"node3, node1, node2", "partition __consumer_offsets-2 has no leader"},
		{"an internal topic with too few replicas", func(ts []status.Topic) {
			ts[1].ReplicationFactor = 1
			for p := range ts[1].Partitions {
				ts[1].Partitions[p].Replicas, ts[1].Partitions[p].ISR = []int32{0}, []int32{0}
			}
			ts[1].Name = "__transaction_state"
		}, "node1, node2, node3", "topic __transaction_state has partitions with 1 replicas"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			topics := []status.Topic{topicOf("user-behavior-topic"), topicOf("__consumer_offsets")}
			topics[1].Internal = true
			tt.damage(topics)
			c := article()
			wantFinding(t, slices.Concat(judgeReplicas(c, topics), judgeMinISR(c, topics, settings{}), judgeInternal(c, topics)), tt.machine, tt.found)
		})
	}
}

func TestPartitionsThatRefuseWritesAreFoundWhereReplicasAreMissing(t *testing.T) {
	topics := []status.Topic{topicOf("user-behavior-topic")}
	topics[0].Partitions[1].ISR = []int32{1}
	s := settings{topics: map[string]topicSettings{"user-behavior-topic": {inForce: map[string]string{minISRSetting: "2"}}}}
	wantFinding(t, judgeMinISR(article(), topics, s), "node1, node3", "partition user-behavior-topic-1 refuse writes")
}

// What min.insync.replicas asks for beyond the replicas is refused by old Kafka, and
// not asked for by today's.
func TestMoreInSyncThanThereAreReplicasIsJudgedByVersion(t *testing.T) {
	topics := []status.Topic{topicOf("user-behavior-topic")}
	s := settings{topics: map[string]topicSettings{"user-behavior-topic": {inForce: map[string]string{minISRSetting: "4"}}}}
	c := article()
	wantFinding(t, judgeMinISR(c, topics, s), "", "")
	c.Kafka.Version = "0.8.2.1"
	wantFinding(t, judgeMinISR(c, topics, s), "node1, node2, node3", "user-behavior-topic-2) refuse writes")
}

// wantFinding wants one finding, or none where found is empty.
func wantFinding(t *testing.T, got []Finding, machine, found string) {
	t.Helper()
	switch {
	case found == "" && len(got) > 0:
		t.Errorf("got %+v, want nothing", got)
	case found != "" && (len(got) != 1 || got[0].Machine != machine || !strings.Contains(got[0].Found, found) || got[0].Next == "" || got[0].Expected == ""):
		t.Errorf("got %+v\nwant one finding on %q that says %q", got, machine, found)
	}
}

func TestTopicsAreJudged(t *testing.T) {
	tests := []struct {
		name    string
		damage  func(topics []status.Topic, s *settings)
		machine string
		found   string
	}{
		{"nothing is wrong", func([]status.Topic, *settings) {}, "", ""},
		{"a declared topic is missing", func(ts []status.Topic, _ *settings) {
			ts[0] = status.Topic{Name: "user-behavior-topic", Declared: true}
		}, "node1, node2, node3", "topic user-behavior-topic does not exist"},
		{"a partition too many", func(ts []status.Topic, _ *settings) {
			ts[0].Partitions = append(ts[0].Partitions, status.Partition{ID: 3, Replicas: []int32{0, 1, 2}, ISR: []int32{0, 1, 2}})
		}, "node1, node2, node3", "user-behavior-topic has 4 partitions"},
		{"a replica too few", func(ts []status.Topic, _ *settings) {
			ts[0].Partitions[1].Replicas, ts[0].Partitions[1].ISR = []int32{1, 2}, []int32{1, 2}
		}, "node1, node2, node3", "partition user-behavior-topic-1 has 2 replicas"},
		{"a setting that nobody declared", func(_ []status.Topic, s *settings) {
			s.topics["user-behavior-topic"].own["retention.ms"] = "1000"
		}, "node1, node2, node3", "retention.ms=1000"},
		{"unclean elections allowed on the brokers", func(_ []status.Topic, s *settings) {
			s.topics["user-behavior-topic"].inForce[uncleanSetting] = "true"
		}, "node1, node2, node3", "unclean.leader.election.enable=true"},
		{"the brokers' default of what must be in sync changed", func(_ []status.Topic, s *settings) {
			s.topics["user-behavior-topic"].inForce[minISRSetting] = "1"
		}, "node1, node2, node3", "min.insync.replicas=1"},
		{"a leader moved off the preferred one", func(ts []status.Topic, _ *settings) { ts[0].Partitions[1].Leader = 0 },
			"node2", "broker 1 does not lead partition user-behavior-topic-1, as it should"},
		{"a broker that is meant to lead nothing", func(ts []status.Topic, _ *settings) {
			ts[0].Partitions[1].Leader, ts[0].Partitions[1].Replicas = 0, []int32{0, 1, 2}
		}, "node2", "broker 1 is meant to lead no partition of user-behavior-topic"},
		{"a throttle of a topic left over", func(_ []status.Topic, s *settings) {
			s.topics["other"] = topicSettings{inForce: map[string]string{topicThrottles[0]: "0:1"}}
		}, "node1, node2, node3", "topic other: a throttle was left, leader.replication.throttled.replicas=0:1"},
		{"a throttle of a broker left over", func(_ []status.Topic, s *settings) {
			s.throttled["node3"] = []string{"leader.replication.throttled.rate=1000"}
		}, "node3", "broker 2: a throttle was left, leader.replication.throttled.rate=1000"},
		{"a throttle of a move that is under way", func(_ []status.Topic, s *settings) {
			s.throttled["node3"] = []string{"leader.replication.throttled.rate=1000"}
			s.moving["user-behavior-topic"] = []int32{1}
		}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := settings{throttled: map[string][]string{}, moving: map[string][]int32{}, topics: map[string]topicSettings{
				"user-behavior-topic": {own: map[string]string{}, inForce: map[string]string{minISRSetting: "2", uncleanSetting: "false"}},
			}}
			topics := []status.Topic{topicOf("user-behavior-topic"), topicOf("__consumer_offsets")}
			tt.damage(topics, &s)
			c := article()
			c.Kafka.MinInsyncReplicas = 2
			wantFinding(t, judgeTopics(c, topics, s), tt.machine, tt.found)
		})
	}
}

func TestClocksAreComparedWithEachOther(t *testing.T) {
	at := func(machine, name string, skew, doubt time.Duration) timepiece {
		return timepiece{machine, name, offset{skew - doubt, skew + doubt, true}}
	}
	const ms = time.Millisecond
	tests := []struct {
		name           string
		all            []timepiece
		machine, found string
	}{
		{"all agree", []timepiece{at("node1", "its clock", 0, ms), at("node2", "its clock", 20*ms, ms), at("node3", "its clock", -30*ms, ms)}, "", ""},
		{"one is ahead", []timepiece{at("node1", "its clock", 0, ms), at("node2", "the clock of broker 1", time.Minute, ms), at("node3", "its clock", 0, ms)},
			"node2", "the clock of broker 1 is 1m0s ahead of the others"},
		{"this computer's is wrong", []timepiece{at("node1", "its clock", time.Hour, ms), at("node2", "its clock", time.Hour, ms), at("node3", "its clock", time.Hour, ms)}, "", ""},
		{"one answers slowly", []timepiece{at("node1", "its clock", 0, ms), at("node2", "its clock", 2*time.Second, 2*time.Second), at("node3", "its clock", 0, ms)}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := (&subject{cluster: article()}).judgeClocks(tt.all)
			wantFinding(t, got, tt.machine, tt.found)
		})
	}
}

func TestReplicasAndEndsAreJudged(t *testing.T) {
	records := []held{{5, "a"}, {6, "b"}}
	tests := []struct {
		name  string
		p     passage
		found string
	}{
		{"as sent", passage{from: 5, to: 7, records: records}, ""},
		{"a record missing", passage{from: 5, to: 8, records: records}, "advanced from offset 5 to 8 and holds 2 records"},
		{"a gap", passage{from: 5, to: 7, records: []held{{5, "a"}, {9, "b"}}}, "holds offset 9 where 6 should be"},
		{"not written", passage{err: errors.New("no leader")}, "no leader"},
	}
	for _, tt := range tests {
		tt.p.leader = 1
		wantFinding(t, (&subject{cluster: article()}).judgeEnd(tt.p), "node2", tt.found)
	}
	if got := difference([]held{{5, "a"}, {6, "x"}}, records); !strings.Contains(got, `at offset 6 it holds offset 6, "x", and not "b"`) {
		t.Errorf("got %q", got)
	}
	if got := difference(records[:1], records); got != "1 records of 2" {
		t.Errorf("got %q", got)
	}
}

func TestAGroupIsJudgedOnItsCoordinatorsMachine(t *testing.T) {
	c := &subject{cluster: article()}
	wantFinding(t, c.judgeTurn(turn{group: "g", coordinator: 2, committed: 7, fetched: 7}), "", "")
	wantFinding(t, c.judgeTurn(turn{group: "g", coordinator: 2, committed: 7, fetched: 6}), "node3", "offset 7 was committed, and 6 came back")
	wantFinding(t, c.judgeTurn(turn{group: "g", coordinator: -1, err: errors.New("no coordinator")}), "node1, node2, node3", "no coordinator")
}

func TestEachBrokerCoordinatesAGroup(t *testing.T) {
	offsets := status.Topic{Name: offsetsTopic, Exists: true}
	for p := range int32(50) {
		offsets.Partitions = append(offsets.Partitions, status.Partition{ID: p, Leader: p % 3})
	}
	c := &subject{cluster: article(), run: "1700000000-abc"}
	names := c.groupNames([]status.Topic{offsets})
	leaders := map[int32]bool{}
	for _, name := range names {
		leaders[offsets.Partitions[groupPartition(name, 50)].Leader] = true
	}
	if len(names) != 3 || len(leaders) != 3 {
		t.Errorf("got %q for brokers %v, want a group for each of 3", names, leaders)
	}
	if got := c.groupNames(nil); len(got) != 1 {
		t.Errorf("without the topic: got %q, want one group", got)
	}
}

// The hashes are Java's; "polygenelubricants" has the smallest number there is.
func TestAGroupsPartitionIsKafkas(t *testing.T) {
	for group, want := range map[string]int{"": 0, "a": 97 % 50, "hello": 99162322 % 50, "polygenelubricants": 0} {
		if got := groupPartition(group, 50); got != want {
			t.Errorf("group %q: got %d, want %d", group, got, want)
		}
	}
}

func TestAJobsUnitIsJudgedOnItsMachine(t *testing.T) {
	c := article()
	u := running("producer", "weir-producer.service")
	u.active, u.sub, u.pid, u.process = "inactive", "dead", 0, nil
	sights := []sight{{machine: "node1", units: []unit{u}}}
	wantFinding(t, judgeJob(c, c.Jobs[0], sights), "node1", "weir-producer.service is inactive (dead)")
	sights[0].units[0] = running("producer", "weir-producer.service")
	wantFinding(t, judgeJob(c, c.Jobs[0], sights), "", "")
	sights[0] = sight{machine: "node1", err: errors.New("no route to host")}
	wantFinding(t, judgeJob(c, c.Jobs[0], sights), "node1", "job producer cannot be asked: no route to host")
}

func TestAPassageIsJudgedOnItsLeadersMachine(t *testing.T) {
	c := &subject{cluster: article()}
	lost := newTally(probeMessages)
	for seq := range probeMessages - 1 {
		lost.add(seq)
	}
	tests := []struct {
		name string
		p    passage
		want string
	}{
		{"a message lost", passage{partition: 1, leader: 1, tally: lost, acked: latencies{time.Millisecond}}, "1 lost"},
		{"not acknowledged", passage{partition: 1, leader: 1, tally: newTally(probeMessages), err: errors.New("not enough in-sync replicas")}, "not enough in-sync replicas"},
	}
	for _, tt := range tests {
		got := c.judgePassage(tt.p)
		if len(got) != 1 || got[0].Machine != "node2" || !strings.Contains(got[0].Found, tt.want) {
			t.Errorf("%s: got %+v, want a finding on node2 that says %q", tt.name, got, tt.want)
		}
	}
}

func TestEachBrokerGetsAPartitionToLead(t *testing.T) {
	tests := []struct {
		name    string
		brokers []int32
		want    [][]int32
	}{
		{"one broker", []int32{7}, [][]int32{{7}}},
		{"three brokers", []int32{0, 1, 2}, [][]int32{{0, 1, 2}, {1, 2, 0}, {2, 0, 1}}},
		{"four brokers with ids of their own", []int32{1, 5, 8, 9}, [][]int32{{1, 5, 8}, {5, 8, 9}, {8, 9, 1}, {9, 1, 5}}},
	}
	for _, tt := range tests {
		got := assign(tt.brokers)
		if !slices.EqualFunc(got, tt.want, slices.Equal) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestABrokerThatLeadsNothingIsNamed(t *testing.T) {
	c := &subject{cluster: article()}
	got := c.leaderless(map[int32]int32{0: 0, 1: 1, 2: 0})
	if len(got) != 1 || got[0].Machine != "node3" || !strings.Contains(got[0].Found, "broker 2 leads no partition") {
		t.Errorf("got %+v", got)
	}
}
