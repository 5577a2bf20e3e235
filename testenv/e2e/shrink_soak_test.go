//go:build soak

package e2e

import (
	"strings"
	"testing"
)

// fiveMembers is the shared cluster's config with two more machines for ZooKeeper.
var fiveMembers = strings.NewReplacer(
	"    containers:", "      - {name: weir-4, address: 172.30.78.14, container: true}\n"+
		"      - {name: weir-5, address: 172.30.78.15, container: true}\n    containers:",
	"    kafka: {", "    kafka: {brokers: {weir-1: 0, weir-2: 1, weir-3: 2}, ",
).Replace(stackConfig)

// An ensemble grows from three members to five and becomes smaller again while
// messages are sent: none is lost or refused.
func TestSoakAnEnsembleShrinksFromFiveToThreeUnderLoad(t *testing.T) {
	p := cluster(t)
	asBefore(t, p)
	l := startLoad(t, "counted-by-five", brokers)
	if err := p.write(stackName, fiveMembers); err != nil {
		t.Fatal(err)
	}
	r := p.mustOps(t, 0, "up", "--stack", stackName)
	wantAll(t, r.all(), "4 of 4 follow", "cluster "+stackName+" is healthy")

	if err := p.write(stackName, stackConfig); err != nil {
		t.Fatal(err)
	}
	r, err := p.ops(t.Context(), "preview", "--stack", stackName) // it says so too where up would refuse
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, r.stdout, "stop service weir-zookeeper.service", "it leaves")
	// The new member with the highest id leads more often than not; it is refused then,
	// and what the refusal says is done.
	up := func() result {
		r, err := p.ops(t.Context(), "up", "--stack", stackName)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const restart = "systemctl restart weir-zookeeper.service"
	for r = up(); r.code != 0; r = up() {
		wantAll(t, r.all(), "leads the ensemble and is to leave it", "run "+restart+" on weir-4, weir-5")
		p.mustOps(t, 0, "exec", "--stack", stackName, "--machine", "weir-4,weir-5", "--root", "--", restart)
		eventually(t, "the ensemble serves again", func() bool {
			seen, err := p.ops(t.Context(), "verify", "--stack", stackName, "--only", "zookeeper")
			return err == nil && seen.code == 0
		})
		if t.Failed() {
			return
		}
	}
	wantAll(t, r.all(), "2 of 2 follow", "cluster "+stackName+" is healthy")
	l.finish(t)
	wantAll(t, p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify").stdout, "nothing to change")
}
