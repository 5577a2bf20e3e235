package e2e

import (
	"os"
	"path/filepath"
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
	for _, path := range []string{".weir/" + stackName, ".weir/state/.pulumi/stacks/weir/" + stackName + ".json"} {
		if _, err := os.Stat(filepath.Join(p.dir, path)); !os.IsNotExist(err) {
			t.Errorf("down left %s (stat says: %v)", path, err)
		}
	}
}
