package e2e

import (
	"strings"
	"testing"
)

// namedStack is a machine without a cluster on it.
const namedStack = `config:
  weir:cluster:
    machines: [{name: NAME, address: {{.Address}}, hostKey: {{.HostKey}}}]
    ssh: {privateKeyFile: {{.PrivateKeyFile}}}
`

// The engine has the new name made before it removes the old one: that is what
// could take away from the machine what it has just been given.
func TestAMachineThatGetsAnotherNameKeepsWhatIsOnIt(t *testing.T) {
	m := bare(t, 3)
	p := newTestProject(t)
	undo(t, m, forgetHost)
	named := func(name string) {
		t.Helper()
		values := map[string]any{"Address": m.Address, "HostKey": m.HostKey, "PrivateKeyFile": m.PrivateKeyFile}
		if err := p.write("named", fill(t, strings.Replace(namedStack, "NAME", name, 1), values)); err != nil {
			t.Fatal(err)
		}
	}
	const manifest = "/var/lib/weir/manifest/host.json"
	state := func() string {
		return strings.ReplaceAll(on(t, m, "cat "+manifest+"; ls -l "+limitsFile), `"old"`, `"new"`)
	}
	named("old")
	p.mustOps(t, 0, "up", "--stack", "named", "--no-verify")
	before := state()

	named("new")
	r := p.mustOps(t, 0, "preview", "--stack", "named")
	wantAll(t, r.stdout, "change manifest "+manifest+" (the machine was old)", "remove Host old", "nothing is removed: the machine is new now")
	wantNone(t, r.stdout, "remove file", "remove directory")
	p.mustOps(t, 0, "up", "--stack", "named", "--no-verify")
	after := state()
	// The sum covers the name.
	if without(after, `"sum"`) != without(before, `"sum"`) {
		t.Errorf("the machine is not as it was:\n%s", difference(before, after))
	}
	r = p.mustOps(t, 0, "up", "--stack", "named", "--no-verify")
	wantAll(t, r.stdout, "nothing to change")
}

// without is a text without the lines that hold a word.
func without(text, word string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, word) {
			b.WriteString(line)
		}
	}
	return b.String()
}
