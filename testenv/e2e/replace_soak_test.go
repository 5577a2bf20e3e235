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

// A machine of a cluster is listed by another name, with its address: nothing on
// it is stopped, restarted or removed, although its data may go with it.
func TestSoakAMachineOfAClusterGetsAnotherName(t *testing.T) {
	g := newSmall(t, 31)
	m := g.machines[0]
	name := "machines:\n      - {name: " + m.Name + ", "
	config := strings.Replace(fill(t, smallStack, map[string]any{"machine": m, "queued": 500}), "kafka: {", "kafka: {deleteData: true, ", 1)
	declare := func(config string) {
		t.Helper()
		if err := g.write(g.stack, config); err != nil {
			t.Fatal(err)
		}
	}
	declare(config)
	g.mustOps(t, 0, "up", "--stack", smallName)
	h := handMade{machines: g.machines, brokers: []string{m.Address + ":9092"}}
	h.keep(t, "kept", fewMessages)
	pids := func() string {
		return on(t, m, "systemctl show --property=MainPID,NRestarts weir-zookeeper weir-kafka weir-job-popularity")
	}
	before, end := pids(), endState(t, m)

	renamed := strings.NewReplacer(name, strings.Replace(name, m.Name+",", "db-1, replaces: "+m.Name+",", 1), "machine: "+m.Name, "machine: db-1").Replace(config)
	declare(strings.Replace(renamed, ", replaces: "+m.Name, "", 1))
	r := g.mustOps(t, 1, "up", "--stack", smallName, "--no-verify")
	wantAll(t, r.all(), "which was that of "+m.Name, "write replaces: "+m.Name+" at the machine db-1")

	// By another way too, it would leave by the one and come by the other.
	declare(strings.Replace(renamed, "address: "+m.Address, `sshAddress: "`+ipv6(t, m)+`", address: `+m.Address, 1))
	r = g.mustOps(t, 1, "up", "--stack", smallName, "--no-verify")
	wantAll(t, r.all(), "machine db-1: nothing was changed: it is machine "+m.Name+" by its manifests", "leave its address as it was")

	declare(renamed)
	r = g.mustOps(t, 0, "preview", "--stack", smallName)
	wantNone(t, r.stdout, "remove file", "remove data", "stop service", "restart service")
	g.mustOps(t, 0, "up", "--stack", smallName)
	if now := pids(); now != before {
		t.Errorf("services were disturbed:\n%s", difference(before, now))
	}
	h.wantKept(t, "kept", fewMessages)
	const manifests = "/var/lib/weir/manifest/"
	if now := endState(t, m); without(now, manifests) != without(end, manifests) {
		t.Errorf("the machine is not as it was:\n%s", difference(end, now))
	}
	r = g.mustOps(t, 0, "up", "--stack", smallName)
	wantAll(t, r.stdout, "nothing to change")
}
