package e2e

import (
	"strings"
	"testing"
)

// After a reboot of the computer its containers are stopped, with their disks.
func TestAfterARebootUpBringsTheClusterBackWithItsData(t *testing.T) {
	p := cluster(t)
	inside(t, "weir-1", tools+"kafka-topics.sh", "--bootstrap-server", "172.30.78.11:9092", "--create", "--topic", "kept", "--replication-factor", "3", "--partitions", "1")
	inside(t, "weir-1", "sh", "-c", "echo written before the reboot | "+tools+"kafka-console-producer.sh --bootstrap-server 172.30.78.11:9092 --topic kept")
	for _, name := range []string{"weir-1", "weir-2", "weir-3"} {
		if err := machine(name).Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r := p.mustOps(t, 0, "up", "--stack", stackName)
	if strings.Contains(r.stdout, "nothing to change") {
		t.Errorf("up found three stopped machines as they should be:\n%s", r.all())
	}
	out := inside(t, "weir-2", tools+"kafka-console-consumer.sh", "--bootstrap-server", "172.30.78.12:9092", "--topic", "kept",
		"--from-beginning", "--max-messages", "1", "--timeout-ms", "60000")
	wantAll(t, out, "written before the reboot")
	inside(t, "weir-1", tools+"kafka-topics.sh", "--bootstrap-server", "172.30.78.11:9092", "--delete", "--topic", "kept")
}
