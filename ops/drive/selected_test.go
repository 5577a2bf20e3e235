package drive_test

import (
	"crypto/sha1"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"weir/ops/drive"
)

func TestTheStackThatATypedPulumiSelected(t *testing.T) {
	p, home := newProject(t), t.TempDir()
	if err := p.Prepare(); err != nil {
		t.Fatal(err)
	}
	typed := func(args ...string) {
		t.Helper()
		cmd := exec.Command(cliPath(t), args...)
		cmd.Dir = p.Root
		cmd.Env = append(os.Environ(), "PWD="+p.Root, "PULUMI_HOME="+home, "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_STACK=")
		for _, v := range p.Shared() {
			cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("pulumi %v: %v\n%s", args, err, out)
		}
	}
	want := func(name string) {
		t.Helper()
		if got := p.Selected(home); got != name {
			t.Errorf("selected: got %q, want %q", got, name)
		}
	}
	want("")
	typed("stack", "init", "other", "--no-select")
	typed("stack", "init", "demo")
	want("demo")
	typed("stack", "select", "other")
	want("other")
	if got := (drive.Project{Root: t.TempDir()}).Selected(home); got != "" {
		t.Errorf("another project: got %q, want none", got)
	}
	typed("stack", "unselect")
	want("")
}

func TestWhatIsNoSelectionOfThisState(t *testing.T) {
	p, home := drive.Project{Root: "/project"}, t.TempDir()
	file := filepath.Join(home, "workspaces", fmt.Sprintf("weir-%x-workspace.json", sha1.Sum([]byte("/project/Pulumi.yaml"))))
	for _, c := range []struct{ name, text, want string }{
		{"of an older CLI", `{"stack": "organization/weir/prod"}`, "prod"},
		{"of another state", `{"stacks": {"https://api.example": "organization/weir/prod"}}`, ""},
		{"of another project", `{"stacks": {"file:///project/.weir/state": "organization/other/prod"}}`, ""},
		{"a name that leads elsewhere", `{"stacks": {"file:///project/.weir/state": "organization/weir/../prod"}}`, ""},
		{"cut off", `{"stacks": {"file:///pro`, ""},
	} {
		write(t, file, c.text)
		if got := p.Selected(home); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
