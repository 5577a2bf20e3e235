package machine

import (
	"slices"
	"testing"
)

// broker is a state with one of everything, as a component would return it.
func broker() State {
	release := Release{Name: "kafka", Version: "3.9.2", Digest: Digest("tree"), Root: "/opt/weir/kafka"}
	return State{
		Cluster: "test", Component: "kafka",
		Packages:    []Package{{Name: "openjdk-17-jre-headless", Provides: "java"}},
		Users:       []User{{Name: "weir-kafka", Home: "/var/lib/weir/kafka"}},
		Directories: []Directory{{Path: "/etc/weir/kafka", Owner: "root", Group: "root", Mode: 0o755, Exclusive: true}, {Path: "/var/lib/weir/kafka", Owner: "weir-kafka", Group: "weir-kafka", Mode: 0o750, Data: true}},
		Files: []File{
			{Path: "/etc/weir/kafka/server.properties", Owner: "root", Group: "root", Mode: 0o644, Content: "broker.id=0\n"},
			{Path: "/etc/systemd/system/weir-kafka.service", Owner: "root", Group: "root", Mode: 0o644, Content: "[Service]\n"},
		},
		Releases: []Release{release},
		Services: []Service{{Unit: "weir-kafka.service", Watches: []string{"/etc/weir/kafka/server.properties", "/etc/systemd/system/weir-kafka.service", release.Link()}, Ports: []int{9092}}},
		Sysctls:  []Sysctl{{Key: "vm.swappiness", Value: "1"}},
	}
}

// settled is what a machine answers that is just as the state says.
func settled(s State) Observed {
	o := Observed{
		Facts:     Facts{OS: "debian", Architecture: "amd64", Systemd: true},
		Manifests: map[string]Manifest{s.Component: s.Manifest()},
		Packages:  map[string]string{}, Users: map[string]bool{}, Directories: map[string]Entry{},
		Files: map[string]ObservedFile{}, Releases: map[string]ObservedRelease{}, Links: map[string]string{},
		Services: map[string]ObservedService{}, Sysctls: map[string]string{}, PortHolders: map[int]string{}, Free: map[string]int64{},
	}
	for _, p := range s.Packages {
		o.Packages[p.Name] = "17"
	}
	for _, u := range s.Users {
		o.Users[u.Name] = true
	}
	for _, d := range s.Directories {
		o.Directories[d.Path] = Entry{Kind: "directory", Owner: d.Owner, Group: d.Group, Mode: d.Mode}
	}
	for _, f := range s.AllFiles() {
		o.Files[f.Path] = ObservedFile{Entry: Entry{Kind: "regular file", Owner: f.Owner, Group: f.Group, Mode: f.Mode}, SHA256: Digest(f.Content), Content: f.Content, Known: true}
	}
	for _, r := range s.Releases {
		o.Releases[r.Dir()] = ObservedRelease{Digest: r.Digest}
		o.Links[r.Link()] = r.Dir()
	}
	for _, v := range s.Services {
		o.Services[v.Unit] = ObservedService{Load: "loaded", Active: "active", Sub: "running", Enabled: true, MainPID: 7}
	}
	for _, c := range s.Sysctls {
		o.Sysctls[c.Key] = c.Value
	}
	return o
}

func lines(p Plan) []string {
	var l []string
	for _, s := range p.Steps {
		l = append(l, string(s.Action)+" "+s.Kind+" "+s.Target)
	}
	return l
}

func with(m Manifest, release string) Manifest {
	m.Releases = append(m.Releases, release)
	return m
}

// lives makes the state's first file one of which a service takes some values
// while it runs, and changes it from one text to another.
func lives(w *State, is *Observed, from, to string) {
	w.Files[0].Content, w.Files[0].Live = to, []string{"log.roll.ms", "num.io.threads"}
	f := is.Files[w.Files[0].Path]
	f.SHA256, f.Content = Digest(from), from
	is.Files[w.Files[0].Path] = f
}

func TestDiff(t *testing.T) {
	const (
		properties = "/etc/weir/kafka/server.properties"
		unit       = "weir-kafka.service"
	)
	cases := []struct {
		name   string
		change func(want *State, is *Observed)
		steps  []string
	}{
		{"a machine that is as it should be needs nothing", func(*State, *Observed) {}, nil},
		{"a changed line marks the service, writes the file and restarts",
			func(w *State, _ *Observed) { w.Files[0].Content = "broker.id=1\n" },
			[]string{"create mark " + unit, "change file " + properties, "restart service " + unit}},
		{"a file edited by hand is put back and the service restarted",
			func(_ *State, is *Observed) {
				f := is.Files[properties]
				f.SHA256, f.Content = Digest("broker.id=9\n"), "broker.id=9\n"
				is.Files[properties] = f
			},
			[]string{"create mark " + unit, "change file " + properties, "restart service " + unit}},
		{"a value that a service takes while it runs needs no restart", func(w *State, is *Observed) {
			lives(w, is, "broker.id=0\nnum.io.threads=8\n", "broker.id=0\n# more\nnum.io.threads=16\nlog.roll.ms=7\n")
		}, []string{"change file " + properties}},
		{"another value beside it needs one", func(w *State, is *Observed) {
			lives(w, is, "broker.id=0\nnum.io.threads=8\n", "broker.id=1\nnum.io.threads=16\n")
		}, []string{"create mark " + unit, "change file " + properties, "restart service " + unit}},
		{"a value that goes needs one, as its default is not known", func(w *State, is *Observed) {
			lives(w, is, "broker.id=0\nnum.io.threads=8\n", "broker.id=0\n")
		}, []string{"create mark " + unit, "change file " + properties, "restart service " + unit}},
		{"a missing file is created", func(_ *State, is *Observed) { delete(is.Files, properties) },
			[]string{"create mark " + unit, "create file " + properties, "restart service " + unit}},
		{"a changed mode is a change", func(_ *State, is *Observed) {
			f := is.Files[properties]
			f.Mode = 0o600
			is.Files[properties] = f
		}, []string{"create mark " + unit, "change file " + properties, "restart service " + unit}},
		{"a stopped service is started and nothing else", func(_ *State, is *Observed) {
			is.Services[unit] = ObservedService{Load: "loaded", Active: "inactive", Sub: "dead", Enabled: true}
		}, []string{"start service " + unit}},
		{"a disabled service is enabled without a restart", func(_ *State, is *Observed) {
			v := is.Services[unit]
			v.Enabled = false
			is.Services[unit] = v
		}, []string{"enable service " + unit}},
		{"a unit that systemd has not read again is read", func(_ *State, is *Observed) {
			v := is.Services[unit]
			v.NeedReload = true
			is.Services[unit] = v
		}, []string{"enable service " + unit}},
		{"a restart that a killed run owes is done", func(_ *State, is *Observed) {
			v := is.Services[unit]
			v.RestartPending = true
			is.Services[unit] = v
		}, []string{"restart service " + unit}},
		{"a new release is staged first, then switched", func(w *State, _ *Observed) {
			w.Releases[0].Digest = Digest("other tree")
		}, []string{"change manifest /var/lib/weir/manifest/kafka.json", "create release kafka 3.9.2", "create mark " + unit, "change link /opt/weir/kafka/current", "restart service " + unit}},
		{"of three releases the oldest goes", func(w *State, is *Observed) {
			w.Releases[0].Digest = Digest("other tree")
			is.Manifests["kafka"] = with(is.Manifests["kafka"], "/opt/weir/releases/kafka-3.9.1-000000000000")
		}, []string{"change manifest /var/lib/weir/manifest/kafka.json", "create release kafka 3.9.2", "create mark " + unit, "change link /opt/weir/kafka/current",
			"remove release /opt/weir/releases/kafka-3.9.1-000000000000", "restart service " + unit, "change manifest /var/lib/weir/manifest/kafka.json"}},
		{"a file that is no longer declared is removed", func(w *State, is *Observed) {
			m := is.Manifests["kafka"]
			m.Files = append(m.Files, "/etc/weir/kafka/old.properties")
			is.Manifests["kafka"] = m
		}, []string{"remove file /etc/weir/kafka/old.properties", "change manifest /var/lib/weir/manifest/kafka.json"}},
		{"a drop-in is moved aside and the service restarted", func(_ *State, is *Observed) {
			v := is.Services[unit]
			v.DropIns = []string{"/etc/systemd/system/weir-kafka.service.d/x.conf"}
			is.Services[unit] = v
		}, []string{"remove stranger /etc/systemd/system/weir-kafka.service.d/x.conf", "restart service " + unit}},
		{"a stranger in a directory of ours is moved aside", func(_ *State, is *Observed) {
			is.Strangers = []string{"/etc/weir/kafka/notes"}
		}, []string{"remove stranger /etc/weir/kafka/notes"}},
		{"a kernel setting is put back", func(_ *State, is *Observed) { is.Sysctls["vm.swappiness"] = "60" },
			[]string{"change sysctl vm.swappiness"}},
		{"a kernel setting that the kernel does not have is left alone", func(_ *State, is *Observed) { delete(is.Sysctls, "vm.swappiness") }, nil},
		{"a unit for the boot is enabled, and need not run", func(w *State, is *Observed) {
			w.Services[0].AtBoot = true
			is.Services[unit] = ObservedService{Load: "loaded", Active: "inactive", Sub: "dead"}
		}, []string{"enable service " + unit}},
		{"a unit for the boot that is enabled has done its work", func(w *State, is *Observed) {
			w.Services[0].AtBoot = true
			is.Services[unit] = ObservedService{Load: "loaded", Active: "inactive", Sub: "dead", Enabled: true}
		}, nil},
		{"a kernel setting in a container is left alone", func(_ *State, is *Observed) {
			is.Sysctls["vm.swappiness"], is.Facts.Container = "60", true
		}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := broker()
			is := settled(want)
			c.change(&want, &is)
			if got := lines(Diff("weir-1", want, is)); !slices.Equal(got, c.steps) {
				t.Errorf("steps:\n got %q\nwant %q", got, c.steps)
			}
		})
	}
}

func TestDiffOfABareMachineStagesBeforeItSwitches(t *testing.T) {
	want := broker()
	p := Diff("weir-1", want, Observed{Facts: Facts{Systemd: true}})
	phase := Stage
	for _, s := range p.Steps {
		if s.Phase < phase {
			t.Errorf("step %q is staged after a switch", s)
		}
		phase = s.Phase
	}
	if got := lines(p)[:2]; got[0] != "create package openjdk-17-jre-headless" || got[1] != "create manifest /var/lib/weir/manifest/kafka.json" {
		t.Errorf("first steps are %q: packages may fail, then the machine is claimed, then ours is put on it", got)
	}
	if p.Interrupts() || !slices.Contains(lines(p), "start service weir-kafka.service") {
		t.Errorf("a first install must start services and interrupt none: %q", lines(p))
	}
}

func TestRemovalKeepsDataUnlessToldOtherwise(t *testing.T) {
	is := settled(broker())
	for _, deleteData := range []bool{false, true} {
		p, err := Removal("weir-1", "test", "kafka", is, deleteData)
		if err != nil {
			t.Fatal(err)
		}
		gone := slices.Contains(lines(p), "remove data /var/lib/weir/kafka")
		if gone != deleteData {
			t.Errorf("deleteData=%v: data removed = %v, steps %q", deleteData, gone, lines(p))
		}
		if last := p.Steps[len(p.Steps)-1]; last.Kind != "manifest" {
			t.Errorf("last step is %q: the manifest must go last", last)
		}
	}
}

func TestRemovalOfAnotherClustersComponentIsRefused(t *testing.T) {
	if _, err := Removal("weir-1", "other", "kafka", settled(broker()), true); err == nil {
		t.Error("want a refusal, got a plan")
	}
}

func TestReleasesSharedWithAnotherComponentStay(t *testing.T) {
	is := settled(broker())
	is.Manifests["zookeeper"] = Manifest{Cluster: "test", Component: "zookeeper", Releases: []string{broker().Releases[0].Dir()}}
	p, err := Removal("weir-1", "test", "kafka", is, false)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(lines(p), "remove release "+broker().Releases[0].Dir()) {
		t.Errorf("the release that zookeeper uses was removed: %q", lines(p))
	}
}
