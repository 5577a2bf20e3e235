package e2e

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

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

func TestWhatWasChangedByHandIsHealedAndStrangersAreKeptAside(t *testing.T) {
	p := connect(t)
	want := sleeper("drift")
	p.owned(t, want)
	for _, c := range []struct {
		name, byHand string
		heals        provision.Action
		kind, target string
	}{
		{"a line was added", "echo 2 >>/etc/weir/drift/watched", provision.Change, "file", "/etc/weir/drift/watched"},
		{"the mode was changed", "chmod 0666 /etc/weir/drift/watched", provision.Change, "file", "/etc/weir/drift/watched"},
		{"the owner was changed", "chown nobody /var/lib/weir/drift", provision.Change, "directory", "/var/lib/weir/drift"},
		{"the file is a symbolic link to the same content", "cp /etc/weir/drift/ignored /tmp/same; ln -sf /tmp/same /etc/weir/drift/ignored", provision.Change, "file", "/etc/weir/drift/ignored"},
		{"the file is a directory", "cd /etc/weir/drift; rm ignored; mkdir ignored; echo precious >ignored/kept", provision.Change, "file", "/etc/weir/drift/ignored"},
		{"the file is gone", "rm /etc/weir/drift/watched", provision.Create, "file", "/etc/weir/drift/watched"},
		{"the service was stopped", "systemctl stop weir-drift", provision.Start, "service", "weir-drift.service"},
		{"the service was killed for good", "systemctl kill --signal KILL weir-drift; sleep 0.2", provision.Start, "service", "weir-drift.service"},
		{"the service was disabled", "systemctl disable --quiet weir-drift", provision.Enable, "service", "weir-drift.service"},
		{"a stranger is in a directory of weir's own", `echo precious >"/etc/weir/drift/it's a \$(stranger)"`, provision.Remove, "stranger", "/etc/weir/drift/it's a $(stranger)"},
		{
			"a drop-in changes the unit", "d=/etc/systemd/system/weir-drift.service.d; mkdir -p $d; printf '[Service]\\nNice=5\\n' >$d/nice.conf; systemctl daemon-reload; systemctl restart weir-drift",
			provision.Remove, "stranger", "/etc/systemd/system/weir-drift.service.d/nice.conf",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			on(t, p.at, c.byHand)
			if plan := p.converge(t, want); !does(plan, c.heals, c.kind, c.target) {
				t.Errorf("want %s %s %s in the plan, got\n%s", c.heals, c.kind, c.target, steps(plan))
			}
		})
	}
	if nice := strings.TrimSpace(on(t, p.at, "ps -o nice= -p "+p.pid(t, "weir-drift.service"))); nice != "0" {
		t.Errorf("the service runs with nice %s, which the drop-in said", nice)
	}
	kept := on(t, p.at, `cd /var/lib/weir/aside; stat -c %a .; find . -type f; cat -- */etc/weir/drift/*stranger* */etc/weir/drift/ignored/kept`)
	wantAll(t, kept, "700\n", "/etc/weir/drift/it's a $(stranger)", "/etc/systemd/system/weir-drift.service.d/nice.conf", "precious\nprecious\n")
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

// lockGone bounds how long a lock may outlive its connection: sshd notices the
// end of one at once, and ends what ran in it.
const lockGone = 5 * time.Second

func TestALockNamesItsHolderAndEndsWithItsConnection(t *testing.T) {
	p := connect(t)
	first, second := dial(t, p.at), dial(t, p.at)
	unlock, err := provision.Lock(t.Context(), first, "anna's run\non desk")
	if err != nil {
		t.Fatal(err)
	}
	_, err = provision.Lock(t.Context(), second, "bert's run")
	var locked *provision.LockedError
	if !errors.As(err, &locked) || locked.Machine != p.at.Name || locked.Holder != "anna's run on desk" {
		t.Fatalf("got %v, want a LockedError that names anna's run", err)
	}
	_ = first.Close()
	deadline := time.Now().Add(lockGone)
	for {
		again, err := provision.Lock(t.Context(), second, "bert's run")
		if err == nil {
			again()
			break
		}
		if !errors.As(err, &locked) || time.Now().After(deadline) {
			t.Fatalf("%s after the connection was cut: %v", lockGone, err)
		}
	}
	unlock() // does nothing, and does not wait
	if again, err := provision.Lock(t.Context(), second, "bert's run"); err != nil {
		t.Errorf("a lock that was given back is not free: %v", err)
	} else {
		again()
	}
}
