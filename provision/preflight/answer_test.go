package preflight

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"weir/provision/machine"
	"weir/provision/remote"
	"weir/testenv/golden"
)

// odd is a subject with names that hold what breaks careless quoting.
func odd() Subject {
	s := broker("db-1", "db-1.example.org", "10.0.0.2", "it's$(touch pwned)")
	s.States[1].Directories = append(s.States[1].Directories, machine.Directory{Path: `/srv/it's "$(touch pwned)" für`, Data: true})
	return s
}

func TestQuestion(t *testing.T) { golden.Compare(t, "question.sh", odd().question()) }

// here runs scripts on this computer, which the question does not change.
type here struct{}

func (here) Machine() string { return "here" }

func (here) Run(ctx context.Context, s remote.Script) (remote.Result, error) {
	cmd := exec.CommandContext(ctx, "sh", "-s")
	cmd.Stdin = strings.NewReader(s.Text)
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		s.Line(strings.TrimSuffix(line, "\n"))
	}
	return remote.Result{}, err
}

func TestARealShellAnswers(t *testing.T) {
	subject := odd()
	subject.States[1].Requires.Listen = []string{"localhost"}
	dir := t.TempDir()
	subject.States[1].Directories[1].Path = dir + "/not/yet/there"
	s := sight{Subject: subject}
	if err := s.ask(t.Context(), here{}, time.Now); err != nil {
		t.Fatal(err)
	}
	a := s.answer
	if offset, uncertain := a.offset(); offset.Abs() > uncertain || uncertain > time.Minute {
		t.Errorf("our own clock: got %s, within %s", offset, uncertain)
	}
	if a.memory < 1<<26 || a.files < 256 || len(a.addresses) == 0 || len(a.names["localhost"]) == 0 {
		t.Errorf("got %+v, want memory, files, addresses and localhost's", a)
	}
	if got := a.paths[dir+"/not/yet/there"]; got != dir {
		t.Errorf("a directory that is not there yet: got %q, want %q", got, dir)
	}
	if m, ok := a.mountOf(dir + "/not/yet/there"); !ok || m.kind == "" || m.has("ro") {
		t.Errorf("its file system: got %+v", m)
	}
	if odd := `/srv/it's "$(touch pwned)" für`; !strings.HasPrefix(odd, a.paths[odd]) || a.paths[odd] == "" {
		t.Errorf("an odd path: got %q", a.paths[odd])
	}
}

// hear is what is made of an answer's lines, the clock of which came a second
// after the question.
func hear(lines string) (answer, error) {
	sent := time.Unix(1_700_000_000, 0)
	l := listener{sent: sent, now: func() time.Time { return sent.Add(time.Second) }}
	for line := range strings.Lines(lines) {
		l.line(strings.TrimSuffix(line, "\n"))
	}
	return l.answer(broker("db-1", "10.0.0.1"))
}

func TestTheAnswerIsDistrusted(t *testing.T) {
	const clock = "clock\t1700000000.5\n"
	for _, c := range []struct {
		name, lines string
		wrong       func(answer) bool
		fails       string
	}{
		{name: "an answer without its end was cut off", lines: clock + "memory\tMemTotal:\t7\n", fails: "cut off"},
		{name: "nothing at all", fails: "cut off"},
		{name: "a clock is needed", lines: "end\n", fails: "its time"},
		{name: "a clock that is no number", lines: "clock\tnoon\nend\n", fails: "not a time"},
		{name: "a clock of the year 40,000", lines: "clock\t1200000000000.0\nend\n", fails: "not a time"},
		{name: "a clock with a fraction that is none", lines: "clock\t1700000000.-5\nend\n", fails: "not a time"},
		{name: "only the first clock's arrival counts", lines: clock + "end\n",
			wrong: func(a answer) bool {
				return a.offsetLeast != -500*time.Millisecond || a.offsetMost != 500*time.Millisecond
			}},
		{name: "memory that is no number", lines: clock + "memory\tMemTotal:\tmuch\nend\n", fails: "not a number of kB"},
		{name: "negative memory", lines: clock + "memory\tSwapTotal:\t-1\nend\n", fails: "not a number of kB"},
		{name: "the lowest limit of files holds, and unlimited is none", lines: clock + "files\t1048576\nfiles\tunlimited\nfiles\t4096\nfiles\t-7\nend\n",
			wrong: func(a answer) bool { return a.files != 4096 }},
		{name: "a tool that nobody asked for", lines: clock + "lacks\tgcc\nend\n", wrong: func(a answer) bool { return len(a.lacks) > 0 }},
		{name: "a path that nobody asked for", lines: clock + "path\t/etc/shadow\t/etc\nend\n", wrong: func(a answer) bool { return len(a.paths) > 0 }},
		{name: "a path that is relative", lines: clock + "path\t" + dataDir + "\tetc\nend\n", wrong: func(a answer) bool { return len(a.paths) > 0 }},
		{name: "a name that nobody asked for", lines: clock + "name\tevil\t10.0.0.1\nend\n", wrong: func(a answer) bool { return len(a.names) > 0 }},
		{name: "addresses that are none", lines: clock + "address\t10.0.0.300\naddress\t\nend\n", wrong: func(a answer) bool { return len(a.addresses) > 0 }},
		{name: "a word for synchronised that is none", lines: clock + "synchronised\tperhaps\nend\n", wrong: func(a answer) bool { return a.synchronised != "" }},
		{name: "mounts that are none", lines: clock + "mount\t1 2 3\nmount\ta - b\nend\n", wrong: func(a answer) bool { return len(a.mounts) > 0 }},
		{name: "a long text is cut", lines: clock + "java\t/" + strings.Repeat("x", 1<<20) + "\t17\nend\n", wrong: func(a answer) bool { return len(a.java) > 2*textLimit }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := hear(c.lines)
			switch {
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("got error %v, want one that says %q", err, c.fails)
			case c.fails == "" && err != nil:
				t.Errorf("got error %v", err)
			case c.wrong != nil && c.wrong(a):
				t.Errorf("the answer was believed: %+v", a)
			}
		})
	}
}

func TestAPathIsOnTheMountThatIsNearestAndOnTop(t *testing.T) {
	const mounts = `clock	1700000000.5
mount	22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
mount	23 22 8:2 / /srv rw,noatime shared:2 - xfs /dev/sdb1 rw
mount	24 22 8:3 / /srv/kafka\040data ro,noatime - xfs /dev/sdc1 rw
mount	25 23 0:4 / /srv rw - tmpfs none rw,size=1k
mount	26 22 8:5 / /srvother rw - btrfs /dev/sdd1 rw
path	/srv/kafka	`
	for place, want := range map[string]string{
		"/srv/kafka": "tmpfs", "/srv": "tmpfs", "/srv/kafka data/x": "xfs", "/srvother": "btrfs", "/": "ext4", "/home": "ext4",
	} {
		a, err := hear(mounts + place + "\nend\n")
		if m, ok := a.mountOf("/srv/kafka"); err != nil || !ok || m.kind != want {
			t.Errorf("%s: got %+v, error %v; want %s", place, m, err, want)
		}
		if _, ok := a.mountOf("/not/asked"); ok {
			t.Error("a path that was not asked about has a mount")
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("clock\t1700000000.5\nmemory\tMemTotal:\t7\nmount\t22 1 8:1 / / rw - ext4 /dev/sda1 rw\npath\t/srv/kafka\t/srv\nend\n")
	f.Add("clock\t1.2\nsynchronised\tyes\tchrony.service\nname\tdb\t::1\njava\t/usr/bin/java\t1.8\nend")
	f.Fuzz(func(t *testing.T, lines string) {
		a, err := hear(lines)
		if err != nil {
			return
		}
		// Whatever a machine says, judging it must not panic.
		s := fit("db-1", "10.0.0.1", "10.0.0.2")
		s.answer = a
		_ = judged([]sight{s, fit("db-2", "10.0.0.2", "10.0.0.1")}).Err()
	})
}
