package e2e

import (
	"fmt"
	"strings"
	"testing"

	provision "weir/provision/machine"
	"weir/provision/properties"
	"weir/provision/remote"
	"weir/provision/systemd"
)

// awkward are values that a shell, systemd or a properties file would take for
// something else than text. None holds a NUL, which no argument can.
var awkward = map[string]string{
	"quotes":       `it's "quoted" 'twice'`,
	"newlines":     "one\ntwo\n\nthree\n",
	"substitution": "$(touch /var/lib/weir/quoted/pwned) `touch /var/lib/weir/quoted/pwned` ${HOME} $$ %n %%",
	"backslashes":  `\ \\ \n \x41 \'`,
	"not-ascii":    "grüße 用 Kafka 和 Spark",
	"blanks":       "  before and after\t ",
	"operators":    "a; b && c | d > e # f = g : h !",
}

// What a unit's program gets is asked of the kernel: it keeps the arguments and
// the environment of each process as they were given.
func TestAwkwardValuesReachAServiceAsTheyAre(t *testing.T) {
	p := connect(t)
	const unit, settings = "weir-quoted.service", "/etc/weir/quoted/it's $(touch pwned).properties"
	service := systemd.Service{
		Description: "quotes ' \" and $(touch pwned)", User: "weir-quoted", Directory: "/var/lib/weir/quoted",
		Command: []string{"/usr/bin/sh", "-c", `sleep infinity & wait`, "sh"}, Writes: []string{"/var/lib/weir/quoted"}, OpenFiles: 1024,
	}
	section := properties.Section{Title: "awkward\nvalues = $(touch pwned)"}
	for name, value := range awkward {
		service.Command = append(service.Command, value)
		service.Environment = append(service.Environment, systemd.Variable{Name: "AWKWARD_" + strings.ReplaceAll(name, "-", "_"), Value: value})
		section.Settings = append(section.Settings, properties.Setting{Key: "key of " + name, Value: value})
	}
	want := sleeper("quoted")
	want.Files[2] = service.File(unit)
	want.Files = append(want.Files, rootFile(settings, properties.File{section}.String()))
	p.owned(t, want)

	pid := p.pid(t, unit)
	arguments := strings.Split(strings.TrimSuffix(on(t, p.at, "cat /proc/"+pid+"/cmdline"), "\x00"), "\x00")
	if got := fmt.Sprintf("%q", arguments); got != fmt.Sprintf("%q", service.Command) {
		t.Errorf("the program's arguments are\n%s, want\n%q", got, service.Command)
	}
	environment := "\x00" + on(t, p.at, "cat /proc/"+pid+"/environ")
	for _, v := range service.Environment {
		if !strings.Contains(environment, "\x00"+v.Name+"="+v.Value+"\x00") {
			t.Errorf("the program's environment has no %s=%q:\n%q", v.Name, v.Value, environment)
		}
	}
	read, err := properties.Parse(p.read(t, settings))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range awkward {
		if got := read["key of "+name]; got != value {
			t.Errorf("setting %s arrived as %q, want %q", name, got, value)
		}
	}
	if found := on(t, p.at, "find / -xdev -name 'pwned*' -not -path '/proc/*'"); found != "" {
		t.Errorf("a value was run: there is %s", found)
	}
}

// A state that cannot be written safely is refused before the machine is asked.
func TestNamesThatCannotBeQuotedAreRefused(t *testing.T) {
	p := connect(t)
	for _, path := range []string{"/etc/weir/two\nlines", "/etc/weir/../shadow", "relative/path", "/etc/weir/\x1b[2J"} {
		want := sleeper("refused")
		want.Files = append(want.Files, rootFile(path, ""))
		if _, err := provision.Observe(t.Context(), p, want); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", path)) {
			t.Errorf("path %s: got %v, want an error that names it", remote.Quote(path), err)
		}
	}
}
