package status

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/internal/indent"
	"weir/ops/status/table"
	"weir/provision/inventory"
	"weir/provision/remote"
	"weir/provision/remote/remotetest"
	"weir/provision/zookeeper"
	"weir/testenv/golden"
)

func article() inventory.Cluster {
	c := inventory.Cluster{
		Name:      "article",
		ZooKeeper: &inventory.ZooKeeper{Members: map[string]int{}, ClientPort: 2181, Unit: "weir-zookeeper.service", DataDir: "/home/fams/zk_data"},
		Kafka: &inventory.Kafka{Version: "3.9.2", Brokers: map[string]int32{}, Port: 9092, Unit: "weir-kafka.service",
			Home: "/opt/weir/kafka/current", DataDir: "/home/fams/kafka-logs"},
		Topics: []inventory.Topic{{Name: "missing-topic", Partitions: 1, ReplicationFactor: 3}, {Name: "user-behavior-topic", Partitions: 3, ReplicationFactor: 3}},
		Jobs: []inventory.Job{{Name: "producer", Kind: "producer", Machine: "node1", Unit: "weir-producer.service",
			Topic: "user-behavior-topic", MetricsAddress: "127.0.0.1:9101"}},
	}
	for i, name := range []string{"node1", "node2", "node3"} {
		address := "192.168.1." + string(rune('1'+i))
		c.Machines = append(c.Machines, inventory.Machine{Name: name, Address: address, Host: remote.Host{Name: name, Address: address}})
		c.ZooKeeper.Members[name], c.Kafka.Brokers[name] = i+1, int32(i)
	}
	return c
}

func TestTheQuestionNamesAllThatIsDeclaredOnTheMachine(t *testing.T) {
	c := article()
	c.ZooKeeper.DataDir = "/data with a blank/zk"
	script := questionFor(c, "node1").script()
	golden.Compare(t, "question.sh", script)
	if out, err := exec.Command("sh", "-n", "-c", script).CombinedOutput(); err != nil {
		t.Errorf("the script is no POSIX sh: %v: %s", err, out)
	}
}

func TestMachinesThatAnswerAreShownBesideOnesThatDoNot(t *testing.T) {
	c := article()
	s, err := connect.Open(t.Context(), c, connect.Options{Connect: func(_ context.Context, h remote.Host) (connect.Connection, error) {
		r := remotetest.New(h.Name)
		switch h.Name {
		case "node1":
			return nil, &remote.ConnectError{Machine: "node1", Address: "192.168.1.1:22", Err: errors.New("no route to host")}
		case "node2":
			r.On(remotetest.Any(), remotetest.Stdout(healthyAnswer))
		default:
			r.On(remotetest.Any(), remotetest.Exit(1, "sh: cannot fork"))
		}
		return struct {
			*remotetest.Runner
			remote.Dialer
		}{r, nil}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := Machines(t.Context(), s)
	var reachable []bool
	for _, m := range got {
		reachable = append(reachable, m.Reachable)
	}
	if !slices.Equal(reachable, []bool{false, true, false}) {
		t.Fatalf("reachable: got %v, want only node2", reachable)
	}
	if got[0].Error == "" || got[2].Error == "" {
		t.Errorf("a machine that does not answer must say why: %q, %q", got[0].Error, got[2].Error)
	}
	if s := got[0].Services; len(s) != 3 || s[0].State() != "unknown" {
		t.Errorf("node1's services: got %+v, want three unknown ones", s)
	}
}

// metadata is what a broker says of the article's cluster when broker 2 is gone.
func metadata() *sarama.MetadataResponse {
	id := "T4nY9d0sQZ2"
	m := &sarama.MetadataResponse{ClusterID: &id, ControllerID: 1}
	m.AddBroker("192.168.1.1:9092", 0)
	m.AddBroker("192.168.1.2:9092", 1)
	m.AddBroker("192.168.1.9:9092", 7)
	for p := range int32(3) {
		leader := min(p, 1)
		m.AddTopicPartition("user-behavior-topic", p, leader, []int32{p, (p + 1) % 3, (p + 2) % 3}, []int32{1, 0}, nil, sarama.ErrNoError)
	}
	m.AddTopicPartition("__consumer_offsets", 0, -1, []int32{2}, []int32{2}, nil, sarama.ErrLeaderNotAvailable)
	m.Topics[1].IsInternal = true
	return m
}

func kafkaWithoutBroker2() *Kafka {
	brokers := []Broker{
		{ID: 0, Machine: "node1", Address: "192.168.1.1:9092", Controller: -1},
		{ID: 1, Machine: "node2", Address: "192.168.1.2:9092", Controller: -1},
		{ID: 2, Machine: "node3", Address: "192.168.1.3:9092", Controller: -1, Error: "connection refused"},
	}
	return kafkaOf("3.9.2", brokers, []*sarama.MetadataResponse{metadata(), metadata(), nil})
}

func TestBrokersAreComparedWithThoseDeclared(t *testing.T) {
	k := kafkaWithoutBroker2()
	if k.Controller != 1 || k.ClusterID != "T4nY9d0sQZ2" {
		t.Errorf("got controller %d of cluster %q", k.Controller, k.ClusterID)
	}
	if b := k.Brokers[2]; b.Answers || b.Registered {
		t.Errorf("broker 2: got %+v, want neither answering nor registered", b)
	}
	if b := k.Brokers[1]; b.Leads != 2 || b.Follows != 1 || b.InSync != 3 {
		t.Errorf("broker 1: got leads %d, follows %d, in sync %d, want 2, 1, 3", b.Leads, b.Follows, b.InSync)
	}
	if want := []Stranger{{7, "192.168.1.9:9092"}}; !slices.Equal(k.Strangers, want) {
		t.Errorf("strangers: got %v, want %v", k.Strangers, want)
	}
	if k.Err() != nil {
		t.Errorf("two brokers answered, got %v", k.Err())
	}
}

func TestWhereNoBrokerAnswersThereIsAnErrorAndNoTopic(t *testing.T) {
	brokers := []Broker{{ID: 0, Machine: "node1", Error: "refused"}}
	answers := []*sarama.MetadataResponse{nil}
	if err := kafkaOf("3.9.2", brokers, answers).Err(); err == nil {
		t.Error("no broker answered, and there is no error")
	}
	topics := topicsOf(article().Topics, best(brokers, answers))
	if len(topics) != 2 || topics[0].Exists || topics[1].Exists {
		t.Errorf("got %+v, want the two declared topics, missing", topics)
	}
}

func TestTopicsAreDescribedAndDeclaredOnesMissed(t *testing.T) {
	topics := topicsOf(article().Topics, metadata())
	var names []string
	for _, topic := range topics {
		names = append(names, topic.Name)
	}
	if !slices.Equal(names, []string{"__consumer_offsets", "missing-topic", "user-behavior-topic"}) {
		t.Fatalf("got topics %v", names)
	}
	if o := topics[0]; o.Leaderless != 1 || o.UnderReplicated != 0 || !o.Internal || o.Declared {
		t.Errorf("offsets topic: got %+v", o)
	}
	if u := topics[2]; u.UnderReplicated != 3 || u.ReplicationFactor != 3 || !slices.Equal(u.Partitions[0].Missing(), []int32{2}) {
		t.Errorf("the article's topic: got %+v", u)
	}
}

func TestTwoLeadersAreNoLeader(t *testing.T) {
	answer := func(machine string, id int) zookeeper.Answer {
		return zookeeper.Answer{Member: zookeeper.Member{Machine: machine, ID: id}, Status: zookeeper.Status{Mode: zookeeper.Leader, ID: id}}
	}
	if z := EnsembleOf([]zookeeper.Answer{answer("node1", 1)}); z.Leader != "node1" {
		t.Errorf("got leader %q, want node1", z.Leader)
	}
	if z := EnsembleOf([]zookeeper.Answer{answer("node1", 1), answer("node2", 2)}); z.Leader != "" {
		t.Errorf("got leader %q, want none", z.Leader)
	}
}

// sample has something of everything, good and bad.
func sample() Status {
	s := Status{
		Cluster: "article", Taken: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seconds: 0.61,
		Kafka: kafkaWithoutBroker2(), Topics: topicsOf(article().Topics, metadata()),
	}
	ensemble := EnsembleOf([]zookeeper.Answer{
		{Member: zookeeper.Member{Machine: "node1", ID: 1}, Status: zookeeper.Status{Mode: zookeeper.Leader, Version: "3.8.4", ID: 1, Connections: 4}},
		{Member: zookeeper.Member{Machine: "node2", ID: 2}, Status: zookeeper.Status{Mode: zookeeper.Follower, Version: "3.8.4", ID: 2, Connections: 2}},
		{Member: zookeeper.Member{Machine: "node3", ID: 3}, Err: &zookeeper.NotServingError{Answer: "This ZooKeeper instance is not currently serving requests"}},
	})
	node2 := Machine{Name: "node2", Address: "192.168.1.2", Reachable: true}
	if err := asked.read([]byte(healthyAnswer), &node2); err != nil {
		panic(err)
	}
	s.ZooKeeper = &ensemble
	s.Machines = []Machine{node2, {Name: "node3", Address: "192.168.1.3", Error: "no route\nto \x1b[31mhost", Services: []Service{{Component: "kafka", Unit: "weir-kafka.service"}}}}
	s.Jobs = []Job{
		{Name: "producer", Kind: "producer", Machine: "node2",
			Service: Service{Component: "producer", Unit: "weir-producer.service", Known: true, Load: "loaded", Active: "active", Sub: "running", PID: 9, SinceSeconds: 7300},
			Metrics: connect.Metrics{"weir_producer_messages_acknowledged_total": 1234567, "weir_producer_last_acknowledgement_timestamp_seconds": 1.7e9}},
		{Name: "popularity", Kind: "popularity", Machine: "node3", Service: Service{Component: "popularity", Unit: "weir-popularity.service"}, Error: "no route to host"},
	}
	s.Away = s.away()
	return s
}

func TestTheTableIsPlainInAPipe(t *testing.T) {
	var out bytes.Buffer
	if err := WriteTable(&out, sample(), table.Style{}); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "table.txt", out.String())
}

func TestTheJSONFormIsStable(t *testing.T) {
	var out bytes.Buffer
	if err := indent.JSON(&out, sample()); err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "status.json", out.String())
}

func TestWhatIsDeclaredAndNotAtWorkIsAway(t *testing.T) {
	running := Service{Component: "kafka", Unit: "weir-kafka.service", Known: true, Load: "loaded", Active: "active", Sub: "running", PID: 1}
	atWork := func() Status {
		return Status{
			Machines:  []Machine{{Name: "node1", Reachable: true, Services: []Service{running}}},
			ZooKeeper: &ZooKeeper{Members: []Member{{Machine: "node1", ID: 1, Mode: zookeeper.Leader}}},
			Kafka:     &Kafka{Brokers: []Broker{{ID: 0, Machine: "node1", Answers: true, Registered: true}}},
			Topics:    []Topic{{Name: "t", Declared: true, Exists: true, UnderReplicated: 1}, {Name: "by-hand", Exists: true}},
			Jobs:      []Job{{Name: "producer", Machine: "node1", Service: running}},
		}
	}
	for _, c := range []struct {
		name string
		lose func(*Status)
		want []string
	}{
		{"nothing", func(*Status) {}, []string{}},
		{"a machine, of whose units nothing is known", func(s *Status) {
			s.Machines[0] = Machine{Name: "node1", Error: "no route", Services: []Service{{Unit: "weir-kafka.service"}}}
		}, []string{"machine node1"}},
		{"a unit that is not there", func(s *Status) {
			s.Machines[0].Services[0] = Service{Unit: "weir-kafka.service", Known: true, Load: "not-found"}
		},
			[]string{"weir-kafka.service on node1"}},
		{"a member", func(s *Status) { s.ZooKeeper.Members[0].Error = "refused" }, []string{"ZooKeeper member 1 on node1"}},
		{"a broker that does not answer", func(s *Status) { s.Kafka.Brokers[0].Answers = false }, []string{"broker 0 on node1"}},
		{"a broker that the others do not know", func(s *Status) { s.Kafka.Brokers[0].Registered = false }, []string{"broker 0 on node1"}},
		{"a topic", func(s *Status) { s.Topics[0].Exists = false }, []string{"topic t"}},
		{"a job's page", func(s *Status) { s.Jobs[0].Error = "refused" }, []string{"job producer on node1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := atWork()
			c.lose(&s)
			if got := s.away(); !slices.Equal(got, c.want) {
				t.Errorf("away: got %q, want %q", got, c.want)
			}
		})
	}
}
