package preflight

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"weir/provision/host"
	"weir/provision/machine"
	"weir/provision/remote"
)

const dataDir, tempDir = "/srv/kafka", "/var/lib/weir/tmp/kafka"

// broker is a subject with a host and a broker, as components describe them.
func broker(name, address string, others ...string) Subject {
	var reach []string
	for _, o := range others {
		reach = append(reach, o+":9092")
	}
	return Subject{
		Host: remote.Host{Name: name, Address: address}, Address: address,
		States: []machine.State{
			host.State(host.Spec{Cluster: "test", Architecture: "amd64", Java: true}),
			{
				Cluster: "test", Component: "kafka",
				Directories: []machine.Directory{
					{Path: "/etc/weir/kafka", Owner: "root", Group: "root", Mode: 0o755},
					{Path: dataDir, Owner: "weir-kafka", Group: "weir-kafka", Mode: 0o750, Data: true},
					{Path: tempDir, Owner: "weir-kafka", Group: "weir-kafka", Mode: 0o750},
				},
				Services: []machine.Service{{Unit: "weir-kafka.service", Ports: []int{9092}}},
				Requires: machine.Requirements{
					Space: []machine.Space{{Path: dataDir, Bytes: 1 << 30}}, Reach: reach, Programs: []string{"/opt/weir/kafka", tempDir},
					Listen: []string{address}, Heap: 2 << 30, Java: 11, OpenFiles: 100_000,
				},
			},
		},
	}
}

// fit is a machine on which nothing is wrong, with nothing installed yet.
func fit(name, address string, others ...string) sight {
	s := sight{Subject: broker(name, address, others...)}
	s.observed = machine.Observed{
		Facts:    machine.Facts{OS: "debian", OSVersion: "12", Architecture: "amd64", Systemd: true, PackageManager: "apt"},
		Packages: map[string]string{host.JavaPackage: "provided"}, Free: map[string]int64{dataDir: 50 << 30},
		Sysctls: map[string]string{},
	}
	for _, c := range s.asked().Sysctls {
		s.observed.Sysctls[c.Key] = c.Value
	}
	s.answer = answer{
		memory: 16 << 30, files: 1 << 20, java: "/usr/bin/java", javaVersion: "17.0.13", synchronised: "yes", timekeepers: []string{"chrony.service"},
		addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr(address)},
		mounts:    []mount{{at: "/", kind: "ext4", source: "/dev/sda1", options: []string{"rw", "relatime"}}, {at: "/srv", kind: "xfs", source: "/dev/sdb1", options: []string{"rw", "noatime"}}},
		paths:     map[string]string{}, names: map[string][]netip.Addr{},
	}
	for _, p := range sorted(s.data(), s.programs(), s.written()) {
		s.answer.paths[p] = p
	}
	return s
}

// pair are two machines that are fit, the second of which is changed.
func pair(change func(*sight)) []sight {
	seen := []sight{fit("db-1", "10.0.0.1", "10.0.0.2"), fit("db-2", "10.0.0.2", "10.0.0.1")}
	change(&seen[1])
	return seen
}

// judged is the report on what was seen.
func judged(seen []sight) Report {
	var r Report
	for _, c := range checks {
		result := Result{Name: c.name, Title: c.title, Outcome: OK}
		c.judge(seen, &result)
		r.Checks = append(r.Checks, result)
	}
	r.settle()
	return r
}

func TestEachFaultIsFoundByItsCheckOnItsMachine(t *testing.T) {
	mounted := func(at, kind string, options ...string) func(*sight) {
		return func(s *sight) {
			s.answer.mounts = append(s.answer.mounts, mount{at: at, kind: kind, source: "x", options: options})
		}
	}
	for _, c := range []struct {
		name     string
		change   func(*sight)
		check    string
		severity Severity
		says     string
	}{
		{"no fault at all", func(*sight) {}, "", "", ""},
		{"the machine is off", func(s *sight) {
			s.err = &remote.ConnectError{Machine: "db-2", Address: "10.0.0.2:22", Hint: "is it on?", Err: &remote.UnreachableError{Err: remote.ErrClosed}}
		}, "ssh", Refuse, "unreachable"},
		{"sudo refuses", func(s *sight) {
			s.err = &remote.CommandError{Machine: "db-2", Step: "log in", Err: &remote.SudoError{User: "anna", Err: remote.ErrNotInSudoers}}
		}, "ssh", Refuse, "user anna cannot become root: the user may not use sudo"},
		{"the login shell says too much", func(s *sight) { s.err = &remote.LimitError{What: "standard output", Limit: 7} }, "ssh", Refuse, "longer than 7 bytes"},
		{"a port is taken", func(s *sight) {
			s.reasons = []machine.Reason{{Check: machine.CheckPorts, Found: "port 9092 is taken", Expected: "free", Next: "stop it"}}
		}, "ports", Refuse, "port 9092 is taken"},
		{"tools are missing", func(s *sight) { s.answer.lacks = []string{"bash", "flock"} }, "tools", Refuse, "it has no bash, flock"},
		{"Java is too old", func(s *sight) { s.answer.javaVersion = "1.8.0_402" }, "java", Refuse, "/usr/bin/java is Java 1.8.0_402"},
		{"there is no Java, and no way to one", func(s *sight) {
			s.answer.java, s.installs = "", s.asked().Packages
			s.missing = []machine.Reason{machine.Missing(s.installs[0], "apt-get knows none\nE: more")}
		}, "java", Refuse, "openjdk-17-jre-headless cannot be installed (apt-get knows none)"},
		{"there is no Java, and a package has it", func(s *sight) { s.answer.java, s.installs = "", s.asked().Packages }, "", "", ""},
		{"there is no Java, and none is to be installed", func(s *sight) {
			s.answer.java, s.States[0].Packages = "", nil
		}, "java", Refuse, "no java is on its PATH"},
		{"data would be in memory", mounted("/srv/kafka", "tmpfs", "rw", "noatime"), "storage", Refuse, "/srv/kafka is on /srv/kafka (tmpfs), which is empty after a boot"},
		{"data would be in memory, of a container too", func(s *sight) {
			s.observed.Facts.Container = true
			mounted("/srv", "tmpfs", "rw")(s)
		}, "storage", Refuse, "empty after a boot"},
		{"data would go over a network", mounted("/srv", "nfs4", "rw"), "storage", Refuse, "served over a network"},
		{"data would be in a layer", mounted("/srv", "overlay", "rw"), "storage", Refuse, "a layer over another"},
		{"a container's data is in a layer", func(s *sight) {
			s.observed.Facts.Container = true
			mounted("/srv", "overlay", "rw")(s)
		}, "", "", ""},
		{"a disk is read-only", mounted("/srv", "xfs", "ro", "noatime"), "storage", Refuse, "mounted read-only"},
		{"libraries cannot be run from where they are unpacked", mounted("/var", "ext4", "rw", "noexec"), "storage", Refuse, tempDir + " is on /var (ext4), which is mounted noexec"},
		{"reading writes", mounted("/srv", "xfs", "rw", "relatime"), "storage", Advise, "notes the time of each reading"},
		{"the heap is larger than the memory", func(s *sight) { s.answer.memory = 1 << 30 }, "memory", Refuse, "its heaps take 2.0 GiB of 1.0 GiB"},
		{"the heap leaves no cache", func(s *sight) { s.answer.memory = 3 << 30 }, "memory", Advise, "its heaps take 2.0 GiB of 3.0 GiB"},
		{"it may swap, and hardly will", func(s *sight) { s.answer.swap = 1 << 30 }, "", "", ""},
		{"it swaps as kernels do by default", func(s *sight) {
			s.answer.swap, s.States[0].Sysctls = 1<<30, nil
		}, "memory", Advise, "1.0 GiB of swap"},
		{"a kernel setting is to be set", func(s *sight) { s.observed.Sysctls["vm.swappiness"] = "60" }, "", "", ""},
		{"services get too few files", func(s *sight) { s.answer.files = 4096 }, "limits", Advise, "at most 4096 open files"},
		{"a container's services get too few files", func(s *sight) { s.answer.files, s.observed.Facts.Container = 4096, true }, "", "", ""},
		{"nobody keeps the time", func(s *sight) { s.answer.synchronised, s.answer.timekeepers = "no", nil }, "clock", Advise, "no service for it runs"},
		{"nobody keeps a container's time, as the computer does", func(s *sight) {
			s.answer.synchronised, s.observed.Facts.Container = "no", true
		}, "", "", ""},
		{"nobody can say who keeps the time", func(s *sight) { s.answer.synchronised = "" }, "", "", ""},
		{"the clock is a second ahead", func(s *sight) {
			s.answer.offsetLeast, s.answer.offsetMost = 990*time.Millisecond, 1010*time.Millisecond
		}, "clock", Advise, "its clock is 1s ahead (within 10ms)"},
		{"the clock is an hour behind", func(s *sight) { s.answer.offsetLeast, s.answer.offsetMost = -time.Hour, -time.Hour }, "clock", Refuse, "its clock is 1h0m0s behind"},
		{"a slow answer is no skew", func(s *sight) { s.answer.offsetLeast, s.answer.offsetMost = -20*time.Minute, time.Millisecond }, "", "", ""},
		{"its name leads to itself alone", func(s *sight) {
			s.States[1].Requires.Listen = []string{"db-2"}
			s.answer.names["db-2"] = addresses([]string{"127.0.1.1"})
		}, "names", Refuse, "db-2 is 127.0.1.1 on the machine itself"},
		{"a name is unknown", func(s *sight) { s.States[1].Requires.Reach = []string{"db-1:9092"} }, "names", Refuse, "it knows no address of db-1"},
		{"it is another's machine by a second name", func(s *sight) { s.answer.addresses = append(s.answer.addresses, netip.MustParseAddr("10.0.0.1")) }, "names", Refuse, "it is the machine that is called db-1 too: 10.0.0.2 and 10.0.0.1"},
		{"its address is another's", func(s *sight) { s.States[1].Requires.Listen = []string{"10.0.0.9"} }, "names", Refuse, "10.0.0.9 is none of its addresses (10.0.0.2)"},
		{"it listens everywhere", func(s *sight) { s.States[1].Requires.Listen = []string{"0.0.0.0"} }, "", "", ""},
		{"a neighbour does not answer", func(s *sight) { s.silent = []string{"10.0.0.1:9092"} }, "reach", Refuse, "no answer from 10.0.0.1:9092"},
		{"a neighbour of what is installed does not answer", func(s *sight) {
			s.silent = []string{"10.0.0.1:9092"}
			s.observed.Manifests = map[string]machine.Manifest{"kafka": {Cluster: "test"}}
		}, "reach", Advise, "no answer from 10.0.0.1:9092"},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := judged(pair(c.change))
			var found []string
			for _, result := range report.Checks {
				for _, f := range result.Findings {
					found = append(found, result.Name+" "+f.Machine+" "+string(f.Severity)+": "+f.Found)
					if f.Expected == "" || f.Next == "" {
						t.Errorf("a finding without what was expected or what to do: %+v", f)
					}
				}
			}
			if c.check == "" {
				if len(found) > 0 {
					t.Errorf("got %q, want nothing", found)
				}
				return
			}
			want := c.check + " db-2 " + string(c.severity) + ": "
			if len(found) != 1 || !strings.HasPrefix(found[0], want) || !strings.Contains(found[0], c.says) {
				t.Errorf("got %q, want one of %s... that says %q", found, want, c.says)
			}
			if report.Fit != (c.severity == Advise) || (report.Err() == nil) != report.Fit {
				t.Errorf("fit %v, error %v", report.Fit, report.Err())
			}
		})
	}
}

func TestTheClockThatDiffersIsNamedAndNotTheOthers(t *testing.T) {
	for _, c := range []struct {
		name    string
		offsets []time.Duration
		refused []string
		mine    string
	}{
		{"all agree", []time.Duration{0, time.Millisecond, -time.Millisecond}, nil, ""},
		{"one of three", []time.Duration{0, time.Hour, 0}, []string{"b"}, ""},
		{"one of two", []time.Duration{0, -time.Hour}, []string{"b"}, ""},
		{"the only machine", []time.Duration{time.Hour}, []string{"a"}, ""},
		{"this computer's", []time.Duration{time.Hour, time.Hour + time.Second/4, time.Hour}, nil, "this computer's clock is 1h0m0s behind"},
		{"this computer's, ahead of two", []time.Duration{-time.Hour, -time.Hour}, nil, "this computer's clock is 1h0m0s ahead"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var seen []sight
			for i, offset := range c.offsets {
				s := fit(string(rune('a'+i)), "10.0.0.1")
				s.answer.offsetLeast, s.answer.offsetMost = offset-time.Millisecond, offset+time.Millisecond
				seen = append(seen, s)
			}
			var r Result
			judgeClocks(seen, &r)
			var refused []string
			for _, f := range r.Findings {
				refused = append(refused, f.Machine)
			}
			if !slices.Equal(refused, c.refused) {
				t.Errorf("got %q, want %q", refused, c.refused)
			}
			told := ""
			for _, n := range r.Evidence {
				if n.Machine == "" {
					told = n.Text
				}
			}
			if !strings.HasPrefix(told, c.mine) || (told == "") != (c.mine == "") {
				t.Errorf("of this computer: got %q, want %q", told, c.mine)
			}
		})
	}
}

func TestHeapsOfContainersComeOutOfOneMemory(t *testing.T) {
	seen := []sight{fit("a", "10.0.0.1"), fit("b", "10.0.0.2")}
	for i := range seen {
		seen[i].Made, seen[i].answer.memory = true, 3<<30
	}
	var r Result
	judgeMemory(seen, &r)
	if len(r.Findings) != 2 || r.Findings[0].Severity != Refuse || !strings.Contains(r.Findings[0].Found, "all containers together take 4.0 GiB of 3.0 GiB") {
		t.Errorf("got %+v, want both refused, as 4 GiB do not fit into 3", r.Findings)
	}
}

func TestAMachineThatIsAwayIsNotBlamedOnItsNeighbours(t *testing.T) {
	report := judged(pair(func(s *sight) { s.err = remote.ErrClosed }))
	seen := pair(func(s *sight) { s.err = remote.ErrClosed })
	seen[0].silent = []string{"10.0.0.2:9092"}
	if again := judged(seen); len(again.Findings(Refuse)) != len(report.Findings(Refuse)) {
		t.Errorf("got %+v, want the machine that is away and no more", again.Findings(Refuse))
	}
}

func TestJavaRelease(t *testing.T) {
	for version, want := range map[string]int{
		"17.0.21.1": 17, "21": 21, "1.8.0_402": 8, "11.0.2": 11, "25-ea": 25, "": 0, "x": 0, "-1": 0, "99999999": 0, "1": 0,
	} {
		if got := javaRelease(version); got != want {
			t.Errorf("%q: got %d, want %d", version, got, want)
		}
	}
}

func TestOptionalChecksFailNoStepOfAChange(t *testing.T) {
	if got, want := Optional(), []string{"storage", "memory", "kernel", "limits", "clock", "names"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
