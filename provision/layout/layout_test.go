package layout

import (
	"strings"
	"testing"

	"weir/provision/problem"
)

func TestOnlyEmptyFieldsTakeTheDefault(t *testing.T) {
	got := Layout{User: "fams", DataDir: "/home/fams/zk_data"}.Or(Default("zookeeper"))
	want := Layout{
		User: "fams", DataDir: "/home/fams/zk_data", Home: "/var/lib/weir/zookeeper",
		ConfigDir: "/etc/weir/zookeeper", LogDir: "/var/log/weir/zookeeper", TempDir: "/var/lib/weir/tmp/zookeeper",
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestDefaultsAreValid(t *testing.T) {
	var p problem.List
	Default("zookeeper").Validate("layout", &p)
	if len(p) > 0 {
		t.Errorf("the default layout has problems: %v", p)
	}
}

func TestBadLayoutsAreNamedByPath(t *testing.T) {
	for _, test := range []struct {
		name, path string
		layout     Layout
	}{
		{"a user with a capital", "layout.user", Layout{User: "Fams"}},
		{"a user that is an option", "layout.user", Layout{User: "-rf"}},
		{"a relative directory", "layout.dataDir", Layout{DataDir: "var/lib"}},
		{"a top directory", "layout.dataDir", Layout{DataDir: "/srv"}},
		{"a path that climbs", "layout.configDir", Layout{ConfigDir: "/etc/weir/../passwd"}},
		{"a path with a blank", "layout.logDir", Layout{LogDir: "/var/log/my logs"}},
		{"a path with a specifier", "layout.tempDir", Layout{TempDir: "/var/lib/%n"}},
		{"a path with a new line", "layout.home", Layout{Home: "/var/lib/x\nUser=root"}},
		{"data among the logs", "layout.dataDir", Layout{DataDir: "/srv/one", LogDir: "/srv/one"}},
	} {
		var p problem.List
		test.layout.Or(Default("kafka")).Validate("layout", &p)
		if len(p) != 1 || p[0].Path != test.path || !strings.Contains(p[0].Message, ";") {
			t.Errorf("%s: got %v, want one problem at %s that says what to write", test.name, p, test.path)
		}
	}
}

func TestOnlyDataIsMarkedAsData(t *testing.T) {
	l := Default("kafka")
	for _, d := range l.Directories() {
		if d.Data != (d.Path == l.DataDir) {
			t.Errorf("%s: Data is %v", d.Path, d.Data)
		}
	}
}
