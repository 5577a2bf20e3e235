//go:build soak

package e2e

import (
	"strings"
	"testing"

	"weir/testenv"
)

// A machine is lost for good; another one, of another name and address, takes
// its place: its ids in the ensemble and among the brokers, and its replicas.
// Then the cluster goes back to its own machine, while the other one is alive.
func TestSoakALostMachineIsReplacedByANewOneUnderLoad(t *testing.T) {
	p := cluster(t)
	asBefore(t, p)
	l := startLoad(t, "kept-for-the-heir", brokers[:2])
	if err := testenv.Remove(t.Context(), stackName, "weir-3"); err != nil {
		t.Fatal(err)
	}
	heir := strings.Replace(stackConfig, "name: weir-3, address: 172.30.78.13", "name: weir-5, address: 172.30.78.15", 1)
	if err := p.write(stackName, heir); err != nil {
		t.Fatal(err)
	}
	r := p.mustOps(t, 1, "up", "--stack", stackName, "--no-verify")
	wantAll(t, r.all(), "which was that of weir-3", "replaces: weir-3")

	if err := p.write(stackName, strings.Replace(heir, "name: weir-5,", "name: weir-5, replaces: weir-3,", 1)); err != nil {
		t.Fatal(err)
	}
	r = p.mustOps(t, 0, "up", "--stack", stackName)
	wantAll(t, r.all(), "weir-3", "cluster "+stackName+" is healthy")
	l.finish(t)
	wantAll(t, inside(t, "weir-5", "cat", "/etc/weir/kafka/server.properties"), "\nbroker.id=2\n")
	if myid := strings.TrimSpace(inside(t, "weir-5", "cat", "/var/lib/weir/zookeeper/myid")); myid != "3" {
		t.Errorf("the heir's myid is %s, want 3", myid)
	}
}
