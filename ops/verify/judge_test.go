package verify

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weir/ops/status"
	"weir/provision/zookeeper"
)

// healthy is what the article's cluster says of itself when all is well.
func healthy() overview {
	o := overview{kafka: &status.Kafka{Version: "3.9.2", ClusterID: "id", Controller: 1}}
	var answers []zookeeper.Answer
	for i, m := range article().Machines {
		o.machines = append(o.machines, status.Machine{
			Name: m.Name, Address: m.Address, Reachable: true, MyID: string(rune('1' + i)),
			Services: []status.Service{running("zookeeper", "weir-zookeeper.service"), running("kafka", "weir-kafka.service")},
		})
		o.kafka.Brokers = append(o.kafka.Brokers, status.Broker{
			ID: int32(i), Machine: m.Name, Address: m.Address + ":9092", Answers: true, Registered: true, ClusterID: "id", Controller: 1,
		})
		mode := zookeeper.Follower
		if i == 2 {
			mode = zookeeper.Leader
		}
		answers = append(answers, zookeeper.Answer{
			Member: zookeeper.Member{Machine: m.Name, ID: i + 1, Address: m.Address}, Status: zookeeper.Status{Mode: mode, ID: i + 1},
		})
	}
	o.zk = ensemble(answers)
	return o
}

func running(component, unit string) status.Service {
	return status.Service{Component: component, Unit: unit, Known: true, Load: "loaded", Active: "active", Sub: "running", PID: 7}
}

func ensemble(answers []zookeeper.Answer) *status.ZooKeeper {
	z := status.EnsembleOf(answers)
	return &z
}

func TestAHealthyClusterHasNoFinding(t *testing.T) {
	if got := judgeMachines(article(), healthy()); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

// Each way to break the cluster must be found on the machine where it broke.
func TestWhatIsBrokenIsFoundWhereItBroke(t *testing.T) {
	tests := []struct {
		name    string
		damage  func(o *overview)
		machine string
		found   string
		next    string
	}{
		{"a machine that cannot be reached", func(o *overview) {
			o.machines[1] = status.Machine{Name: "node2", Error: "no route to host"}
		}, "node2", "no route to host", "ssh fams@192.168.1.2"},
		{"a unit that failed", func(o *overview) {
			o.machines[0].Services[1] = status.Service{Component: "kafka", Unit: "weir-kafka.service", Known: true, Load: "loaded", Active: "failed", Sub: "failed"}
		}, "node1", "weir-kafka.service is failed (failed)", "journalctl -u weir-kafka.service"},
		{"a unit that is not there", func(o *overview) {
			o.machines[0].Services[0] = status.Service{Component: "zookeeper", Unit: "weir-zookeeper.service", Known: true, Load: "not-found", Active: "inactive", Sub: "dead"}
		}, "node1", "weir-zookeeper.service is not-found", "journalctl"},
		{"a myid changed by hand", func(o *overview) { o.machines[2].MyID = "1" },
			"node3", `/home/fams/zk_data/myid holds "1"`, "ops up"},
		{"a myid that vanished", func(o *overview) { o.machines[2].MyID = "" },
			"node3", `myid holds ""`, "ops up"},
		{"a member that does not serve", func(o *overview) {
			a := o.zk.Answers()
			a[0].Err = &zookeeper.NotServingError{Answer: "This ZooKeeper instance is not currently serving requests"}
			o.zk = ensemble(a)
		}, "node1", "does not serve", "weir-zookeeper.service"},
		{"an ensemble without a leader", func(o *overview) {
			a := o.zk.Answers()
			a[2].Status.Mode = zookeeper.Follower
			o.zk = ensemble(a)
		}, "node1, node2, node3", "0 leaders", "ops status"},
		{"a member that runs under another's id", func(o *overview) {
			a := o.zk.Answers()
			a[1].Status.ID = 3
			o.zk = ensemble(a)
		}, "node2", "id 3", "weir-zookeeper.service"},
		{"a broker that is gone", func(o *overview) {
			o.kafka.Brokers[2].Answers, o.kafka.Brokers[2].Registered, o.kafka.Brokers[2].Error = false, false, "connection refused"
		}, "node3", "broker 2 does not answer at 192.168.1.3:9092: connection refused", "journalctl -u weir-kafka.service"},
		{"a broker that lost its registration", func(o *overview) { o.kafka.Brokers[0].Registered = false },
			"node1", "broker 0 answers but is not registered", "weir-kafka.service"},
		{"a broker of another cluster", func(o *overview) { o.kafka.Brokers[0].ClusterID = "other" },
			"node1", `broker 0 belongs to cluster "other"`, "weir-kafka.service"},
		{"a broker that follows another controller", func(o *overview) { o.kafka.Brokers[2].Controller = 0 },
			"node3", "broker 2 takes broker 0 for the controller", "weir-kafka.service"},
		{"a broker that nobody declared", func(o *overview) {
			o.kafka.Strangers = []status.Stranger{{ID: 9, Address: "192.168.1.9:9092"}}
		}, "192.168.1.9:9092", "broker 9 is registered and not declared", "ops status"},
		{"a cluster without a controller", func(o *overview) {
			o.kafka.Controller = -1
			for i := range o.kafka.Brokers {
				o.kafka.Brokers[i].Controller = -1
			}
		}, "node1, node2, node3", "the controller is broker -1", "ops status"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := healthy()
			tt.damage(&o)
			got := judgeMachines(article(), o)
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

func TestWithoutZooKeeperAnyBrokerMayBeCalledController(t *testing.T) {
	c, o := article(), healthy()
	c.ZooKeeper, o.zk = nil, nil
	o.kafka.Brokers[0].Controller = 2
	if got := judgeMachines(c, o); len(got) != 0 {
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

func TestTopicsAreJudged(t *testing.T) {
	tests := []struct {
		name    string
		damage  func(topics []status.Topic) []status.Topic
		machine string
		found   string
	}{
		{"nothing is wrong", func(ts []status.Topic) []status.Topic { return ts }, "", ""},
		{"a declared topic is missing", func(ts []status.Topic) []status.Topic {
			ts[0] = status.Topic{Name: "user-behavior-topic", Declared: true}
			return ts
		}, "node1, node2, node3", "topic user-behavior-topic does not exist"},
		{"a partition too many", func(ts []status.Topic) []status.Topic {
			ts[0].Partitions = append(ts[0].Partitions, status.Partition{ID: 3, Replicas: []int32{0, 1, 2}, ISR: []int32{0, 1, 2}})
			return ts
		}, "node1, node2, node3", "user-behavior-topic has 4 partitions"},
		{"a replica too few", func(ts []status.Topic) []status.Topic {
			ts[0].Partitions[1].Replicas, ts[0].Partitions[1].ISR = []int32{1, 2}, []int32{1, 2}
			return ts
		}, "node1, node2, node3", "partition user-behavior-topic-1 has 2 replicas"},
		{"a broker out of sync, in internal topics too", func(ts []status.Topic) []status.Topic {
			for i := range ts {
				for p := range ts[i].Partitions {
					ts[i].Partitions[p].ISR = []int32{0, 1}
				}
			}
			return ts
		}, "node3", "broker 2 is not in sync for 6 partitions (user-behavior-topic-0, user-behavior-topic-1, user-behavior-topic-2, __consumer_offsets-0, __consumer_offsets-1, ...)"},
		{"a partition that nobody leads", func(ts []status.Topic) []status.Topic {
			ts[1].Partitions[2].Leader = -1
			return ts
		}, "node3, node1, node2", "partition __consumer_offsets-2 has no leader"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := judgeTopics(article(), tt.damage([]status.Topic{topicOf("user-behavior-topic"), topicOf("__consumer_offsets")}))
			switch {
			case tt.found == "" && len(got) > 0:
				t.Errorf("got %+v, want nothing", got)
			case tt.found != "" && (len(got) != 1 || got[0].Machine != tt.machine || !strings.Contains(got[0].Found, tt.found)):
				t.Errorf("got %+v\nwant one finding on %q that says %q", got, tt.machine, tt.found)
			}
		})
	}
}

func TestAJobsUnitIsJudgedOnItsMachine(t *testing.T) {
	c := article()
	machines := []status.Machine{{Name: "node1", Reachable: true, Services: []status.Service{{
		Component: "producer", Unit: "weir-producer.service", Known: true, Load: "loaded", Active: "inactive", Sub: "dead",
	}}}}
	got := judgeUnit(c, c.Jobs[0], machines)
	if len(got) != 1 || got[0].Machine != "node1" || !strings.Contains(got[0].Found, "weir-producer.service is inactive (dead)") {
		t.Errorf("got %+v", got)
	}
	machines[0].Services[0] = running("producer", "weir-producer.service")
	if got := judgeUnit(c, c.Jobs[0], machines); len(got) != 0 {
		t.Errorf("a running unit: got %+v", got)
	}
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
		{"a message lost", passage{partition: 1, leader: 1, tally: lost}, "1 lost"},
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
