package machine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"weir/provision/remote"
	"weir/testenv/golden"
)

// odd is a state whose names and values hold what breaks careless quoting.
func odd() State {
	s := broker()
	s.Files = append(s.Files, File{
		Path: `/etc/weir/kafka/it's "$(touch pwned)" für .properties`, Owner: "root", Group: "root", Mode: 0o600,
		Content: "a='b'\n$(touch pwned)\nEOF\n",
	})
	s.Sysctls = nil
	return s
}

func TestObserveScript(t *testing.T) { golden.Compare(t, "observe.sh", ObserveScript(odd())) }

func TestApplyScript(t *testing.T) {
	for name, p := range map[string]Plan{
		"apply-bare.sh":   Diff("weir-1", odd(), Observed{Facts: Facts{Systemd: true, PackageManager: "apt"}}),
		"apply-change.sh": changedLine(),
		"apply-remove.sh": must(Removal("weir-1", broker(), settled(broker()), true)),
	} {
		t.Run(name, func(t *testing.T) {
			sizes := map[int]packSize{}
			for i, s := range p.Steps {
				if c, ok := s.content(); ok {
					sizes[i] = packSize{bytes: int64(len(c))}
				}
			}
			script, ok := strings.CutPrefix(applyScript(p.Steps, sizes), applyPrelude)
			if !ok {
				t.Fatal("the script does not begin with the prelude")
			}
			golden.Compare(t, name, script)
		})
	}
	golden.Compare(t, "apply-prelude.sh", applyPrelude)
}

func changedLine() Plan {
	want := broker()
	is := settled(want)
	want.Files[0].Content = "broker.id=1\n"
	return Diff("weir-1", want, is)
}

func must(p Plan, err error) Plan {
	if err != nil {
		panic(err)
	}
	return p
}

// here runs scripts on this computer: an observation changes nothing.
type here struct{}

func (here) Machine() string { return "here" }

func (here) Run(ctx context.Context, s remote.Script) (remote.Result, error) {
	cmd := exec.CommandContext(ctx, "sh", "-s")
	cmd.Stdin = strings.NewReader(s.Text)
	out, err := cmd.Output()
	return remote.Result{Stdout: out}, err
}

func TestObserveReadsWhatARealShellAnswers(t *testing.T) {
	dir := t.TempDir()
	s := State{
		Cluster: "test", Component: "test",
		Directories: []Directory{{Path: dir, Owner: "root", Group: "root", Mode: 0o755, Exclusive: true}},
		Users:       []User{{Name: "root", Home: "/root"}, {Name: "nobody-of-that-name", Home: "/nowhere"}},
		Sysctls:     []Sysctl{{Key: "vm.max_map_count", Value: "262144"}},
		Requires:    Requirements{Space: []Space{{Path: dir + "/not/yet/there", Bytes: 1}}},
	}
	names := []string{"plain", "it's \"odd\" $(x) ü", `back\slash`}
	for _, n := range names {
		p := filepath.Join(dir, n)
		if err := os.WriteFile(p, []byte("as it is\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		s.Files = append(s.Files, File{Path: p, Owner: "root", Group: "root", Mode: 0o644, Content: "as it should be\n"})
	}
	same := filepath.Join(dir, "same")
	if err := os.WriteFile(same, []byte("same\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.Files = append(s.Files, File{Path: same, Owner: "root", Group: "root", Mode: 0o644, Content: "same\n"},
		File{Path: filepath.Join(dir, "missing"), Owner: "root", Group: "root", Mode: 0o644})
	if err := os.WriteFile(filepath.Join(dir, "a stranger"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := Observe(t.Context(), here{}, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		f := o.Files[filepath.Join(dir, n)]
		if !f.Known || f.Content != "as it is\n" || f.Mode != 0o640 {
			t.Errorf("file %q: got %+v, want its content and mode 0640", n, f)
		}
	}
	if f := o.Files[same]; !f.Known || f.SHA256 != Digest("same\n") {
		t.Errorf("an unchanged file: got %+v", f)
	}
	if _, there := o.Files[filepath.Join(dir, "missing")]; there {
		t.Error("a file that is missing was seen")
	}
	if len(o.Strangers) != 1 || o.Strangers[0] != filepath.Join(dir, "a stranger") {
		t.Errorf("strangers: got %q", o.Strangers)
	}
	if !o.Users["root"] || o.Users["nobody-of-that-name"] {
		t.Errorf("users: got %v", o.Users)
	}
	if o.Facts.Architecture != runtime.GOARCH || o.Facts.MemoryBytes <= 0 || o.Facts.OS == "" || o.Facts.Clock.IsZero() {
		t.Errorf("facts: got %+v", o.Facts)
	}
	if setting, err := os.ReadFile("/proc/sys/vm/max_map_count"); err == nil && o.Sysctls["vm.max_map_count"] != strings.TrimSpace(string(setting)) {
		t.Errorf("a kernel setting: got %q, want %s", o.Sysctls["vm.max_map_count"], setting)
	}
	if o.Free[dir+"/not/yet/there"] <= 0 {
		t.Errorf("free space: got %v", o.Free)
	}
}

func TestASettingBelowSysIsWrittenToItsFile(t *testing.T) {
	steps := []Step{
		{Kind: "sysctl", Target: "vm.swappiness", sysctl: &Sysctl{Key: "vm.swappiness", Value: "1"}},
		{Kind: "sysctl", Target: "/sys/kernel/mm/thp", sysctl: &Sysctl{Key: "/sys/kernel/mm/thp", Value: "it's"}},
	}
	for i, want := range []string{"sysctl -q -w vm.swappiness=1", `printf '%s\n' 'it'\''s' >/sys/kernel/mm/thp`} {
		if got := steps[i].command(steps, i, packSize{}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestSystemdReadsItsUnitsAgainWhereOneChanged(t *testing.T) {
	unit := func(a Action, name string) Step { return Step{Phase: Switch, Action: a, Kind: "service", Target: name} }
	file := func(path string) Step {
		return Step{Phase: Switch, Action: Remove, Kind: "file", Target: path}
	}
	made := func(unit string) Step {
		return Step{Phase: Switch, Action: Create, Kind: "file", Target: "/etc/systemd/system/" + unit, file: &File{}}
	}
	for _, c := range []struct {
		name  string
		steps []Step
		want  string
	}{
		{"nothing of systemd's", []Step{file("/etc/weir/a"), unit(Restart, "a")}, "0 1"},
		{"before the first start, once", []Step{file("/etc/systemd/system/a.service"), unit(Enable, "a"), unit(Start, "a"), unit(Restart, "b")}, "0 1 reload 2 3"},
		{"at the end, where nothing is started", []Step{unit(Enable, "a")}, "0 reload"},
		{"again, where a later step changes more", []Step{unit(Enable, "a"), unit(Start, "a"), unit(Enable, "b"), unit(Start, "b")}, "0 reload 1 2 reload 3"},
		{"a new unit that is started", []Step{made("a.service"), unit(Enable, "a.service"), unit(Start, "a.service")}, "0 1 reload 2"},
		{"new units that are not started, only where systemd does not have them", []Step{made("a.service"), made("b.service"), unit(Enable, "a.service"), unit(Enable, "b.service")}, "0 1 2 3 enabled a.service b.service"},
		{"a new unit beside one that was there", []Step{made("a.service"), unit(Enable, "a.service"), unit(Enable, "b.service")}, "0 1 2 reload"},
		{"a new unit with a drop-in", []Step{made("a.service"), made("a.service.d/b.conf")}, "0 1 reload"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for line := range strings.Lines(strings.TrimPrefix(applyScript(c.steps, nil), applyPrelude)) {
				if n, ok := strings.CutPrefix(line, "echo begin "); ok {
					got = append(got, strings.TrimSpace(n))
				} else if line == "systemctl daemon-reload\n" {
					got = append(got, "reload")
				} else if strings.HasPrefix(line, "enabled ") {
					got = append(got, strings.TrimSpace(line))
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
}
