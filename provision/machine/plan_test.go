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
		{"a changed mode is put right without a restart", func(_ *State, is *Observed) {
			f := is.Files[properties]
			f.Mode = 0o600
			is.Files[properties] = f
		}, []string{"change file " + properties}},
		{"a link in a file's place is replaced", func(_ *State, is *Observed) {
			f := is.Files[properties]
			f.Kind = "symbolic link"
			is.Files[properties] = f
		}, []string{"create mark " + unit, "change file " + properties, "restart service " + unit}},
		{"an altered release is sent again, and what runs from it restarts", func(w *State, is *Observed) {
			is.Releases[w.Releases[0].Dir()] = ObservedRelease{Digest: w.Releases[0].Digest, Altered: true}
		}, []string{"change release kafka 3.9.2", "create mark " + unit, "restart service " + unit}},
		{"a release that is gone is sent again", func(w *State, is *Observed) { delete(is.Releases, w.Releases[0].Dir()) },
			[]string{"create release kafka 3.9.2", "create mark " + unit, "restart service " + unit}},
		{"a process that is older than what it reads is restarted", func(_ *State, is *Observed) {
			v := is.Services[unit]
			v.Outdated = []string{properties}
			is.Services[unit] = v
		}, []string{"restart service " + unit}},
		{"a service that was declared stopped and failed is left alone", func(w *State, is *Observed) {
			w.Services[0].Stopped = true
			is.Services[unit] = ObservedService{Load: "loaded", Active: "failed", Sub: "failed"}
		}, nil},
		{"a service that was declared stopped and is about to start is stopped", func(w *State, is *Observed) {
			w.Services[0].Stopped = true
			is.Services[unit] = ObservedService{Load: "loaded", Active: "activating", Sub: "auto-restart"}
		}, []string{"stop service " + unit}},
		{"a service that was declared stopped is not restarted for what it watches", func(w *State, is *Observed) {
			w.Services[0].Stopped, w.Files[0].Content = true, "broker.id=1\n"
			is.Services[unit] = ObservedService{Load: "loaded", Active: "inactive", Sub: "dead"}
		}, []string{"change file " + properties}},
		{"a masked unit is put back and enabled", func(_ *State, is *Observed) {
			f := is.Files["/etc/systemd/system/"+unit]
			f.Kind = "symbolic link"
			is.Files["/etc/systemd/system/"+unit] = f
			is.Services[unit] = ObservedService{Load: "masked", Active: "inactive", Sub: "dead"}
		}, []string{"change file /etc/systemd/system/" + unit, "enable service " + unit, "start service " + unit}},
		{"a missing manifest is written from what is declared", func(_ *State, is *Observed) { delete(is.Manifests, "kafka") },
			[]string{"create manifest /var/lib/weir/manifest/kafka.json"}},
		{"a damaged manifest is written anew, and nothing is removed on its word", func(_ *State, is *Observed) {
			delete(is.Manifests, "kafka")
			is.Damaged = map[string]Damage{"kafka": {Reason: "was changed by hand"}}
		}, []string{"change manifest /var/lib/weir/manifest/kafka.json"}},
		{"a tree of a release that is nobody's is removed", func(_ *State, is *Observed) {
			is.Orphans = []string{"/opt/weir/releases/kafka-3.8.0-000000000000"}
		}, []string{"remove release /opt/weir/releases/kafka-3.8.0-000000000000"}},
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
			v.DropIns, v.DropInRead = []string{"/etc/systemd/system/weir-kafka.service.d/x.conf"}, true
			is.Services[unit] = v
		}, []string{"remove stranger /etc/systemd/system/weir-kafka.service.d/x.conf", "restart service " + unit}},
		{"a drop-in that systemd has not read restarts nothing", func(_ *State, is *Observed) {
			v := is.Services[unit]
			v.DropIns, v.NeedReload = []string{"/run/systemd/system/weir-kafka.service.d/x.conf"}, true
			is.Services[unit] = v
		}, []string{"remove stranger /run/systemd/system/weir-kafka.service.d/x.conf", "enable service " + unit}},
		{"what a run left that was cut off is removed", func(_ *State, is *Observed) {
			is.Strangers = []string{"/etc/weir/kafka/.weir-new.server.properties"}
		}, []string{"remove stranger /etc/weir/kafka/.weir-new.server.properties"}},
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
		p, err := Removal("weir-1", broker(), is, deleteData)
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

func TestRemovalWithoutAManifestTakesOffWhatWasAppliedAndIsThere(t *testing.T) {
	is := settled(broker())
	delete(is.Manifests, "kafka")
	delete(is.Files, "/etc/weir/kafka/server.properties")
	p, err := Removal("weir-1", broker(), is, true)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"stop service weir-kafka.service", "remove file /etc/sysctl.d/60-weir-kafka.conf",
		"remove file /etc/systemd/system/weir-kafka.service", "remove link /opt/weir/kafka/current",
		"remove release " + broker().Releases[0].Dir(), "remove directory /etc/weir/kafka", "remove data /var/lib/weir/kafka",
	}
	if got := lines(p); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if p, err := Removal("weir-1", broker(), Observed{}, true); err != nil || !p.Empty() {
		t.Errorf("from a machine on which nothing is: got %q, %v", lines(p), err)
	}
}

func TestRemovalOfAnotherClustersComponentIsRefused(t *testing.T) {
	other := broker()
	other.Cluster = "other"
	if _, err := Removal("weir-1", other, settled(broker()), true); err == nil {
		t.Error("want a refusal, got a plan")
	}
}

// A machine that only got another name is declared by that before it is removed
// by the old one, which must not take away what goes on there.
func TestARemovalByANameThatAMachineHadBeforeTakesNothingAway(t *testing.T) {
	was, now := broker(), broker()
	was.Machine, now.Machine = "old", "new"
	is := settled(was)
	if fault := ManifestFault(now, is); fault != `of machine "old"` {
		t.Errorf("before: the manifest's fault is %q, want the old name", fault)
	}
	p := Diff("new", now, is)
	const claim = "change manifest /var/lib/weir/manifest/kafka.json (the machine was old)"
	if len(p.Steps) != 1 || p.Steps[0].String() != claim || p.Was != "old" {
		t.Errorf("got %v, was %q; want %q alone", p.Steps, p.Was, claim)
	}
	for name, removed := range map[string]bool{"old": false, "new": true} {
		s := broker()
		s.Machine = name
		p, err := Removal(name, s, settled(now), true)
		if err != nil || p.Empty() == removed {
			t.Errorf("a removal by the name %s: got %q, %v; want that something is removed: %t", name, lines(p), err, removed)
		}
	}
	if p := Diff("new", now, settled(now)); !p.Empty() || p.Was != "" {
		t.Errorf("afterwards: got %q, was %q; want nothing to do", lines(p), p.Was)
	}
	if p, err := Removal("old", was, settled(broker()), false); err != nil || p.Empty() {
		t.Errorf("a manifest that says no name: got %q, %v; want it removed", lines(p), err)
	}
}

func TestReleasesSharedWithAnotherComponentStay(t *testing.T) {
	tree := broker().Releases[0].Dir()
	own := map[string]string{"/opt/weir/kafka/current": tree}
	for _, c := range []struct {
		name  string
		uses  func(is *Observed)
		stays bool
	}{
		{"another's manifest lists it", func(is *Observed) {
			is.Manifests["zookeeper"] = Manifest{Cluster: "test", Component: "zookeeper", Releases: []string{tree}}
		}, true},
		{"another's link points to it, and its manifest is lost", func(is *Observed) {
			is.InUse = map[string]string{"/opt/weir/kafka/current": tree, "/opt/weir/zookeeper/current": tree}
		}, true},
		{"nobody else's", func(is *Observed) { is.InUse = own }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			is := settled(broker())
			c.uses(&is)
			p, err := Removal("weir-1", broker(), is, false)
			if err != nil {
				t.Fatal(err)
			}
			if stays := !slices.Contains(lines(p), "remove release "+tree); stays != c.stays {
				t.Errorf("the tree stays: %v, want %v; steps %q", stays, c.stays, lines(p))
			}
		})
	}
}
