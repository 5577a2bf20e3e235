package machine

import (
	"errors"
	"io"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/provision/process"
	"weir/provision/remote"
	"weir/testenv/golden"
)

// adopting is a broker that takes the place of one that was started by hand in
// the same data directory.
func adopting() State {
	s := broker()
	s.Services[0].Takeover = &Takeover{Main: "kafka.Kafka", Starts: "kafka-server-start", Keys: []string{"log.dirs", "log.dir"}, Data: "/var/lib/weir/kafka", Patience: 180 * time.Second}
	return s
}

// byHand is the broker that was started by hand.
func byHand() process.Java {
	return process.Java{
		PID: 812, Started: 4711, User: "fams", Dir: "/home/fams/kafka", Main: "kafka.Kafka", Args: []string{"config/server.properties"},
		Ports: []int{9092}, Config: "broker.id=0\nlog.dirs = /var/lib/weir/kafka/ \n",
	}
}

// starting is a unit that starts a server of which nothing runs.
func starting(unit, config string) []process.Java {
	return []process.Java{{Unit: unit, Dir: "/home/fams/kafka", Main: "kafka.Kafka", Args: []string{"config/server.properties"}, Config: config}}
}

// unadopted is a machine on which everything is staged and the broker by hand runs.
func unadopted(s State) Observed {
	o := settled(s)
	o.Services[s.Services[0].Unit] = ObservedService{Load: "not-found", Active: "inactive", Sub: "dead"}
	o.Directories["/var/lib/weir/kafka"] = Entry{Kind: "directory", Owner: "fams", Group: "fams", Mode: 0o755}
	o.Servers = []process.Java{byHand()}
	o.PortHolders[9092] = "java (pid 812)"
	delete(o.Files, "/etc/weir/kafka/server.properties")
	return o
}

func TestTakingOver(t *testing.T) {
	const unit = "weir-kafka.service"
	// Whatever was done by a run that was cut off, the rest is the same.
	put, start := "create file /etc/weir/kafka/server.properties", []string{"enable service " + unit, "start service " + unit}
	for _, c := range []struct {
		name       string
		change     func(want *State, is *Observed)
		steps      []string
		interrupts bool
		refused    string
	}{
		{"the server is ended, its data handed over, then the unit starts", func(*State, *Observed) {},
			slices.Concat([]string{"stop process 812", "change data /var/lib/weir/kafka", put}, start), true, ""},
		{"the server has ended, its data is not handed over", func(_ *State, is *Observed) { is.Servers, is.PortHolders = nil, nil },
			slices.Concat([]string{"change data /var/lib/weir/kafka", put}, start), false, ""},
		{"the server has ended, and a unit starts it again and again", func(_ *State, is *Observed) {
			is.Servers, is.PortHolders, is.Starters = nil, nil, starting("kafka.service", "log.dirs=/var/lib/weir/kafka")
		}, slices.Concat([]string{"change service kafka.service", "change data /var/lib/weir/kafka", put}, start), false, ""},
		{"the server that runs is the unit's", func(_ *State, is *Observed) {
			is.Servers[0].Unit, is.Starters = "kafka.service", starting("kafka.service", "log.dirs=/var/lib/weir/kafka")
		}, slices.Concat([]string{"stop process 812", "change data /var/lib/weir/kafka", put}, start), true, ""},
		{"a unit starts a server with other data", func(_ *State, is *Observed) {
			is.Servers, is.PortHolders, is.Starters = nil, nil, starting("kafka.service", "log.dirs=/srv/other")
		}, slices.Concat([]string{"change data /var/lib/weir/kafka", put}, start), false, ""},
		{"our own unit runs, whatever else starts with the machine", func(want *State, is *Observed) {
			*is = settled(*want)
			is.Starters = starting("kafka.service", "log.dirs=/var/lib/weir/kafka")
		}, nil, false, ""},
		{"the data is handed over, the unit was not started", func(want *State, is *Observed) {
			is.Servers, is.PortHolders, is.Directories = nil, nil, settled(*want).Directories
		}, slices.Concat([]string{put}, start), false, ""},
		{"somebody started it by hand again as the unit's user", func(want *State, is *Observed) {
			*is = settled(*want)
			is.Services[unit] = ObservedService{Load: "loaded", Active: "inactive", Sub: "dead", Enabled: true}
			is.Servers = []process.Java{byHand()}
		}, []string{"stop process 812", "change data /var/lib/weir/kafka", "start service " + unit}, true, ""},
		{"the unit fails and is started again and again", func(want *State, is *Observed) {
			*is = settled(*want)
			is.Services[unit] = ObservedService{Load: "loaded", Active: "activating", Sub: "auto-restart", Enabled: true}
			is.Servers = []process.Java{byHand()}
		}, []string{"stop process 812", "change data /var/lib/weir/kafka", "start service " + unit}, true, ""},
		{"the unit runs, and the data is its own", func(want *State, is *Observed) {
			*is = settled(*want)
			is.Servers = []process.Java{byHand()}
		}, nil, false, ""},
		{"the unit's own process is not displaced", func(_ *State, is *Observed) {
			is.Servers[0].Unit = unit
		}, slices.Concat([]string{"change data /var/lib/weir/kafka", put}, start), false, "port 9092"},
		{"it is not declared", func(want *State, _ *Observed) { want.Services[0].Takeover = nil },
			slices.Concat([]string{"change directory /var/lib/weir/kafka", put}, start), false, "is taken by java (pid 812)"},
		{"the server keeps its data elsewhere", func(_ *State, is *Observed) { is.Servers[0].Config = "log.dirs=/srv/other\n" },
			slices.Concat([]string{"change data /var/lib/weir/kafka", put}, start), false, "process 812 (kafka.Kafka /home/fams/kafka/config/server.properties), which keeps its data in /srv/other and not in /var/lib/weir/kafka"},
		{"the server is of another kind", func(_ *State, is *Observed) { is.Servers[0].Main = "org.example.Main" },
			slices.Concat([]string{"change data /var/lib/weir/kafka", put}, start), false, "is taken by java (pid 812)"},
		{"another program has the port", func(_ *State, is *Observed) { is.Servers[0].Ports = nil },
			slices.Concat([]string{"stop process 812", "change data /var/lib/weir/kafka", put}, start), true, "is taken by java (pid 812)"},
		{"the server was told its data directory on the command line", func(_ *State, is *Observed) {
			is.Servers[0].Config, is.Servers[0].Args = "log.dirs=/srv/other\n", []string{"server.properties", "--override", "log.dirs=/var/lib/weir/kafka"}
		}, slices.Concat([]string{"stop process 812", "change data /var/lib/weir/kafka", put}, start), true, ""},
		{"a unit started it", func(_ *State, is *Observed) { is.Servers[0].Unit = "kafka.service" },
			slices.Concat([]string{"stop process 812", "change data /var/lib/weir/kafka", put}, start), true, ""},
		{"a user's own manager started it", func(_ *State, is *Observed) { is.Servers[0].Unit, is.Servers[0].UsersUnit = "kafka.service", true },
			slices.Concat([]string{"stop process 812", "change data /var/lib/weir/kafka", put}, start), true, "as that user, systemctl --user disable --now kafka.service"},
		{"the data directory is a home", func(_ *State, is *Observed) { is.Homes = []string{"/var/lib/weir/kafka"} },
			slices.Concat([]string{"stop process 812", "change data /var/lib/weir/kafka", put}, start), true, "is somebody's home"},
		{"it runs in a container", func(_ *State, is *Observed) { is.Servers[0].Elsewhere = true },
			slices.Concat([]string{"stop process 812", "change data /var/lib/weir/kafka", put}, start), true, "in a container of its own"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := adopting()
			is := unadopted(want)
			c.change(&want, &is)
			p := Diff("weir-1", want, is)
			if got := lines(p); !slices.Equal(got, c.steps) {
				t.Errorf("steps:\n got %q\nwant %q", got, c.steps)
			}
			if p.Interrupts() != c.interrupts {
				t.Errorf("interrupts: got %v, want %v", p.Interrupts(), c.interrupts)
			}
			err := Refuse("weir-1", want, is)
			if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("got refusal %v, want one that says %q", err, c.refused)
			}
		})
	}
}

func TestAPlanSaysWhoseServerItEnds(t *testing.T) {
	want := adopting()
	is := unadopted(want)
	is.Servers[0].Unit = "kafka.service"
	p := Diff("weir-1", want, is)
	for i, says := range []string{
		"stop process 812 (kafka.Kafka /home/fams/kafka/config/server.properties, started by fams, with kafka.service, which is disabled)",
		"change data /var/lib/weir/kafka (0755 fams:fams to 0750 weir-kafka:weir-kafka, with all it holds)",
	} {
		if got := p.Steps[i].String(); got != says {
			t.Errorf("step %d is\n%s, want\n%s", i, got, says)
		}
	}
}

func TestAServerByHandInTheUnitsPlaceIsDrift(t *testing.T) {
	want := adopting()
	is := settled(want)
	is.Services["weir-kafka.service"] = ObservedService{Load: "loaded", Active: "inactive", Sub: "dead", Enabled: true}
	is.Servers = []process.Java{byHand()}
	all := Drift(want, is)
	want1 := Difference{Kind: "process", Target: "812", Found: "kafka.Kafka /home/fams/kafka/config/server.properties, started by fams", Expected: "nothing; up ends it, and weir-kafka.service takes its place"}
	if len(all) != 2 || all[0] != want1 || all[1].Kind != "service" {
		t.Errorf("got %+v, want the process and the service that is down", all)
	}
}

func TestAUnitThatWouldStartAServerAgainIsDrift(t *testing.T) {
	want := adopting()
	is := settled(want)
	is.Services["weir-kafka.service"] = ObservedService{Load: "loaded", Active: "inactive", Sub: "dead", Enabled: true}
	is.Starters = starting("kafka.service", "log.dirs=/var/lib/weir/kafka")
	all := Drift(want, is)
	first := Difference{Kind: "service", Target: "kafka.service", Found: "starts kafka.Kafka /home/fams/kafka/config/server.properties again", Expected: "stopped and disabled; weir-kafka.service takes its place"}
	if len(all) != 2 || all[0] != first {
		t.Errorf("got %+v, want the unit and ours, which is down", all)
	}
}

func TestTheScriptOfATakeover(t *testing.T) {
	want := adopting()
	is := unadopted(want)
	is.Servers[0].Unit = "it's $(odd).service"
	is.Starters = starting("kafka.service", "log.dirs=/var/lib/weir/kafka")
	p := Diff("weir-1", want, is)
	script := strings.TrimPrefix(applyScript(p.Steps[:3], nil), applyPrelude)
	golden.Compare(t, "apply-takeover.sh", script)
	if observe := ObserveScript(want); !strings.Contains(observe, "java_servers kafka.Kafka") {
		t.Errorf("the observation does not look for servers:\n%s", observe)
	}
}

// call runs functions of the apply script on this computer.
func call(t *testing.T, command string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "set -eu\n"+takeoverFunctions+command)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return errors.New(stderr.String())
	}
	return nil
}

// victim is a process of this test, its number and when it was started. It says
// a line once it does what its script is for.
func victim(t *testing.T, script string) (cmd *exec.Cmd, pid, started string) {
	t.Helper()
	cmd = exec.Command("sh", "-c", script)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	if _, err := io.ReadFull(out, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pid = strconv.Itoa(cmd.Process.Pid)
	if started = startOf(t, pid); started == "" {
		t.Fatalf("process %s has no start", pid)
	}
	return cmd, pid, started
}

func startOf(t *testing.T, pid string) string {
	t.Helper()
	said, err := exec.Command("sh", "-c", takeoverFunctions+"started_at "+pid).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(said))
}

func TestAServerIsAskedToEndAndNeverKilled(t *testing.T) {
	// Not waited for until the end: what has ended is a zombie meanwhile.
	cmd, pid, started := victim(t, "echo; exec sleep 1000")
	if err := call(t, "finish "+pid+" 1 5 ''"); err != nil {
		t.Errorf("a number that is another process's by now: %v", err)
	}
	if err := cmd.Process.Signal(syscall.Signal(0)); err != nil || startOf(t, pid) != started {
		t.Fatalf("another process than the one that was seen was ended (%v)", err)
	}
	if err := call(t, "finish "+pid+" "+started+" 5 ''"); err != nil {
		t.Errorf("a server that ends: %v", err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("it ended with %v, want SIGTERM", err)
	}
	if err := call(t, "finish "+pid+" "+started+" 5 ''"); err != nil {
		t.Errorf("a server that has ended: %v", err)
	}
	_, pid, started = victim(t, "trap '' TERM; echo; while :; do sleep 1; done")
	err := call(t, "finish "+pid+" "+started+" 1 ''")
	if err == nil || !strings.Contains(err.Error(), "process "+pid+" was asked to end 1 s ago and runs on; it was not killed") {
		t.Errorf("a server that does not end: got %v", err)
	}
}

func TestDataIsHandedOver(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "it's $(data)")
	if err := exec.Command("mkdir", "-p", dir+"/topic-0").Run(); err != nil {
		t.Fatal(err)
	}
	if err := call(t, "hand "+remote.QuoteAll(dir, me.Username, group.Name, "0750")); err != nil {
		t.Error(err)
	}
	if mode, err := exec.Command("stat", "-c", "%a %U:%G", dir).Output(); err != nil || string(mode) != "750 "+me.Username+":"+group.Name+"\n" {
		t.Errorf("the directory is %s, %v", mode, err)
	}
}

func TestServersAreLookedForWithARealShell(t *testing.T) {
	s := State{Cluster: "test", Component: "test", Services: []Service{{
		Unit: "weir-of-no-machine.service", Takeover: &Takeover{Main: "weir.test.NoSuchServer", Keys: []string{"log.dirs"}, Data: "/root", Patience: time.Second},
	}}}
	for _, c := range []struct {
		shown string
		homes []string
	}{
		{"Id=weir-b.service\nActiveState=active\n\nId=weir-of-no-machine.service\nActiveState=inactive", []string{"/root"}},
		{"ActiveState=activating\nId=weir-of-no-machine.service", []string{"/root"}},
		{"Id=weir-of-no-machine.service\nActiveState=active\n\nId=weir-b.service\nActiveState=inactive", nil},
	} {
		var script strings.Builder
		script.WriteString("shown='" + c.shown + "'\n")
		observeProcesses(&script, s)
		observeServers(&script, s)
		script.WriteString("echo @end\n")
		res, err := here{}.Run(t.Context(), remote.Script{Text: script.String()})
		if err != nil {
			t.Fatal(err)
		}
		o, err := parseObserved(s, res.Stdout)
		if err != nil || len(o.Servers) > 0 || !slices.Equal(o.Homes, c.homes) {
			t.Errorf("units that are %q: got servers %v, homes %q, %v; want no server and homes %q", c.shown, o.Servers, o.Homes, err, c.homes)
		}
	}
}
