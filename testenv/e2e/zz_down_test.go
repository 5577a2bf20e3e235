package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/testenv"
)

// The last test of the package: files are taken in the order of their names.
func TestDownLeavesNothing(t *testing.T) {
	p := cluster(t)
	refused := p.mustOps(t, 2, "down", "--stack", stackName)
	wantAll(t, refused.stderr, "--yes")
	p.mustOps(t, 0, "down", "--stack", stackName, "--yes")
	left, err := testenv.Sweep(t.Context(), stackName)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("down left containers and networks: %v", left)
	}
	state := ".weir/state/.pulumi/stacks/weir/" + stackName + ".json"
	if _, err := os.Stat(filepath.Join(p.dir, state)); !os.IsNotExist(err) {
		t.Errorf("down left %s (stat says: %v)", state, err)
	}
	p.wantOnlyLogs(t, stackName)
	var run shownRun
	p.decode(t, &run, "runs", "show", "last", "--stack", stackName)
	if run.Outcome != "done" || run.Changed.Removed == 0 || !strings.HasPrefix(run.Command, "down ") {
		t.Errorf("the last run is logged as %+v, want the down", run)
	}
}

// wantOnlyLogs checks that nothing is kept of a stack but who did what to it.
func (p project) wantOnlyLogs(t *testing.T, stack string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(p.dir, ".weir", stack))
	if err != nil {
		t.Error(err)
	}
	for _, f := range files {
		if f.Name() != "runs" {
			t.Errorf("of stack %s is left: %s", stack, f.Name())
		}
	}
}
