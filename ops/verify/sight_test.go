package verify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/testenv/golden"
)

func TestTheQuestionIsAskedAsWritten(t *testing.T) {
	golden.Compare(t, "question.sh", questionFor(article(), "node1").script())
}

// asked is a question whose directories are there, on any computer.
func asked(t *testing.T) question {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "a dir")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"myid": "2\n", "meta.properties": "#comment\ncluster.id=abc_-9\nbroker.id=1\nversion=0\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return question{
		machine: "node1", disks: []diskAsked{{dir, -1}, {"/nowhere", -1}},
		myid: filepath.Join(dir, "myid"), meta: filepath.Join(dir, "meta.properties"),
	}
}

func TestARealMachineAnswersTheQuestion(t *testing.T) {
	q := asked(t)
	h := hearing{sent: time.Now()}
	out, errs, err := sh(t, q.script(), "")
	if err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	for line := range strings.Lines(out) {
		h.line(strings.TrimSuffix(line, "\n"))
	}
	s, err := h.sight(q)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if s.myid != "2" || s.clusterID != "abc_-9" || s.brokerID != "1" {
		t.Errorf("got myid %q, cluster %q, broker %q", s.myid, s.clusterID, s.brokerID)
	}
	if len(s.disks) != 1 || s.disks[0].total == 0 || !s.disks[0].writable || s.disks[0].mode != 0o755 {
		t.Errorf("got %+v, want the one directory that is there", s.disks)
	}
	if !s.clock.known || s.clock.middle().Abs() > time.Minute || s.files == 0 || s.maps == 0 {
		t.Errorf("got clock %+v, files %d, maps %d", s.clock, s.files, s.maps)
	}
}

const answer = `clock	1700000000.500000000
most	1048576	524288	65530
listens	2384
listens	zz
unit	Id=weir-zookeeper.service
unit	LoadState=loaded
unit	ActiveState=active
unit	SubState=running
unit	Result=success
unit	UnitFileState=enabled
unit	MainPID=101
unit	NRestarts=0
unit	
unit	Id=weir-kafka.service
unit	LoadState=loaded
unit	ActiveState=activating
unit	SubState=auto-restart
unit	Result=exit-code
unit	UnitFileState=enabled
unit	MainPID=0
unit	NRestarts=7
unit	
unit	Id=weir-producer.service
unit	LoadState=loaded
unit	ActiveState=active
unit	SubState=running
unit	UnitFileState=disabled
unit	MainPID=103
unit	NRestarts=0
unit	
process	101	S	996	16384	80	200	
process	103	T	0	unlimited	9	20	
disk	0	4096	1000	500	64	32	996	755	rw
disk	9	4096	1000	500	64	32	0	755	rw
disk	1	4096	1000	2000	64	32	0	755	rw
myid	1
meta	cluster.id	Abc
meta	broker.id	0
end
`

func hear(text string) (sight, error) {
	h := hearing{sent: time.Unix(1700000000, 0)}
	for line := range strings.Lines(text) {
		h.line(strings.TrimSuffix(line, "\n"))
	}
	h.heard = time.Unix(1700000001, 0)
	return h.sight(questionFor(article(), "node1"))
}

func TestAnAnswerBecomesASight(t *testing.T) {
	s, err := hear(answer)
	if err != nil {
		t.Fatal(err)
	}
	zk, _ := s.unit(zookeeperComponent)
	kafka, _ := s.unit(kafkaComponent)
	job, _ := s.unit("producer")
	switch {
	case !zk.running() || zk.process.limit != 16384 || zk.process.user != 996:
		t.Errorf("ZooKeeper: got %+v", zk)
	case kafka.running() || kafka.state() != "activating (auto-restart, exit-code)" || kafka.restarts != 7:
		t.Errorf("Kafka: got %+v, %s", kafka, kafka.state())
	case job.process.state != stoppedState || job.enabled != "disabled":
		t.Errorf("job: got %+v", job)
	case len(s.disks) != 1 || s.disks[0].free != 500*4096 || s.disks[0].user != 996:
		t.Errorf("disks: got %+v, want only what was asked for and makes sense", s.disks)
	case !s.ports[9092] || len(s.ports) != 1 || s.files != 524288:
		t.Errorf("got ports %v, files %d", s.ports, s.files)
	case s.clock.middle() != 0 || s.clock.doubt() != 500*time.Millisecond:
		t.Errorf("clock: got %+v", s.clock)
	}
}

func TestAnAnswerIsDistrusted(t *testing.T) {
	for name, text := range map[string]string{
		"cut off":                       strings.TrimSuffix(answer, "end\n"),
		"empty":                         "",
		"without a unit that was asked": strings.ReplaceAll(answer, "weir-kafka.service", "other.service"),
	} {
		if s, err := hear(text); err == nil {
			t.Errorf("%s: got %+v, want an error", name, s)
		}
	}
	s, err := hear(strings.Replace(answer, "SubState=auto-restart", "SubState=\x1b[2J", 1))
	if u, _ := s.unit(kafkaComponent); err != nil || strings.Contains(u.state(), "\x1b") {
		t.Errorf("got %q, %v", u.state(), err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(answer)
	f.Add("clock\t9.9\nend\n")
	f.Add("disk\t0\t1\t1\t1\t0\t0\t0\t0\trw\nend\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := hear(text)
		if err != nil {
			return
		}
		for _, d := range s.disks {
			if d.free < 0 || d.free > d.total {
				t.Errorf("took a disk with %d of %d bytes free", d.free, d.total)
			}
		}
		for _, u := range s.units {
			for _, r := range u.state() + u.enabled {
				if r < ' ' {
					t.Errorf("%q is not fit for a terminal", u.state())
				}
			}
		}
	})
}

func TestTheWayToListenersIsTriedByARealShell(t *testing.T) {
	out, errs, err := sh(t, connectScript([]string{"127.0.0.1:1"}), "")
	if err != nil || strings.TrimSpace(out) != "tried" {
		t.Errorf("a closed port: got %q, %q, %v, want that it was tried in vain", out, errs, err)
	}
	open := listenOn(t)
	if out, _, err = sh(t, connectScript([]string{open, "127.0.0.1:1"}), ""); err != nil || out != "tried\n"+open+"\n" {
		t.Errorf("an open port: got %q, %v", out, err)
	}
}
