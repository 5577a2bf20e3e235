package job

import (
	"reflect"
	"strings"
	"testing"

	"weir/provision/machine"
	"weir/provision/systemd"
	"weir/testenv/golden"
)

func producer() Spec {
	return Spec{
		Cluster: "article", Name: "producer", Machine: "m1",
		Release: machine.Release{Name: "producer", Version: "dev", Digest: strings.Repeat("cd", 32), Root: "/opt/weir/jobs/producer"},
		Binary:  "bin/producer",
		Args:    []string{"--brokers", "192.168.1.1:9092,192.168.1.2:9092", "--topic", "user-behavior-topic"},
		After:   []string{"weir-kafka.service"},
	}
}

func TestGeneratedUnits(t *testing.T) {
	weird := producer()
	weird.Name = "weird"
	weird.Args = []string{"", "50%", "$HOME", `"quoted" \ 'and more'`, ";", "two\nlines", "größe"}
	weird.Environment = []systemd.Variable{{Name: "GREETING", Value: `100% "fine" $HOME`}}
	for _, s := range []Spec{producer(), weird} {
		state, err := State(s)
		if err != nil {
			t.Fatal(err)
		}
		golden.Compare(t, s.Unit(), state.Files[0].Content)
	}
}

func TestTheStateIsSoundAndKeepsItsData(t *testing.T) {
	s, err := State(producer())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	want := machine.Directory{Path: "/var/lib/weir/jobs/producer", Owner: DefaultUser, Group: DefaultUser, Mode: 0o750, Data: true}
	if !reflect.DeepEqual(s.Directories, []machine.Directory{want}) {
		t.Errorf("directories %+v, want %+v", s.Directories, want)
	}
	if watches := s.Services[0].Watches; !reflect.DeepEqual(watches, []string{"/etc/systemd/system/weir-job-producer.service", "/opt/weir/jobs/producer/current"}) {
		t.Errorf("restarts with %v", watches)
	}
}

func TestTheLongestNameStillMakesASoundState(t *testing.T) {
	s := producer()
	s.Name = "p" + strings.Repeat("x", 27)
	state, err := State(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := state.Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesEveryProblemByItsPath(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Spec)
		paths  []string
	}{
		{"a sound job", func(*Spec) {}, nil},
		{"a name that climbs", func(s *Spec) { s.Name = "../x" }, []string{"name", "stateDir"}},
		{"a name that is too long", func(s *Spec) { s.Name = strings.Repeat("x", 29) }, []string{"name"}},
		{"no machine", func(s *Spec) { s.Machine = "" }, []string{"machine"}},
		{"a binary outside the release", func(s *Spec) { s.Binary = "../../bin/sh" }, []string{"binary"}},
		{"an argument that cannot be passed", func(s *Spec) { s.Args[1] = "a\x00b" }, []string{"args[1]"}},
		{"a variable's name with a blank", func(s *Spec) { s.Environment = []systemd.Variable{{Name: "A B"}} }, []string{"environment[0]"}},
		{"a user that is none", func(s *Spec) { s.User = "Root Me" }, []string{"user"}},
		{"no release and a top directory", func(s *Spec) { s.Release.Root, s.StateDir = "", "/srv" }, []string{"release.root", "stateDir"}},
	} {
		s := producer()
		test.change(&s)
		var paths []string
		for _, p := range Validate(s) {
			paths = append(paths, p.Path)
		}
		if !reflect.DeepEqual(paths, test.paths) {
			t.Errorf("%s: problems at %v, want %v", test.name, paths, test.paths)
		}
		if _, err := State(s); (err != nil) != (test.paths != nil) {
			t.Errorf("%s: State returned the error %v", test.name, err)
		}
	}
}
