package adopt

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

// here runs scripts on this computer: a look changes nothing.
type here struct{}

func (here) Machine() string { return "here" }

func (here) Run(ctx context.Context, s remote.Script) (remote.Result, error) {
	out, err := exec.CommandContext(ctx, "sh", "-c", s.Text).Output()
	return remote.Result{Stdout: out}, err
}

func TestARealShellAnswers(t *testing.T) {
	m, err := Read(t.Context(), here{}, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "here" || m.Address != "192.0.2.1" || m.Hostname == "" {
		t.Errorf("got %+v, want its names", m)
	}
	if java, err := exec.LookPath("java"); err == nil {
		if real, _ := filepath.EvalSymlinks(java); m.Java != real {
			t.Errorf("java is %q, want %q", m.Java, real)
		}
	}
}

func TestDataDirectoriesAreLookedAtWithARealShell(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	dir := filepath.Join(top, "it's closed", "data $(x)")
	link := filepath.Join(top, "link")
	for _, err := range []error{
		os.MkdirAll(dir, 0o755), os.Chmod(filepath.Dir(dir), 0o700), os.Chmod(top, 0o755), os.Symlink(dir, link),
		os.WriteFile(filepath.Join(dir, "myid"), []byte("3\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "meta.properties"), []byte("broker.id=2\ncluster.id=x\n"), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m := Machine{Data: map[string]Data{}, Names: map[string]string{}}
	missing := filepath.Join(top, "missing")
	if err := ask(t.Context(), here{}, "look", dataScript([]string{dir, link, missing, me.HomeDir}, []string{"localhost", "no-such-host.invalid"}), m.readData); err != nil {
		t.Fatal(err)
	}
	got := m.Data[dir]
	if got.Kind != "directory" || got.MyID != "3" || got.Meta != "broker.id=2\ncluster.id=x" || got.Home {
		t.Errorf("the directory is %+v", got)
	}
	if !strings.HasSuffix(top, strings.TrimPrefix(got.Closed, filepath.Dir(top))) && got.Closed != filepath.Dir(dir) {
		t.Errorf("closed above it is %q, want %q or what is above the test's directory", got.Closed, filepath.Dir(dir))
	}
	if kind := m.Data[link].Kind; kind != "symbolic link" {
		t.Errorf("the link is a %q", kind)
	}
	if d := m.Data[missing]; d.Kind != "" {
		t.Errorf("what is missing is %+v", d)
	}
	if !m.Data[me.HomeDir].Home {
		t.Errorf("%s is not known to be a home: %+v", me.HomeDir, m.Data[me.HomeDir])
	}
	if m.Names["localhost"] != "127.0.0.1" && m.Names["localhost"] != "::1" || len(m.Names) != 1 {
		t.Errorf("names are %v", m.Names)
	}
}

// said is a machine's answer in the form of the scripts.
func said(rows ...[3]string) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", r[0], r[1], base64.StdEncoding.EncodeToString([]byte(r[2])))
	}
	return b.String() + "end\n"
}

// process812 is a broker by hand as its machine tells of it.
var process812 = [][3]string{
	{"812", "stat", "812 (java) S 1 812 812 0 -1 4194304 1 0 0 0 1 1 0 0 20 0 60 0 4711 1 1"},
	{"812", "command", "java\x00-Xmx1g\x00kafka.Kafka\x00config/server.properties\x00"},
	{"812", "dir", "/home/fams/kafka\n"}, {"812", "user", "fams\n"}, {"812", "program", "/usr/bin/java\n"},
	{"812", "config", "log.dirs=/srv/kafka\nzookeeper.connect=zk-1:2181,zk-2:2181/kafka\n"},
}

func TestAMachineIsReadInTwoQuestions(t *testing.T) {
	first := append([][3]string{
		{"hostname", "name", "db-1.example\n"}, {"java", "program", "/usr/lib/jvm/17/bin/java\n"},
		{"starter", "/etc/rc.local", "  su fams -c 'kafka-server-start.sh'\n"},
		{"manifest", "kafka.json", `{"cluster":"prod","component":"kafka"}`},
	}, process812...)
	second := [][3]string{
		{"kind", "/srv/kafka", "directory\n"}, {"meta.properties", "/srv/kafka", "broker.id=1\n"}, {"closed", "/srv/kafka", "/srv/inner\n"}, {"closed", "/srv/kafka", "/srv\n"},
		{"name", "zk-1", "10.0.0.1\n"}, {"name", "zk-2", "nonsense\n"},
	}
	r := remotetest.New("db-1").On(remotetest.Step("look for servers"), remotetest.Stdout(said(first...))).
		On(remotetest.Contains("data /srv/kafka", "name zk-1\nname zk-2\n"), remotetest.Stdout(said(second...)))
	m, err := Read(t.Context(), r, "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if m.Hostname != "db-1.example" || m.Java != "/usr/lib/jvm/17/bin/java" || m.Owner != "prod" || len(m.Servers) != 1 || m.Servers[0].PID != 812 {
		t.Errorf("got %+v", m)
	}
	if len(m.Starters) != 1 || m.Starters[0] != (Starter{"/etc/rc.local", "su fams -c 'kafka-server-start.sh'"}) {
		t.Errorf("starters: got %q", m.Starters)
	}
	if d := m.Data["/srv/kafka"]; d != (Data{Kind: "directory", Meta: "broker.id=1", Closed: "/srv"}) {
		t.Errorf("data: got %+v", d)
	}
	if m.Names["zk-1"] != "10.0.0.1" || len(m.Names) != 1 {
		t.Errorf("names: got %v", m.Names)
	}
	for _, s := range r.Scripts() {
		if !s.Root {
			t.Errorf("%q was asked without root, who alone sees others' processes", s.Step)
		}
	}
}

func TestAnAnswerThatIsNoneIsAnError(t *testing.T) {
	for _, c := range []struct{ name, answer, says string }{
		{"cut off", "hostname\tname\tZGI=\n", "cut off"},
		{"too few fields", "hostname\nend\n", "1 fields"},
		{"not base64", "hostname\tname\t?\nend\n", "not base64"},
		{"a process that is none", "812x\tstat\t\n812\tstat\nend\n", "812"},
		{"a manifest that names no cluster", said([3]string{"manifest", "kafka.json", "{}"}), "kafka.json cannot be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := remotetest.New("db-1").On(remotetest.Any(), remotetest.Stdout(c.answer))
			if _, err := Read(t.Context(), r, ""); err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "db-1") {
				t.Errorf("got %v, want an error of db-1 that says %q", err, c.says)
			}
		})
	}
}

// Whatever a machine says, it is judged without a panic, and never taken for
// something with paths or ids that it does not have.
func FuzzReadAndJudge(f *testing.F) {
	f.Add(said(process812...), said([3]string{"kind", "/srv/kafka", "directory"}), zookeeperFile)
	f.Add("end\n", "end\n", serverFile)
	f.Fuzz(func(t *testing.T, first, second, file string) {
		machines := article()
		m := &machines[0]
		for i := range m.Servers {
			m.Servers[i].Config = file
		}
		if r, err := parseRows([]byte(second)); err == nil {
			_ = m.readData(r)
		}
		check(t, machines)
		if r, err := parseRows([]byte(first)); err == nil && m.readServers(r) == nil {
			check(t, machines)
			_, _ = m.questions()
		}
	})
}

func check(t *testing.T, machines []Machine) {
	f, problems := Judge(machines)
	if len(problems) > 0 {
		return
	}
	for _, s := range f.Servers {
		if !filepath.IsAbs(s.Data) || s.PID < 2 || s.Java.UsersUnit || s.Java.Elsewhere {
			t.Errorf("without a problem there is %+v", s)
		}
	}
	_ = f.Steps(machines[0].Name)
}
