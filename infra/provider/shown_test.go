package provider

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"weir/provision/machine"
)

const (
	brokerUnit  = "weir-kafka.service"
	brokerFile  = "/etc/weir/kafka/server.properties"
	secretFile  = "/etc/weir/kafka/secret"
	onceFile    = "/var/lib/weir/kafka/cluster.id"
	brokerDir   = "/etc/weir/kafka"
	stoppedUnit = "weir-idle.service"
	bootUnit    = "weir-boot.service"
)

// everything is a state with one of everything that is shown.
func everything() machine.State {
	release := machine.Release{Name: "kafka", Version: "3.9.2", Digest: machine.Digest("tree"), Root: "/opt/weir/kafka"}
	return machine.State{
		Cluster: "test", Component: "kafka",
		Packages:    []machine.Package{{Name: "openjdk", Provides: "java"}},
		Users:       []machine.User{{Name: "weir-kafka", Home: "/var/lib/weir"}},
		Directories: []machine.Directory{{Path: brokerDir, Owner: "root", Group: "root", Mode: 0o755, Exclusive: true}},
		Files: []machine.File{
			{Path: brokerFile, Owner: "root", Group: "root", Mode: 0o644, Content: "broker.id=0\n"},
			{Path: secretFile, Owner: "root", Group: "root", Mode: 0o600, Content: "hush", Secret: true},
			{Path: onceFile, Owner: "root", Group: "root", Mode: 0o600, Content: "first", Once: true},
		},
		Releases: []machine.Release{release},
		Services: []machine.Service{{Unit: brokerUnit, Watches: []string{brokerFile, release.Link()}}, {Unit: stoppedUnit, Stopped: true}, {Unit: bootUnit, AtBoot: true}},
		Sysctls:  []machine.Sysctl{{Key: "vm.swappiness", Value: "1"}},
	}
}

// asItShouldBe is what a machine answers on which all of the state is true.
func asItShouldBe(s machine.State) machine.Observed {
	o := machine.Observed{
		Facts:     machine.Facts{Systemd: true},
		Manifests: map[string]machine.Manifest{s.Component: s.Manifest()},
		Packages:  map[string]string{}, Users: map[string]bool{}, Directories: map[string]machine.Entry{},
		Files: map[string]machine.ObservedFile{}, Releases: map[string]machine.ObservedRelease{},
		Links: map[string]string{}, Services: map[string]machine.ObservedService{}, Sysctls: map[string]string{},
	}
	for _, p := range s.Packages {
		o.Packages[p.Name] = "17"
	}
	for _, u := range s.Users {
		o.Users[u.Name] = true
	}
	for _, d := range s.Directories {
		o.Directories[d.Path] = machine.Entry{Kind: "directory", Owner: d.Owner, Group: d.Group, Mode: d.Mode}
	}
	for _, f := range s.AllFiles() {
		is := machine.ObservedFile{Entry: machine.Entry{Kind: "regular file", Owner: f.Owner, Group: f.Group, Mode: f.Mode}, SHA256: machine.Digest(f.Content)}
		if !f.Secret && !f.Once { // the others' contents are never brought back
			is.Content, is.Known = f.Content, true
		}
		o.Files[f.Path] = is
	}
	for _, r := range s.Releases {
		o.Releases[r.Dir()], o.Links[r.Link()] = machine.ObservedRelease{Digest: r.Digest}, r.Dir()
	}
	for _, v := range s.Services {
		o.Services[v.Unit] = machine.ObservedService{Load: "loaded", Active: "active", Sub: "running", Enabled: true}
		if v.Stopped || v.AtBoot {
			o.Services[v.Unit] = machine.ObservedService{Load: "loaded", Active: "inactive", Sub: "dead", Enabled: v.AtBoot}
		}
	}
	for _, c := range s.Sysctls {
		o.Sysctls[c.Key] = c.Value
	}
	return o
}

// places is everything shown, by the place it has.
func places(s Shown) map[string]string {
	all := map[string]string{
		"packages": strings.Join(s.Packages, " "), "users": strings.Join(s.Users, " "), "strangers": strings.Join(s.Strangers, " "),
	}
	if s.Manifest != nil {
		all["manifest"] = *s.Manifest
	}
	for path, f := range s.Files {
		all["files "+path+" content"], all["files "+path+" mode"] = f.Content, f.Mode
	}
	for kind, texts := range map[string]map[string]string{
		"directories": s.Directories, "releases": s.Releases, "services": s.Services, "sysctls": s.Sysctls,
	} {
		for key, text := range texts {
			all[kind+" "+key] = text
		}
	}
	return all
}

// differing are the places at which two machines differ, with what the second shows.
func differing(should, is Shown) map[string]string {
	a, b := places(should), places(is)
	diff := map[string]string{}
	for place := range a {
		if text, ok := b[place]; !ok {
			diff[place] = "(nothing)"
		} else if text != a[place] {
			diff[place] = text
		}
	}
	for place, text := range b {
		if _, ok := a[place]; !ok {
			diff[place] = text
		}
	}
	return diff
}

// edit changes an entry of a map of structs.
func edit[V any](m map[string]V, key string, change func(*V)) {
	v := m[key]
	change(&v)
	m[key] = v
}

func TestADriftIsShownExactlyWhereItIs(t *testing.T) {
	release := everything().Releases[0]
	served := func(change func(*machine.ObservedService)) func(*machine.Observed) {
		return func(is *machine.Observed) { edit(is.Services, brokerUnit, change) }
	}
	for _, c := range []struct {
		name  string
		drift func(is *machine.Observed)
		want  map[string]string
	}{
		{"nothing", func(*machine.Observed) {}, map[string]string{}},
		{"a file's content", func(is *machine.Observed) {
			edit(is.Files, brokerFile, func(f *machine.ObservedFile) {
				f.Content, f.SHA256 = "broker.id=9\n", machine.Digest("broker.id=9\n")
			})
		}, map[string]string{"files " + brokerFile + " content": "broker.id=9\n"}},
		{"a content too large to show", func(is *machine.Observed) {
			edit(is.Files, brokerFile, func(f *machine.ObservedFile) {
				f.Content, f.Known, f.Size, f.SHA256 = "", false, 1<<20, machine.Digest("large")
			})
		}, map[string]string{"files " + brokerFile + " content": "1048576 bytes, sha256:" + machine.Digest("large")}},
		{"a secret's content, as its digest", func(is *machine.Observed) {
			edit(is.Files, secretFile, func(f *machine.ObservedFile) { f.SHA256 = machine.Digest("loud") })
		}, map[string]string{"files " + secretFile + " content": "secret, sha256:" + machine.Digest("loud")}},
		{"a file's mode", func(is *machine.Observed) {
			edit(is.Files, brokerFile, func(f *machine.ObservedFile) { f.Mode = 0o666 })
		}, map[string]string{"files " + brokerFile + " mode": "0666 root:root"}},
		{"a file's owner", func(is *machine.Observed) {
			edit(is.Files, brokerFile, func(f *machine.ObservedFile) { f.Owner = "fams" })
		}, map[string]string{"files " + brokerFile + " mode": "0644 fams:root"}},
		{"a link in a file's place", func(is *machine.Observed) {
			edit(is.Files, brokerFile, func(f *machine.ObservedFile) { f.Kind, f.Mode = "symbolic link", 0o777 })
		}, map[string]string{"files " + brokerFile + " mode": "symbolic link 0777 root:root"}},
		{"a missing file", func(is *machine.Observed) { delete(is.Files, brokerFile) },
			map[string]string{"files " + brokerFile + " content": "(nothing)", "files " + brokerFile + " mode": "(nothing)"}},
		{"a directory's mode", func(is *machine.Observed) {
			edit(is.Directories, brokerDir, func(e *machine.Entry) { e.Mode = 0o777 })
		}, map[string]string{"directories " + brokerDir: "0777 root:root"}},
		{"a missing directory", func(is *machine.Observed) { delete(is.Directories, brokerDir) },
			map[string]string{"directories " + brokerDir: "(nothing)"}},
		{"a stranger", func(is *machine.Observed) { is.Strangers = []string{brokerDir + "/notes"} },
			map[string]string{"strangers": brokerDir + "/notes"}},
		{"a stopped service", served(func(v *machine.ObservedService) { v.Active, v.Sub = "inactive", "dead" }),
			map[string]string{"services " + brokerUnit: "enabled, inactive (dead)"}},
		{"a service that failed", served(func(v *machine.ObservedService) { v.Active, v.Sub = "failed", "failed" }),
			map[string]string{"services " + brokerUnit: "enabled, failed (failed)"}},
		{"a disabled service", served(func(v *machine.ObservedService) { v.Enabled = false }),
			map[string]string{"services " + brokerUnit: "not enabled, running"}},
		{"a service stopped and disabled", served(func(v *machine.ObservedService) { v.Active, v.Sub, v.Enabled = "inactive", "dead", false }),
			map[string]string{"services " + brokerUnit: "stopped"}},
		{"a service that is not there", func(is *machine.Observed) { delete(is.Services, brokerUnit) },
			map[string]string{"services " + brokerUnit: "not enabled, not installed"}},
		{"a masked service", served(func(v *machine.ObservedService) { v.Load, v.Enabled = "masked", false }),
			map[string]string{"services " + brokerUnit: "masked, running"}},
		{"a service that should be stopped and failed", func(is *machine.Observed) {
			edit(is.Services, stoppedUnit, func(v *machine.ObservedService) { v.Active, v.Sub = "failed", "failed" })
		}, map[string]string{}},
		{"a process that is older than what it reads", served(func(v *machine.ObservedService) { v.Outdated = []string{brokerFile} }),
			map[string]string{"services " + brokerUnit: "enabled, running, restart pending"}},
		{"a missing manifest", func(is *machine.Observed) { delete(is.Manifests, "kafka") }, map[string]string{"manifest": "missing"}},
		{"a damaged manifest", func(is *machine.Observed) {
			delete(is.Manifests, "kafka")
			is.Damaged = map[string]machine.Damage{"kafka": {Reason: "was changed by hand"}}
		}, map[string]string{"manifest": "damaged: it was changed by hand"}},
		{"a manifest that lists more", func(is *machine.Observed) {
			edit(is.Manifests, "kafka", func(m *machine.Manifest) { m.Files = append(m.Files, "/etc/weir/kafka/old") })
		}, map[string]string{"manifest": "lists other things than are declared"}},
		{"a tree of a release that is nobody's", func(is *machine.Observed) { is.Orphans = []string{"/opt/weir/releases/old"} },
			map[string]string{"strangers": "/opt/weir/releases/old"}},
		{"a stranger whose name a terminal would obey", func(is *machine.Observed) { is.Strangers = []string{brokerDir + "/\x1b[2J\xff"} },
			map[string]string{"strangers": `"` + brokerDir + `/\x1b[2J\xff"`}},
		{"a content that is no text", func(is *machine.Observed) {
			edit(is.Files, brokerFile, func(f *machine.ObservedFile) { f.Content, f.Size, f.SHA256 = "\xff", 1, machine.Digest("\xff") })
		}, map[string]string{"files " + brokerFile + " content": "1 bytes, sha256:" + machine.Digest("\xff")}},
		{"a service that should be stopped and runs", func(is *machine.Observed) {
			is.Services[stoppedUnit] = is.Services[brokerUnit]
		}, map[string]string{"services " + stoppedUnit: "enabled, running"}},
		{"a unit for the boot that is not enabled", func(is *machine.Observed) {
			edit(is.Services, bootUnit, func(v *machine.ObservedService) { v.Enabled = false })
		}, map[string]string{"services " + bootUnit: "not enabled"}},
		{"a unit for the boot that just did its work", func(is *machine.Observed) {
			edit(is.Services, bootUnit, func(v *machine.ObservedService) { v.Active, v.Sub = "activating", "start" })
		}, map[string]string{}},
		{"a drop-in", served(func(v *machine.ObservedService) { v.DropIns = []string{"/etc/systemd/system/x.conf"} }),
			map[string]string{"services " + brokerUnit: "enabled, running, drop-in /etc/systemd/system/x.conf"}},
		{"a drop-in that is gone and still in force", served(func(v *machine.ObservedService) { v.DropInRead = true }),
			map[string]string{"services " + brokerUnit: "enabled, running, runs with a drop-in that is gone"}},
		{"a restart that is owed", served(func(v *machine.ObservedService) { v.RestartPending = true }),
			map[string]string{"services " + brokerUnit: "enabled, running, restart pending"}},
		{"an altered release", func(is *machine.Observed) {
			edit(is.Releases, release.Dir(), func(r *machine.ObservedRelease) { r.Altered, r.Changes = true, []string{"a was changed"} })
		}, map[string]string{"releases kafka": releaseText("3.9.2", release.Digest) + ", altered by hand (a was changed)"}},
		{"a release that is gone", func(is *machine.Observed) { delete(is.Releases, release.Dir()) },
			map[string]string{"releases kafka": "(nothing)"}},
		{"another release in use", func(is *machine.Observed) { is.Links[release.Link()] = "/opt/weir/releases/kafka-old" },
			map[string]string{"releases kafka": "current is /opt/weir/releases/kafka-old"}},
		{"a missing user", func(is *machine.Observed) { delete(is.Users, "weir-kafka") }, map[string]string{"users": ""}},
		{"a missing package", func(is *machine.Observed) { delete(is.Packages, "openjdk") }, map[string]string{"packages": ""}},
		{"a kernel setting", func(is *machine.Observed) { is.Sysctls["vm.swappiness"] = "60" },
			map[string]string{"sysctls vm.swappiness": "60"}},
		{"a kernel setting that the kernel does not have", func(is *machine.Observed) { delete(is.Sysctls, "vm.swappiness") }, map[string]string{}},
		{"a kernel setting in a container, which is not its own", func(is *machine.Observed) {
			is.Sysctls["vm.swappiness"], is.Facts.Container = "60", true
		}, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			state := everything()
			is := asItShouldBe(state)
			c.drift(&is)
			got := differing(showState(state), showObserved(state, is))
			if !maps.Equal(got, c.want) {
				t.Errorf("differs:\n got %q\nwant %q", got, c.want)
			}
			// What the engine is shown to differ, and only that, is put right.
			if steps := machine.Diff("m1", state, is).Steps; (len(steps) > 0) != (len(got) > 0) {
				t.Errorf("shown to differ at %q, put right by %v", slices.Sorted(maps.Keys(got)), steps)
			}
			if drift := machine.Drift(state, is); (len(drift) > 0) != (len(got) > 0) {
				t.Errorf("shown to differ at %q, listed as %q", slices.Sorted(maps.Keys(got)), drift)
			}
		})
	}
}

func TestNothingSecretIsShown(t *testing.T) {
	state := everything()
	for name, shown := range map[string]Shown{"should be": showState(state), "is": showObserved(state, asItShouldBe(state))} {
		for place, text := range places(shown) {
			if strings.Contains(text, "hush") {
				t.Errorf("what %s shows a secret at %s: %q", name, place, text)
			}
		}
	}
}
