package zookeeper

import (
	"reflect"
	"strings"
	"testing"

	"weir/provision/layout"
	"weir/provision/machine"
	"weir/testenv/golden"
)

// three is the article's ensemble.
func three() Spec {
	return Spec{
		Cluster: "article",
		Members: []Member{
			{Machine: "m1", ID: 1, Address: "192.168.1.1"},
			{Machine: "m2", ID: 2, Address: "192.168.1.2"},
			{Machine: "m3", ID: 3, Address: "192.168.1.3"},
		},
		Heap: "256m",
		Release: machine.Release{
			Name: "kafka", Version: "3.9.2", Digest: strings.Repeat("ab", 32), Root: "/opt/weir/kafka",
		},
	}
}

func file(t *testing.T, s machine.State, suffix string) machine.File {
	t.Helper()
	for _, f := range s.Files {
		if strings.HasSuffix(f.Path, suffix) {
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
	for _, name := range []string{"zookeeper.properties", "log4j.properties", "myid", Unit} {
		golden.Compare(t, name, file(t, states["m2"], name).Content)
	}
}

func TestTheArticlesLayoutAndOneMember(t *testing.T) {
	s := three()
	s.Members = []Member{{Machine: "only", ID: 255, Address: "zk.example.org"}}
	s.Heap = ""
	s.Layout = layout.Layout{User: "fams", Home: "/home/fams", DataDir: "/home/fams/zk_data"}
	s.Config = map[string]string{"admin.enableServer": "true", "snapCount": "50000"}
	states, err := States(s)
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "one-member.properties", file(t, states["only"], "zookeeper.properties").Content)
	golden.Compare(t, "one-member.service", file(t, states["only"], Unit).Content)
	if got := states["only"].Requires.Reach; len(got) != 0 {
		t.Errorf("a single member must reach %v, want nobody", got)
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

func TestAMemberReachesTheOthersAndRestartsWithWhatItReads(t *testing.T) {
	states, err := States(three())
	if err != nil {
		t.Fatal(err)
	}
	s := states["m1"]
	want := []string{
		"192.168.1.2:2181", "192.168.1.2:2888", "192.168.1.2:3888",
		"192.168.1.3:2181", "192.168.1.3:2888", "192.168.1.3:3888",
	}
	if !reflect.DeepEqual(s.Requires.Reach, want) {
		t.Errorf("reach %v, want %v", s.Requires.Reach, want)
	}
	watched := map[string]bool{}
	for _, p := range s.Services[0].Watches {
		watched[p] = true
	}
	for _, f := range s.Files {
		if !watched[f.Path] {
			t.Errorf("a change of %s restarts nothing", f.Path)
		}
	}
	if !watched["/opt/weir/kafka/current"] {
		t.Error("a new release restarts nothing")
	}
}

func TestAddressesOfEveryFamilyAreWritten(t *testing.T) {
	s := three()
	s.Members[0].Address = "2001:db8::1"
	states, err := States(s)
	if err != nil {
		t.Fatal(err)
	}
	if text := file(t, states["m2"], "zookeeper.properties").Content; !strings.Contains(text, "\nserver.1=[2001:db8::1]:2888:3888\n") {
		t.Errorf("no bracketed address in\n%s", text)
	}
	if got := s.Connect()[0]; got != "[2001:db8::1]:2181" {
		t.Errorf("connect begins with %s", got)
	}
}

func TestValidateNamesEveryProblemByItsPath(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Spec)
		paths  []string
	}{
		{"the article's ensemble is sound", func(*Spec) {}, nil},
		{"no members", func(s *Spec) { s.Members = nil }, []string{"members"}},
		{"no cluster", func(s *Spec) { s.Cluster = "" }, []string{"cluster"}},
		{"two ids alike", func(s *Spec) { s.Members[2].ID = 1 }, []string{"members[2].id"}},
		{"id 0 and id 256", func(s *Spec) { s.Members[0].ID, s.Members[1].ID = 0, 256 }, []string{"members[0].id", "members[1].id"}},
		{"two addresses alike", func(s *Spec) { s.Members[1].Address = "192.168.1.1" }, []string{"members[1].address"}},
		{"an address with a port", func(s *Spec) { s.Members[1].Address = "a b" }, []string{"members[1].address"}},
		{"an address that writes a line", func(s *Spec) { s.Members[1].Address = "x\ny" }, []string{"members[1].address"}},
		{"two members on a machine", func(s *Spec) { s.Members[1].Machine = "m1" }, []string{"members[1].machine"}},
		{"a port out of range", func(s *Spec) { s.ClientPort = 70000 }, []string{"clientPort"}},
		{"two ports alike", func(s *Spec) { s.ElectionPort = 2181 }, []string{"electionPort"}},
		{"a negative limit", func(s *Spec) { s.InitLimit = -1 }, []string{"initLimit"}},
		{"a heap without unit", func(s *Spec) { s.Heap = "256" }, []string{"heap"}},
		{"keys that have a field", func(s *Spec) {
			s.Config = map[string]string{"server.4": "x", "dataDir": "/x", "snapCount": "1"}
		}, []string{`config["dataDir"]`, `config["server.4"]`}},
		{"no release", func(s *Spec) { s.Release = machine.Release{} }, []string{"release.root"}},
		{"many at once", func(s *Spec) { s.Cluster, s.Heap, s.TickTime = "", "big", -5 }, []string{"cluster", "tickTime", "heap"}},
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
		if _, err := States(s); (err != nil) != (test.paths != nil) {
			t.Errorf("%s: States returned the error %v", test.name, err)
		}
	}
}

func TestMembersStartedByHandAreDisplacedOnlyWhereThatIsDeclared(t *testing.T) {
	for _, adopt := range []bool{false, true} {
		s := three()
		s.Adopt, s.Layout.DataDir = adopt, "/home/fams/zk_data"
		states, err := States(s)
		if err != nil {
			t.Fatal(err)
		}
		got := states["m1"].Services[0].Takeover
		if (got != nil) != adopt || adopt && (got.Data != "/home/fams/zk_data" || got.Main != Main || got.Patience != stopTimeout) {
			t.Errorf("adopt %v: got %+v", adopt, got)
		}
	}
}
