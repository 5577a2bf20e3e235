package machine

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// places is a section with paths.
func places(section string, paths ...string) string {
	var b strings.Builder
	b.WriteString("@" + section)
	for i, p := range paths {
		if i%2 == 0 && utf8.ValidString(p) && !strings.ContainsAny(p, "\n\t") {
			b.WriteString("\nfound\t" + p)
		} else {
			b.WriteString("\nencoded\t" + base64.StdEncoding.EncodeToString([]byte(p)))
		}
	}
	return b.String()
}

// keeper is a state that keeps the places which components share.
func keeper() State {
	return State{Cluster: "test", Component: "host", Directories: []Directory{
		{Path: "/etc/weir", Owner: "root", Group: "root", Mode: 0o755, Exclusive: true},
		{Path: ReleaseDir, Owner: "root", Group: "root", Mode: 0o755, Exclusive: true},
		{Path: "/var/lib/weir", Owner: "root", Group: "root", Mode: 0o755},
	}}
}

func TestOnlyWhatIsNobodysIsAStranger(t *testing.T) {
	kafka := broker()
	tree := kafka.Releases[0].Dir()
	manifest := manifestOf("kafka", kafka.Manifest().encode())
	etc := places("strangers", "/etc/weir/kafka", "/etc/weir/notes")
	releases := places("strangers", tree, tree+".tree", ReleaseDir+"/old-1", ReleaseDir+"/old-1.tree", ReleaseDir+"/mine")
	for _, c := range []struct {
		name               string
		sections           []string
		strangers, orphans []string
	}{
		{"what another component's manifest lists is not", []string{manifest, etc}, []string{"/etc/weir/notes"}, nil},
		{"where that manifest is lost, what a unit of weir's names is not", []string{"@named\n/etc/weir/kafka", etc}, []string{"/etc/weir/notes"}, nil},
		{"what nobody names is", []string{etc}, []string{"/etc/weir/kafka", "/etc/weir/notes"}, nil},
		{"a release in a manifest stays, one in none goes, and what is no release is left", []string{manifest, releases}, nil, []string{ReleaseDir + "/old-1"}},
		{"a release that a link points to stays without a manifest", []string{"@links\n/opt/weir/kafka/current\t" + tree, releases}, nil, []string{ReleaseDir + "/old-1"}},
		{"in places that are not weir's alone there are none", []string{places("strangers", "/var/lib/weir/x", "/etc/passwd")}, nil, nil},
		{
			"a name may hold any character, a path leads nowhere else",
			[]string{places("strangers", "/etc/weir/it's $(x)\n`y` \xff", "/etc/weir/../passwd", "/etc/weir/..", "/etc/weir/a/b", "/etc/passwd", "/etc/weir/")},
			[]string{"/etc/weir/it's $(x)\n`y` \xff"}, nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := observed(t, keeper(), c.sections...)
			if !slices.Equal(o.Strangers, c.strangers) || !slices.Equal(o.Orphans, c.orphans) {
				t.Errorf("strangers %q, orphans %q; want %q, %q", o.Strangers, o.Orphans, c.strangers, c.orphans)
			}
		})
	}
}

func TestDropInsAreThoseOfWeirsUnitsAlone(t *testing.T) {
	const dir = "/etc/systemd/system/"
	s := broker()
	s.Services = append(s.Services, Service{Unit: "weir-job-a.service"})
	o := observed(t, s,
		"@services\nId=weir-kafka.service\nDropInPaths=/usr/lib/systemd/system/service.d/10-all.conf\n\nId=weir-job-a.service\nDropInPaths="+dir+"weir-.service.d/x.conf",
		places("dropins", dir+"weir-kafka.service.d/a b\n.conf", dir+"weir-job-.service.d/y.conf", dir+"service.d/10-all.conf", "/etc/passwd"))
	for unit, want := range map[string][]string{
		"weir-kafka.service": {dir + "weir-kafka.service.d/a b\n.conf"}, "weir-job-a.service": {dir + "weir-job-.service.d/y.conf"},
	} {
		if got := o.Services[unit].DropIns; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", unit, got, want)
		}
	}
	if o.Services["weir-kafka.service"].DropInRead || !o.Services["weir-job-a.service"].DropInRead {
		t.Error("what was read for all services is not weir's, what was read for weir's is")
	}
}

func TestAProcessIsOlderThanWhatWasWrittenAfterItsStart(t *testing.T) {
	const properties = "/etc/weir/kafka/server.properties"
	s := broker()
	// Booted at 10,000; the process started 500 s later, at 10,500; now it is 20,000.
	running := "@services\nId=weir-kafka.service\nActiveState=active\nSubState=running\nMainPID=7"
	process := "@processes\n7\tS 1 7 7 0 -1 4194560 1 1 0 0 1 1 0 0 20 0 50 0 50000 1 1"
	stat := func(path, modified string) string {
		return "@stat\n" + path + "\tregular file\t644\troot\troot\t3\t" + modified
	}
	for _, c := range []struct {
		name     string
		sections []string
		want     []string
	}{
		{"written before its start", []string{running, process, stat(properties, "10400")}, nil},
		{"written in the second of its start", []string{running, process, stat(properties, "10502")}, nil},
		{"written after its start", []string{running, process, stat(properties, "10600")}, []string{properties}},
		{"a release that was unpacked after its start", []string{running, process, stat(fingerprint(s.Releases[0].Dir()), "10600")}, []string{fingerprint(s.Releases[0].Dir())}},
		{"a time in the future proves nothing", []string{running, process, stat(properties, "30000")}, nil},
		{"a process that is not known", []string{running, stat(properties, "10600")}, nil},
		{"an answer that makes no sense", []string{running, "@processes\n7\tS x", stat(properties, "10600")}, nil},
		{"a service that does not run", []string{strings.Replace(running, "=running", "=dead", 1), process, stat(properties, "10600")}, nil},
		{"a file that it does not read", []string{running, process, stat("/etc/weir/kafka/producer.properties", "10600")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := observed(t, s, append([]string{"@facts\nclock\t20000\nuptime\t10000"}, c.sections...)...)
			if got := o.Services["weir-kafka.service"].Outdated; !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAValueThatIsTakenWithoutARestartMakesNoProcessOld(t *testing.T) {
	s := broker()
	file, will := &s.Files[0], "broker.id=0\nnum.io.threads=8\n"
	file.Content, file.Live = will, []string{"num.io.threads"}
	answer := func(content string) Observed {
		return observed(t, s, "@facts\nclock\t20000\nuptime\t10000",
			"@services\nId=weir-kafka.service\nActiveState=active\nSubState=running\nMainPID=7",
			"@processes\n7\tS 1 7 7 0 -1 4194560 1 1 0 0 1 1 0 0 20 0 50 0 50000 1 1",
			"@stat\n"+file.Path+"\tregular file\t644\troot\troot\t3\t10600", "@sums\n"+Digest(content)+"  "+file.Path,
			"@contents\n"+file.Path+"\t"+base64.StdEncoding.EncodeToString([]byte(content)))
	}
	o := answer("broker.id=0\nnum.io.threads=99\n")
	if old := o.Services["weir-kafka.service"].Outdated; len(old) > 0 {
		t.Errorf("another value of a key that it takes: older than %q", old)
	}
	put := applyScript([]Step{changeOf(Diff("weir-1", s, o), file.Path)}, map[int]packSize{0: {bytes: int64(len(will))}})
	if !strings.Contains(put, Digest(will)+" 10500\n") {
		t.Errorf("the file that is put back must be no younger than the process, got\n%s", strings.TrimPrefix(put, applyPrelude))
	}
	for name, content := range map[string]string{"the same content, written later": will, "another key": "broker.id=1\nnum.io.threads=8\n"} {
		if old := answer(content).Services["weir-kafka.service"].Outdated; len(old) != 1 {
			t.Errorf("%s: the process is older than %q", name, old)
		}
	}
}

// changeOf is a plan's step at a target.
func changeOf(p Plan, target string) Step {
	return p.Steps[slices.IndexFunc(p.Steps, func(s Step) bool { return s.Target == target })]
}

func TestATreesChangesAreNamed(t *testing.T) {
	line := func(name, kind, size string) string {
		return name + "\t" + kind + "\t644\troot\troot\t" + size + "\t1.0\n"
	}
	got := treeChanges(line("libs", "d", "1") + "\t" + line("libs", "d", "2") + line("libs/a.jar", "f", "1") +
		line("libs/b.jar", "f", "1") + "\t" + line("libs/b.jar", "f", "2") + "\t" + line("libs/c.jar", "f", "1") + "cut off in the mid")
	if want := []string{"libs/a.jar is missing", "libs/b.jar was changed", "libs/c.jar was added"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
