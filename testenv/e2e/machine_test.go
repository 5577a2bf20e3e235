package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	provision "weir/provision/machine"
	"weir/provision/remote"
	"weir/testenv"
)

// plainCluster is the cluster that these tests' machine belongs to.
const plainCluster = "plain"

// plain is a bare machine and a connection to it.
type plain struct {
	at testenv.Machine
	*remote.Client
	packs provision.Packs
}

// connect returns the machine of these tests. Each test has a component of its
// own there, and takes it off when it ends.
func connect(t *testing.T) plain {
	t.Helper()
	m := bare(t, 4)
	return plain{at: m, Client: dial(t, m)}
}

func dial(t *testing.T, m testenv.Machine) *remote.Client {
	t.Helper()
	c, err := remote.Dial(t.Context(), reached(m))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (p plain) observe(t *testing.T, want provision.State) provision.Observed {
	t.Helper()
	is, err := provision.Observe(t.Context(), p, want)
	if err != nil {
		t.Fatal(err)
	}
	return is
}

func (p plain) diff(t *testing.T, want provision.State) provision.Plan {
	t.Helper()
	return provision.Diff(p.at.Name, want, p.observe(t, want))
}

func (p plain) apply(ctx context.Context, plan provision.Plan) error {
	if err := provision.Apply(ctx, p, plan, provision.Stage, p.packs, nil); err != nil {
		return err
	}
	return provision.Apply(ctx, p, plan, provision.Switch, p.packs, nil)
}

// converge makes the machine what it should be, and expects that it then is. It
// returns the plan that was carried out.
func (p plain) converge(t *testing.T, want provision.State) provision.Plan {
	t.Helper()
	plan := p.diff(t, want)
	if err := p.apply(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if rest := p.diff(t, want); !rest.Empty() {
		t.Fatalf("right after the plan was carried out there is more to do:\n%s", steps(rest))
	}
	return plan
}

// owned puts a component on the machine, and takes it off when the test ends.
func (p plain) owned(t *testing.T, want provision.State) provision.Plan {
	t.Helper()
	t.Cleanup(func() {
		is, err := provision.Observe(withoutEnd(t), p, want)
		if err == nil {
			var removal provision.Plan
			if removal, err = provision.Removal(p.at.Name, want, is, true); err == nil {
				err = p.apply(withoutEnd(t), removal)
			}
		}
		if err != nil {
			t.Errorf("%s stays on the machine: %v", want.Component, err)
		}
	})
	return p.converge(t, want)
}

func (p plain) pid(t *testing.T, unit string) string {
	t.Helper()
	return strings.TrimSpace(on(t, p.at, "systemctl show --property=MainPID --value "+unit))
}

func (p plain) read(t *testing.T, path string) string {
	t.Helper()
	return on(t, p.at, "cat -- "+remote.Quote(path))
}

func steps(p provision.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}

// does says whether a plan has a step of that kind.
func does(p provision.Plan, action provision.Action, kind, target string) bool {
	return slices.ContainsFunc(p.Steps, func(s provision.Step) bool {
		return s.Action == action && s.Kind == kind && s.Target == target
	})
}

// sleeper is a component with a service that does nothing, and one file that
// the service watches and one that it does not.
func sleeper(component string) provision.State {
	dir, unit := "/etc/weir/"+component, "weir-"+component+".service"
	unitFile := "/etc/systemd/system/" + unit
	return provision.State{
		Cluster: plainCluster, Component: component,
		Users: []provision.User{{Name: "weir-" + component, Home: "/var/lib/weir/" + component}},
		Directories: []provision.Directory{
			{Path: dir, Owner: "root", Group: "root", Mode: 0o755, Exclusive: true},
			{Path: "/var/lib/weir/" + component, Owner: "weir-" + component, Group: "weir-" + component, Mode: 0o750, Data: true},
		},
		Files: []provision.File{
			rootFile(dir+"/watched", "1\n"), rootFile(dir+"/ignored", "1\n"),
			rootFile(unitFile, "[Service]\nUser=weir-"+component+"\nExecStart=sleep infinity\n[Install]\nWantedBy=multi-user.target\n"),
		},
		Services: []provision.Service{{Unit: unit, Watches: []string{dir + "/watched", unitFile}}},
	}
}

func rootFile(path, content string) provision.File {
	return provision.File{Path: path, Owner: "root", Group: "root", Mode: 0o644, Content: content}
}

func TestAwkwardPathsAndContentsArriveAsTheyAre(t *testing.T) {
	p := connect(t)
	want := sleeper("awkward")
	for name, content := range map[string]string{
		"it's":                "quotes ' \" ` and 'more'\n",
		`two words "quoted"`:  "no newline at the end",
		"$(touch pwned) ${x}": "$(touch pwned)\n`touch pwned`\n${HOME}\\n\n",
		`back\slash`:          "\\ \\\\ \\n\n",
		"-rf":                 "",
		"*?[a-z]":             "\n\n\nEOF\n'EOF'\n@end\n",
		"Ünïcode 日本":          "grüße 日本\x00\x01\xff not even text\r\n",
	} {
		want.Files = append(want.Files, provision.File{
			Path: "/etc/weir/awkward/" + name, Owner: "weir-awkward", Group: "root", Mode: 0o640, Content: content,
		})
	}
	plan := p.owned(t, want)
	if !does(plan, provision.Start, "service", "weir-awkward.service") {
		t.Errorf("the plan does not start the service:\n%s", steps(plan))
	}
	for _, f := range want.Files {
		if got := p.read(t, f.Path); got != f.Content {
			t.Errorf("%s holds %q, want %q", f.Path, got, f.Content)
		}
	}
	if found := on(t, p.at, "find / -xdev -name pwned -not -path '/proc/*'"); found != "" {
		t.Errorf("a name or a content was run: there is %s", found)
	}
	user := strings.TrimSpace(on(t, p.at, "ps -o user:32= -p "+p.pid(t, "weir-awkward.service")))
	if user != "weir-awkward" {
		t.Errorf("the service runs as %s", user)
	}
}

func TestOnlyTheServiceThatWatchesAChangedFileIsRestarted(t *testing.T) {
	p := connect(t)
	one, two := sleeper("one"), sleeper("two")
	p.owned(t, one)
	p.owned(t, two)
	before := []string{p.pid(t, "weir-one.service"), p.pid(t, "weir-two.service")}

	one.Files[1].Content, two.Files[1].Content = "2\n", "2\n" // ignored
	p.converge(t, one)
	p.converge(t, two)
	if now := p.pid(t, "weir-one.service"); now != before[0] {
		t.Errorf("a file that nobody watches restarted the service: pid %s, before %s", now, before[0])
	}
	one.Files[0].Content = "2\n" // watched
	p.converge(t, one)
	if now := p.pid(t, "weir-one.service"); now == before[0] {
		t.Error("the watched file was changed, and the service was not restarted")
	}
	if now := p.pid(t, "weir-two.service"); now != before[1] {
		t.Errorf("a service that does not watch the file was restarted: pid %s, before %s", now, before[1])
	}
}

func TestAUnitForTheNextBootIsEnabledWithoutThatSystemdReadsAllAgain(t *testing.T) {
	p := connect(t)
	read := func() string { return on(t, p.at, "systemctl show --property=UnitsLoadTimestampMonotonic") }
	want := sleeper("boot")
	want.Services = []provision.Service{{Unit: "weir-boot.service", AtBoot: true}}
	before := read()
	p.owned(t, want) // which finds the unit enabled, and no reload owed
	if now := read(); now != before {
		t.Errorf("systemd read all units again: at %s, before at %s", now, before)
	}

	// One that systemd still has as it was, as it failed, is read again.
	stale := sleeper("stale")
	stale.Services = []provision.Service{{Unit: "weir-stale.service", AtBoot: true}}
	undo(t, p.at, "systemctl reset-failed weir-stale.service || true")
	on(t, p.at, `cd /etc/systemd/system; printf '[Service]\nExecStart=false\n' >weir-stale.service
systemctl daemon-reload; systemctl start weir-stale.service; sleep 0.5; systemctl is-failed weir-stale.service; rm weir-stale.service`)
	before = read()
	p.owned(t, stale)
	if now := read(); now == before {
		t.Error("systemd did not read a unit again that it had from another file")
	}
}

func TestARestartThatACutRunOwesIsMadeByTheNext(t *testing.T) {
	p := connect(t)
	want := sleeper("owed")
	p.owned(t, want)
	before := p.pid(t, "weir-owed.service")
	want.Files[0].Content = "2\n"
	cut := p.diff(t, want)
	at := slices.IndexFunc(cut.Steps, func(s provision.Step) bool { return s.Action == provision.Restart })
	if at < 0 {
		t.Fatalf("no restart in the plan:\n%s", steps(cut))
	}
	cut.Steps = cut.Steps[:at]
	if err := p.apply(t.Context(), cut); err != nil {
		t.Fatal(err)
	}
	if is := p.observe(t, want).Services["weir-owed.service"]; !is.RestartPending || !is.Running() {
		t.Errorf("after the cut run: %+v, want a running service with a restart pending", is)
	}
	rest := p.converge(t, want)
	if len(rest.Steps) != 1 || !does(rest, provision.Restart, "service", "weir-owed.service") {
		t.Errorf("want nothing but the restart, got\n%s", steps(rest))
	}
	if now := p.pid(t, "weir-owed.service"); now == before {
		t.Error("the service runs with what it had before the change")
	}
}

// byHand is a change that somebody made on a machine, and what weir says and does.
type byHand struct {
	name, script string
	// kind, target and what found begins with are the difference that is listed.
	kind, target, found string
	// heals is what is done to the target, restarts whether the service is
	// another process then.
	heals    provision.Action
	restarts bool
}

var changesByHand = []byHand{
	{"a line was added", "echo 2 >>/etc/weir/drift/watched", "file", "/etc/weir/drift/watched", "other content", provision.Change, true},
	{"the mode was changed", "chmod 0666 /etc/weir/drift/watched", "file", "/etc/weir/drift/watched", "0666 root:root", provision.Change, false},
	{"the owner was changed", "chown nobody /var/lib/weir/drift", "directory", "/var/lib/weir/drift", "0750 nobody:weir-drift", provision.Change, false},
	{
		"the file is a symbolic link to the same content", "cp /etc/weir/drift/ignored /tmp/same; ln -sf /tmp/same /etc/weir/drift/ignored",
		"file", "/etc/weir/drift/ignored", "symbolic link 0777 root:root", provision.Change, false,
	},
	{
		"the file is a directory", "cd /etc/weir/drift; rm ignored; mkdir ignored; echo precious >ignored/kept",
		"file", "/etc/weir/drift/ignored", "directory 0755 root:root", provision.Change, false,
	},
	{"the file is gone", "rm /etc/weir/drift/watched", "file", "/etc/weir/drift/watched", "missing", provision.Create, true},
	{"the directory is gone", "rm -r /var/lib/weir/drift", "directory", "/var/lib/weir/drift", "missing", provision.Create, false},
	{"the service was stopped", "systemctl stop weir-drift", "service", "weir-drift.service", "enabled, inactive (dead)", provision.Start, true},
	{"the service was killed for good", "systemctl kill --signal KILL weir-drift; sleep 0.2", "service", "weir-drift.service", "enabled, failed (failed)", provision.Start, true},
	{"the service was disabled", "systemctl disable --quiet weir-drift", "service", "weir-drift.service", "not enabled, running", provision.Enable, false},
	{
		"the unit was masked", "ln -sf /dev/null /etc/systemd/system/weir-drift.service; systemctl daemon-reload",
		"service", "weir-drift.service", "masked, running", provision.Enable, true,
	},
	{
		"the unit was edited, and systemd told", "sed -i '/ExecStart/i Nice=5' /etc/systemd/system/weir-drift.service; systemctl daemon-reload; systemctl restart weir-drift",
		"file", "/etc/systemd/system/weir-drift.service", "other content", provision.Change, true,
	},
	{
		"a file was changed, read, and put back as it was", "cd /etc/weir/drift; cp watched /tmp/was; echo 2 >watched; systemctl restart weir-drift; sleep 4; cat /tmp/was >watched",
		"service", "weir-drift.service", "enabled, running, restart pending", provision.Restart, true,
	},
	{
		"a stranger is in a directory of weir's own", `echo precious >"/etc/weir/drift/it's a \$(stranger)"`,
		"stranger", "/etc/weir/drift/it's a $(stranger)", "put there by somebody", provision.Remove, false,
	},
	{
		"a stranger's name is not one line of text", `printf precious >"/etc/weir/drift/$(printf 'two\nlines \033[2J\377')"`,
		"stranger", `"/etc/weir/drift/two\nlines \x1b[2J\xff"`, "put there by somebody", provision.Remove, false,
	},
	{
		"a drop-in changes the unit", "d=/etc/systemd/system/weir-drift.service.d; mkdir -p $d; printf '[Service]\\nNice=5\\n' >$d/nice.conf; systemctl daemon-reload; systemctl restart weir-drift",
		"stranger", "/etc/systemd/system/weir-drift.service.d/nice.conf", "a drop-in of weir-drift.service", provision.Remove, true,
	},
	{
		"a drop-in for all of weir's units was not read yet", "d=/run/systemd/system/weir-.service.d; mkdir -p $d; printf '[Service]\\nNice=5\\n' >$d/'more nice.conf'",
		"stranger", "/run/systemd/system/weir-.service.d/more nice.conf", "a drop-in of weir-drift.service", provision.Remove, false,
	},
	{"the manifest is gone", "rm /var/lib/weir/manifest/drift.json", "manifest", "/var/lib/weir/manifest/drift.json", "missing", provision.Create, false},
	{
		"the manifest says that more is weir's", `sed -i 's|/etc/weir/drift/ignored|/etc/hostname|' /var/lib/weir/manifest/drift.json`,
		"manifest", "/var/lib/weir/manifest/drift.json", "damaged: it was changed by hand", provision.Change, false,
	},
	{"the manifest is cut off", "truncate -s 20 /var/lib/weir/manifest/drift.json", "manifest", "/var/lib/weir/manifest/drift.json", "damaged: it cannot be read: unexpected end of JSON input", provision.Change, false},
	{"the user is gone", "systemctl stop weir-drift; userdel weir-drift", "user", "weir-drift", "missing", provision.Create, true},
}

func TestWhatWasChangedByHandIsListedAndHealedAndNothingElse(t *testing.T) {
	p := connect(t)
	want := sleeper("drift")
	p.owned(t, want)
	const unit = "weir-drift.service"
	for _, c := range changesByHand {
		t.Run(c.name, func(t *testing.T) {
			before := p.pid(t, unit)
			on(t, p.at, c.script)
			listed := provision.Drift(want, p.observe(t, want))
			if !slices.ContainsFunc(listed, func(d provision.Difference) bool {
				return d.Kind == c.kind && d.Target == c.target && strings.HasPrefix(d.Found, c.found)
			}) {
				t.Errorf("want %s %s found %q, listed are %+q", c.kind, c.target, c.found, listed)
			}
			if strings.Contains(c.script, "systemctl restart") {
				before = p.pid(t, unit)
			}
			plan := p.converge(t, want)
			if !slices.ContainsFunc(plan.Steps, func(s provision.Step) bool {
				return s.Action == c.heals && s.Kind == c.kind && provision.Printable(s.Target) == c.target
			}) {
				t.Errorf("want %s %s %s in the plan, got\n%s", c.heals, c.kind, c.target, steps(plan))
			}
			if now := p.pid(t, unit); (now != before) != c.restarts {
				t.Errorf("the service is process %s, was %s; want another: %v; the plan:\n%s", now, before, c.restarts, steps(plan))
			}
		})
	}
	if nice := strings.TrimSpace(on(t, p.at, "ps -o nice= -p "+p.pid(t, unit))); nice != "0" {
		t.Errorf("the service runs with nice %s, which a drop-in said", nice)
	}
	on(t, p.at, "test -s /etc/hostname; test ! -e /etc/systemd/system/weir-drift.service.d; test ! -e /run/systemd/system/weir-.service.d")
	kept := on(t, p.at, `cd /var/lib/weir/aside; stat -c %a .; find . -type f; cat -- */etc/weir/drift/*stranger* */etc/weir/drift/ignored/kept`)
	wantAll(t, kept, "700\n", "/etc/weir/drift/it's a $(stranger)", "/etc/systemd/system/weir-drift.service.d/nice.conf", "precious\nprecious\n")
}

func TestDropInsOfAllServicesAreNotWeirs(t *testing.T) {
	p := connect(t)
	want := sleeper("plainly")
	p.owned(t, want)
	undo(t, p.at, "rm -r /etc/systemd/system/service.d; systemctl daemon-reload")
	on(t, p.at, "mkdir /etc/systemd/system/service.d; echo '[Service]' >/etc/systemd/system/service.d/10-all.conf; systemctl daemon-reload")
	if plan := p.diff(t, want); !plan.Empty() {
		t.Errorf("a drop-in of all services is somebody else's, and the plan is\n%s", steps(plan))
	}
}

func TestWhatIsNoLongerDeclaredIsRemovedAndDataIsNot(t *testing.T) {
	p := connect(t)
	want := sleeper("obsolete")
	p.owned(t, want)
	on(t, p.at, "echo precious >/var/lib/weir/obsolete/data")

	less := want
	less.Services, less.Files, less.Directories = nil, want.Files[:1], want.Directories[:1]
	plan := p.converge(t, less)
	if !does(plan, provision.Stop, "service", "weir-obsolete.service") || !does(plan, provision.Remove, "file", "/etc/weir/obsolete/ignored") {
		t.Errorf("the plan leaves what is obsolete:\n%s", steps(plan))
	}
	left := on(t, p.at, "ls /etc/weir/obsolete; systemctl is-enabled weir-obsolete 2>&1 || true; systemctl is-active weir-obsolete || true; cat /var/lib/weir/obsolete/data")
	if left != "watched\nFailed to get unit file state for weir-obsolete.service: No such file or directory\ninactive\nprecious\n" {
		t.Errorf("after the removal of a file and a service:\n%s", left)
	}
}

func TestRemovalKeepsDataUnlessItIsTold(t *testing.T) {
	p := connect(t)
	want := sleeper("removed")
	for _, deleteData := range []bool{false, true} {
		p.converge(t, want)
		on(t, p.at, "echo precious >/var/lib/weir/removed/data")
		plan, err := provision.Removal(p.at.Name, want, p.observe(t, want), deleteData)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.apply(t.Context(), plan); err != nil {
			t.Fatal(err)
		}
		left := on(t, p.at, "ls -d /etc/weir/removed /var/lib/weir/removed/data /var/lib/weir/manifest/removed.json /etc/systemd/system/weir-removed.service 2>/dev/null || true")
		if expected := map[bool]string{false: "/var/lib/weir/removed/data\n", true: ""}[deleteData]; left != expected {
			t.Errorf("deleteData %v: the removal left %q, want %q", deleteData, left, expected)
		}
		if again, err := provision.Removal(p.at.Name, want, p.observe(t, want), deleteData); err != nil || !again.Empty() {
			t.Errorf("deleteData %v: after the removal there is more to remove:\n%s(error %v)", deleteData, steps(again), err)
		}
	}
}

func TestAMachineIsNeitherChangedNorTidiedForAnotherCluster(t *testing.T) {
	p := connect(t)
	mine := sleeper("mine")
	p.owned(t, mine)
	theirs := sleeper("theirs")
	theirs.Cluster = "another"
	is := p.observe(t, theirs)
	mine.Cluster = "another"
	_, removal := provision.Removal(p.at.Name, mine, is, true)
	mine.Cluster = plainCluster
	for what, err := range map[string]error{"refuse": provision.Refuse(p.at.Name, theirs, is), "removal": removal} {
		var refusal *provision.Refusal
		if !errors.As(err, &refusal) || !strings.Contains(err.Error(), `cluster "plain"`) {
			t.Errorf("%s: got %v, want a Refusal that names cluster plain", what, err)
		}
	}
	if err := provision.Refuse(p.at.Name, mine, is); err != nil {
		t.Errorf("its own cluster is refused: %v", err)
	}
}
