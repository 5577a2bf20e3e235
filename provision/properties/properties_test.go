package properties

import (
	"strings"
	"testing"

	"weir/provision/problem"
)

func TestTextEscapesWhatJavaWouldReadDifferently(t *testing.T) {
	for _, test := range []struct{ name, key, value, want string }{
		{"plain text stays", "log.dirs", "/var/lib/weir/kafka", "log.dirs=/var/lib/weir/kafka\n"},
		{"separators in a value stay", "map", "A:B=C", "map=A:B=C\n"},
		{"separators in a key are escaped", "a b:c=d", "1", `a\ b\:c\=d=1` + "\n"},
		{"a leading blank is kept", "k", "  v", `k=\  v` + "\n"},
		{"a backslash is doubled", "k", `a\b`, `k=a\\b` + "\n"},
		{"a new line makes no second setting", "k", "v\nacks=0", `k=v\nacks=0` + "\n"},
		{"other letters become codes", "k", "ö页😀", `k=\u00f6\u9875\ud83d\ude00` + "\n"},
		{"an empty value is allowed", "k", "", "k=\n"},
	} {
		file := File{{Title: "t", Settings: []Setting{{Key: test.key, Value: test.value}}}}
		if got := file.String(); got != "# t\n"+test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, "# t\n"+test.want)
		}
	}
}

func TestOverrideReplacesInPlaceAndAppendsTheRestSorted(t *testing.T) {
	file := File{{Title: "Ours.", Settings: []Setting{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}}}
	got := file.Override(map[string]string{"b": "3", "z": "9", "c": "8"}).String()
	want := `# Ours.
a=1
# from the configuration, instead of 2
b=3

# From the configuration.
c=8
z=9
`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if file[0].Settings[1].Value != "2" {
		t.Error("Override changed the file that it was given")
	}
}

func TestANoteCannotLeaveItsComment(t *testing.T) {
	file := File{{Title: "t", Settings: []Setting{{Key: "a", Value: "1\nevil=1"}}}}
	got := file.Override(map[string]string{"a": "2"}).String()
	for line := range strings.Lines(got) {
		if strings.HasPrefix(line, "evil") {
			t.Errorf("a value in a note became a setting:\n%s", got)
		}
	}
}

func TestCheckRefusesKeysThatAreSetElsewhereOrAreNone(t *testing.T) {
	var p problem.List
	own := map[string]string{"good.key": "1", "broker.id": "2", "bad key": "3", "": "4"}
	Check("config", own, func(key string) string {
		if key == "broker.id" {
			return "use brokers[].id"
		}
		return ""
	}, &p)
	var got []string
	for _, one := range p {
		got = append(got, one.String())
	}
	want := []string{
		`config[""]: is not a settings key; write letters, digits and . _ -`,
		`config["bad key"]: is not a settings key; write letters, digits and . _ -`,
		`config["broker.id"]: is set by weir; use brokers[].id`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
