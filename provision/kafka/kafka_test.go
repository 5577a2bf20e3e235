package kafka

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"weir/provision/layout"
	"weir/provision/machine"
	"weir/testenv/golden"
)

// three is the article's cluster, with ids of its own choosing.
func three() Spec {
	zk := []string{"weir-zookeeper.service"}
	return Spec{
		Cluster: "article",
		Brokers: []Broker{
			{Machine: "m1", ID: 0, Address: "192.168.1.1", After: zk},
			{Machine: "m2", ID: 1, Address: "192.168.1.2", After: zk},
			{Machine: "m3", ID: 7, Address: "192.168.1.3"},
		},
		ZooKeeper: []string{"192.168.1.1:2181", "192.168.1.2:2181", "192.168.1.3:2181"},
		Heap:      "512m",
		Release: machine.Release{
			Name: "kafka", Version: "3.9.2", Digest: strings.Repeat("ab", 32), Root: "/opt/weir/kafka",
		},
	}
}

func file(t *testing.T, s machine.State, suffix string) machine.File {
	t.Helper()
	for _, f := range s.Files {
		if strings.HasSuffix(f.Path, "/"+suffix) {
			return f
		}
	}
	t.Fatalf("the state has no file %s", suffix)
	return machine.File{}
}

func TestGeneratedFiles(t *testing.T) {
	states, err := States(three())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server.properties", "producer.properties", "consumer.properties", "log4j.properties", Unit} {
		golden.Compare(t, name, file(t, states["m2"], name).Content)
	}
	golden.Compare(t, "without-zookeeper-beside.service", file(t, states["m3"], Unit).Content)
}

func TestTheArticlesOwnVersionKeepsItsOldNames(t *testing.T) {
	s := three()
	s.Version = "0.8.2.1"
	s.Layout = layout.Layout{User: "fams", Home: "/home/fams", DataDir: "/home/fams/kafka-logs"}
	states, err := States(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server.properties", "producer.properties", "consumer.properties"} {
		golden.Compare(t, "0.8.2.1/"+name, file(t, states["m1"], name).Content)
	}
}

func TestOneBrokerBehindAddressTranslation(t *testing.T) {
	s := three()
	s.Brokers = []Broker{{Machine: "only", ID: 42, Address: "kafka.example.org", Bind: "0.0.0.0"}}
	s.Chroot = "/weir"
	s.Listeners = []Listener{{Name: "INSIDE", Protocol: Plaintext, Port: 9093}, {Name: "CLIENT", Protocol: Plaintext, Port: 9092}}
	s.Config = map[string]string{"log.retention.hours": "24", "message.max.bytes": "4194304"}
	states, err := States(s)
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "one-broker.properties", file(t, states["only"], "server.properties").Content)
}

func TestCopiesFollowTheNumberOfBrokers(t *testing.T) {
	for _, test := range []struct{ brokers, replicas, inSync int }{
		{1, 1, 1}, {2, 2, 1}, {3, 3, 2}, {5, 3, 2},
	} {
		s := Spec{Brokers: make([]Broker, test.brokers)}
		if s.replicas() != test.replicas || s.MinInsyncReplicas() != test.inSync {
			t.Errorf("%d brokers: %d replicas, %d in sync; want %d, %d",
				test.brokers, s.replicas(), s.MinInsyncReplicas(), test.replicas, test.inSync)
		}
	}
}

func TestStatesAreSoundAndTheSameEachTime(t *testing.T) {
	first, err := States(three())
	if err != nil {
		t.Fatal(err)
	}
	second, _ := States(three())
	if !reflect.DeepEqual(first, second) {
		t.Error("the same spec gave two different results")
	}
	for name, s := range first {
		if err := s.Validate(); err != nil {
			t.Errorf("machine %s: %v", name, err)
		}
	}
}

func TestABrokerReachesZooKeeperAndTheOthers(t *testing.T) {
	states, err := States(three())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"192.168.1.1:2181", "192.168.1.2:2181", "192.168.1.3:2181", "192.168.1.2:9092", "192.168.1.3:9092"}
	if got := states["m1"].Requires.Reach; !slices.Equal(got, want) {
		t.Errorf("reach %v, want %v", got, want)
	}
}

func TestAChangeOfTheClientsFilesRestartsNoBroker(t *testing.T) {
	states, err := States(three())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range states["m1"].Services[0].Watches {
		if strings.HasSuffix(path, "producer.properties") || strings.HasSuffix(path, "consumer.properties") {
			t.Errorf("the broker restarts with %s", path)
		}
	}
}

func TestValidateNamesEveryProblemByItsPath(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Spec)
		paths  []string
	}{
		{"the article's cluster is sound", func(*Spec) {}, nil},
		{"no brokers", func(s *Spec) { s.Brokers = nil }, []string{"brokers"}},
		{"an unknown version", func(s *Spec) { s.Version = "3.9" }, []string{"version"}},
		{"two ids alike", func(s *Spec) { s.Brokers[2].ID = 0 }, []string{"brokers[2].id"}},
		{"a negative id", func(s *Spec) { s.Brokers[2].ID = -1 }, []string{"brokers[2].id"}},
		{"two addresses alike", func(s *Spec) { s.Brokers[1].Address = "192.168.1.1" }, []string{"brokers[1].address"}},
		{"an address that is no address", func(s *Spec) { s.Brokers[1].Address = "0.0.0.0" }, []string{"brokers[1].address"}},
		{"two brokers on a machine", func(s *Spec) { s.Brokers[1].Machine = "m1" }, []string{"brokers[1].machine"}},
		{"a bind that writes a line", func(s *Spec) { s.Brokers[1].Bind = "x\ny" }, []string{"brokers[1].bind"}},
		{"no ZooKeeper", func(s *Spec) { s.ZooKeeper = nil }, []string{"zooKeeper"}},
		{"a ZooKeeper without port", func(s *Spec) { s.ZooKeeper[1] = "192.168.1.2" }, []string{"zooKeeper[1]"}},
		{"a chroot without slash", func(s *Spec) { s.Chroot = "kafka" }, []string{"chroot"}},
		{"a listener that encrypts", func(s *Spec) { s.Listeners = []Listener{{"TLS", "SSL", 9093}} }, []string{"listeners[0].protocol"}},
		{"two listeners alike", func(s *Spec) {
			s.Listeners = []Listener{{"A", Plaintext, 9092}, {"A", Plaintext, 9092}}
		}, []string{"listeners[1].name", "listeners[1].port"}},
		{"two listeners where one is all there is", func(s *Spec) {
			s.Version, s.Listeners = "0.8.2.1", []Listener{{"A", Plaintext, 9092}, {"B", Plaintext, 9093}}
		}, []string{"listeners"}},
		{"a heap without unit", func(s *Spec) { s.Heap = "1" }, []string{"heap"}},
		{"keys that have a field", func(s *Spec) {
			s.Config = map[string]string{"zookeeper.contact": "x", "controller.quorum.voters": "x", "message.max.bytes": "1"}
		}, []string{`config["controller.quorum.voters"]`, `config["zookeeper.contact"]`}},
	} {
		s := three()
		test.change(&s)
		var paths []string
		for _, p := range Validate(s) {
			paths = append(paths, p.Path)
		}
		if !reflect.DeepEqual(paths, test.paths) {
			t.Errorf("%s: problems at %v, want %v", test.name, paths, test.paths)
		}
	}
}

func TestWhatIsOpenIsCalledOpen(t *testing.T) {
	if !three().Open() {
		t.Error("a plaintext cluster is not called open")
	}
}

func TestBrokersStartedByHandAreDisplacedOnlyWhereThatIsDeclared(t *testing.T) {
	for _, adopt := range []bool{false, true} {
		s := three()
		s.Adopt, s.Layout.DataDir = adopt, "/home/fams/kafka-logs"
		states, err := States(s)
		if err != nil {
			t.Fatal(err)
		}
		got := states["m1"].Services[0].Takeover
		if (got != nil) != adopt || adopt && (got.Data != "/home/fams/kafka-logs" || got.Main != Main || got.Patience != stopTimeout) {
			t.Errorf("adopt %v: got %+v", adopt, got)
		}
	}
}

func TestIPv6AddressesAreWrittenInBrackets(t *testing.T) {
	s := three()
	for i, address := range []string{"fd00::11", "fd00::12", "::1"} {
		s.Brokers[i].Address = address
	}
	s.ZooKeeper = []string{"[fd00::11]:2181", "[::1]:2181"}
	states, err := States(s)
	if err != nil {
		t.Fatal(err)
	}
	content := file(t, states[s.Brokers[2].Machine], "server.properties").Content
	for _, line := range []string{"[::1]:9092", "[fd00::11]:2181,[::1]:2181"} {
		if !strings.Contains(content, line) {
			t.Errorf("server.properties lacks %s:\n%s", line, content)
		}
	}
	if got := s.WithDefaults().Bootstrap(); got[0] != "[fd00::11]:9092" {
		t.Errorf("got bootstrap servers %v", got)
	}
	s.Brokers[0].Address, s.ZooKeeper[0] = "[fd00::11]", "fd00::11:2181"
	if problems := Validate(s); len(problems) != 2 {
		t.Errorf("got %v, want brackets of an address refused, and an address with its port that has none", problems)
	}
}
