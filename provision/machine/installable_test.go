package machine

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"weir/provision/remote/remotetest"
)

func TestInstallable(t *testing.T) {
	wanted := Diff("weir-1", State{Cluster: "test", Component: "host", Packages: []Package{{Name: "a-jre", Provides: "java"}}}, Observed{})
	for _, c := range []struct {
		name, answer, says string
		plan               Plan
	}{
		{name: "a plan without packages asks nothing", plan: Plan{Machine: "weir-1"}},
		{name: "silence means that they can be had", plan: wanted},
		{
			name: "what apt says first is the reason", plan: wanted, answer: "E: Unable to locate package a-jre\nE: and more\n",
			says: "machine weir-1: nothing was changed: a-jre cannot be installed (E: Unable to locate package a-jre): " +
				"give the machine a package source that has it, or put the command java on its PATH yourself",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := remotetest.New("weir-1")
			if c.plan.Steps != nil {
				r.On(remotetest.Step("look for packages"), remotetest.Stdout(c.answer))
			}
			err := Installable(t.Context(), r, c.plan)
			var refusal *Refusal
			switch {
			case c.says == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case c.says != "" && (!errors.As(err, &refusal) || err.Error() != c.says):
				t.Errorf("got  %v\nwant %s", err, c.says)
			}
		})
	}
}

func TestInstallableScriptIsQuotedForTheShell(t *testing.T) {
	script := installableScript([]string{"a-jre", "it's; touch pwned"})
	if !strings.Contains(script, `-- a-jre 'it'\''s; touch pwned' 2>&1`) {
		t.Errorf("a name is not quoted:\n%s", script)
	}
	if out, err := exec.Command("sh", "-n", "-c", script).CombinedOutput(); err != nil {
		t.Errorf("not a script: %v\n%s", err, out)
	}
}
