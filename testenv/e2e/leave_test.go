//go:build soak

package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/IBM/sarama"
)

// fourBrokers is the shared cluster's config with a fourth machine for a broker.
var fourBrokers = strings.NewReplacer(
	"    containers:", "      - {name: weir-4, address: 172.30.78.14, container: true}\n    containers:",
	"    zookeeper: {", "    zookeeper: {members: {weir-1: 1, weir-2: 2, weir-3: 3}, ",
).Replace(stackConfig)

// asBefore brings the shared cluster back to its own config, whatever a test did.
func asBefore(t *testing.T, p project) {
	t.Helper()
	t.Cleanup(func() {
		err := p.write(stackName, stackConfig)
		if err == nil {
			var r result
			if r, err = p.ops(context.WithoutCancel(t.Context()), "up", "--stack", stackName, "--no-verify"); r.code != 0 {
				t.Errorf("the cluster is not as it was: exit code %d\n%s", r.code, r.all())
			}
		}
		if err != nil {
			t.Error(err)
		}
	})
}

func TestABrokerLeavesOnceItsReplicasWereMovedAndNoMessageIsLost(t *testing.T) {
	p := cluster(t)
	asBefore(t, p)
	if err := p.write(stackName, fourBrokers); err != nil {
		t.Fatal(err)
	}
	p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify")
	l := startLoad(t, "moved-away", brokers)
	reassign(t, map[string][]int32{"moved-away": {3, 0, 1}})

	if err := p.write(stackName, stackConfig); err != nil {
		t.Fatal(err)
	}
	r := p.mustOps(t, 1, "up", "--stack", stackName, "--no-verify")
	wantAll(t, r.all(), "broker 3 on weir-4 still holds replicas, of moved-away-0", "ops topic reassign --remove-broker 3")
	if pid := mainPID(t, "weir-4", "weir-kafka.service"); pid == "0" {
		t.Error("the broker that was refused to leave does not run any more")
	}

	reassign(t, map[string][]int32{"moved-away": {0, 1, 2}})
	p.mustOps(t, 0, "topic", "reassign", "--remove-broker", "3", "--stack", stackName, "--yes")
	r = p.mustOps(t, 0, "preview", "--stack", stackName)
	wantAll(t, r.stdout, "weir-4", "stop service weir-kafka.service", "it leaves")
	p.mustOps(t, 0, "up", "--stack", stackName)
	l.finish(t)

	taken := strings.Replace(fourBrokers, "weir-4", "weir-5", 1)
	if err := p.write(stackName, taken); err != nil {
		t.Fatal(err)
	}
	r = p.mustOps(t, 1, "up", "--stack", stackName, "--no-verify")
	wantAll(t, r.all(), "is 3, which was that of weir-4", "replaces: weir-4")
}

// reassign moves topics to brokers, all partitions alike, and waits.
func reassign(t *testing.T, topics map[string][]int32) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(brokers, loadConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for topic, to := range topics {
		described, err := admin.DescribeTopics([]string{topic})
		if err != nil {
			t.Fatal(err)
		}
		all := make([][]int32, len(described[0].Partitions))
		for i := range all {
			all[i] = to
		}
		if err := admin.AlterPartitionReassignments(topic, all); err != nil {
			t.Fatal(err)
		}
		eventually(t, topic+" is kept where it was moved to", func() bool {
			now, err := admin.DescribeTopics([]string{topic})
			return err == nil && !slices.ContainsFunc(now[0].Partitions, func(p *sarama.PartitionMetadata) bool {
				return !slices.Equal(p.Replicas, to) || len(p.Isr) < len(to)
			})
		})
	}
}
