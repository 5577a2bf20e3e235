package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"

	"weir/testenv"
)

// withKafka is the shared cluster's config with settings of server.properties.
func withKafka(settings string) string {
	return strings.Replace(stackConfig, "    kafka: {heap: 512m,", "    kafka: {config: {"+settings+"}, heap: 512m,", 1)
}

// pids are the main processes of a unit on the three machines.
func pids(t *testing.T, unit string) [3]string {
	t.Helper()
	var all [3]string
	for i := range all {
		all[i] = mainPID(t, fmt.Sprintf("weir-%d", i+1), unit)
	}
	return all
}

func TestAConfigChangeRollsTheBrokersAndNoMessageIsLostOrFails(t *testing.T) {
	p := cluster(t)
	t.Cleanup(func() {
		err := p.write(stackName, stackConfig)
		if err == nil {
			_, err = p.ops(context.WithoutCancel(t.Context()), "up", "--stack", stackName, "--no-verify")
		}
		if err != nil {
			t.Error(err)
		}
	})
	keepers := pids(t, "weir-zookeeper.service")
	l := startLoad(t, "rolled", brokers)

	before := pids(t, "weir-kafka.service")
	if err := p.write(stackName, withKafka("num.io.threads: 12")); err != nil {
		t.Fatal(err)
	}
	r := p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify")
	if after := pids(t, "weir-kafka.service"); after != before {
		t.Errorf("a setting that brokers take while they run restarted them: processes %v, were %v\n%s", after, before, r.all())
	}
	inForce := func(i int) string {
		return inside(t, "weir-1", tools+"kafka-configs.sh", "--bootstrap-server", brokers[0], "--describe", "--all",
			"--entity-type", "brokers", "--entity-name", fmt.Sprint(i))
	}
	for i := range 3 {
		wantAll(t, inForce(i), "num.io.threads=12 ")
	}

	controller := controllerMachine(t)
	if err := p.write(stackName, withKafka("num.io.threads: 12, queued.max.requests: 400")); err != nil {
		t.Fatal(err)
	}
	r = p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify")
	after := pids(t, "weir-kafka.service")
	for i := range after {
		if after[i] == before[i] {
			t.Errorf("the broker on weir-%d was not restarted: process %s\n%s", i+1, after[i], r.all())
		}
	}
	if last := lastStarted(t); last != controller {
		t.Errorf("%s was restarted last, want the controller's machine, %s\n%s", last, controller, r.all())
	}
	l.finish(t)
	if moved := unpreferred(t, brokers); len(moved) > 0 {
		t.Errorf("not led by their preferred leaders: %v", moved)
	}
	// What a broker was told outlives its restart, unless it is taken back.
	if err := p.write(stackName, stackConfig); err != nil {
		t.Fatal(err)
	}
	p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify")
	for i := range 3 {
		wantAll(t, inForce(i), "num.io.threads=8 ")
	}
	if now := pids(t, "weir-zookeeper.service"); now != keepers {
		t.Errorf("ZooKeeper was restarted: processes %v, were %v", now, keepers)
	}
}

// controllerMachine is the machine whose broker is the active controller.
func controllerMachine(t *testing.T) string {
	t.Helper()
	client, err := sarama.NewClient(brokers, loadConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	controller, err := client.RefreshController()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("weir-%d", slices.Index(brokers, controller.Addr())+1)
}

// lastStarted is the machine whose broker was started last.
func lastStarted(t *testing.T) string {
	t.Helper()
	var last, since string
	for i := range 3 {
		name := fmt.Sprintf("weir-%d", i+1)
		at := strings.TrimSpace(inside(t, name, "systemctl", "show", "--property=ExecMainStartTimestampMonotonic", "--value", "weir-kafka.service"))
		if at = fmt.Sprintf("%020s", at); at > since {
			last, since = name, at
		}
	}
	return last
}

// The usual recovery: a machine dies with its disks, a new one takes its place.
func TestADeadMachineIsReplacedUnderLoadAndItsReplicasAreRebuilt(t *testing.T) {
	p := cluster(t)
	l := startLoad(t, "kept-by-two", brokers)
	myid := inside(t, "weir-3", "cat", "/var/lib/weir/zookeeper/myid")
	if err := testenv.Remove(t.Context(), stackName, "weir-3"); err != nil {
		t.Fatal(err)
	}
	r := p.mustOps(t, 0, "up", "--stack", stackName)
	wantAll(t, r.stdout, "cluster "+stackName+" is healthy")
	l.finish(t)
	if again := inside(t, "weir-3", "cat", "/var/lib/weir/zookeeper/myid"); again != myid {
		t.Errorf("the new machine's myid is %q, the old one's was %q", again, myid)
	}
	wantAll(t, inside(t, "weir-3", "cat", "/etc/weir/kafka/server.properties"), "\nbroker.id=2\n")
	if moved := unpreferred(t, brokers); len(moved) > 0 {
		t.Errorf("not led by their preferred leaders: %v", moved)
	}
	bytes := strings.Fields(inside(t, "weir-3", "du", "-sb", "/var/lib/weir/kafka/kept-by-two-0"))[0]
	if len(bytes) < 5 { // some ten thousand numbers
		t.Errorf("the replica on the new machine has %s bytes: it was not rebuilt", bytes)
	}
}
