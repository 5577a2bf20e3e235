package e2e

import (
	"strings"
	"testing"
)

const tools = "/opt/weir/kafka/current/bin/"

// withTopic is the shared cluster's config with one more topic.
func withTopic(line string) string {
	const first = "      - {name: user-behavior-topic, partitions: 3, replicationFactor: 3}\n"
	return strings.Replace(stackConfig, first, first+"      - "+line+"\n", 1)
}

func TestATopicIsMadeChangedAndKeptUnlessItsDataMayGo(t *testing.T) {
	p := cluster(t)
	t.Cleanup(func() {
		if err := p.write(stackName, stackConfig); err != nil {
			t.Error(err)
		}
	})
	up := func(code int, line string) result {
		t.Helper()
		config := stackConfig
		if line != "" {
			config = withTopic(line)
		}
		if err := p.write(stackName, config); err != nil {
			t.Fatal(err)
		}
		return p.mustOps(t, code, "up", "--stack", stackName, "--no-verify")
	}
	up(0, "{name: scratch, partitions: 2, replicationFactor: 2}")
	wantAll(t, described("scratch", t), "PartitionCount: 2", "ReplicationFactor: 2")

	up(0, "{name: scratch, partitions: 4, replicationFactor: 2, config: {retention.ms: 600000}}")
	wantAll(t, described("scratch", t), "PartitionCount: 4", "retention.ms=600000")

	r := up(1, "{name: scratch, partitions: 4, replicationFactor: 3, config: {retention.ms: 600000}}")
	wantAll(t, r.stderr, "scratch", "replication factor 2", "declared is 3")
	wantAll(t, described("scratch", t), "ReplicationFactor: 2")

	up(0, "{name: scratch, partitions: 4, replicationFactor: 2, config: {retention.ms: 600000}}")
	up(0, "")
	wantAll(t, described("scratch", t), "PartitionCount: 4") // no longer declared, and kept

	up(0, "{name: scratch, partitions: 4, replicationFactor: 2, config: {retention.ms: 600000}, deleteData: true}")
	up(0, "")
	eventually(t, "the topic is gone", func() bool { return !strings.Contains(listed(t), "scratch") })
}

func described(topic string, t *testing.T) string {
	t.Helper()
	return inside(t, "weir-1", tools+"kafka-topics.sh", "--bootstrap-server", "172.30.78.11:9092", "--describe", "--topic", topic)
}

func listed(t *testing.T) string {
	t.Helper()
	return inside(t, "weir-1", tools+"kafka-topics.sh", "--bootstrap-server", "172.30.78.11:9092", "--list")
}

func TestABadRecordIsCountedAndKeptAside(t *testing.T) {
	p := cluster(t)
	inside(t, "weir-3", "sh", "-c", "echo 'page1|many|0.5|1' | "+tools+"kafka-console-producer.sh --bootstrap-server 172.30.78.13:9092 --topic user-behavior-topic")
	out := inside(t, "weir-3", tools+"kafka-console-consumer.sh", "--bootstrap-server", "172.30.78.13:9092", "--topic", "user-behavior-topic.dead-letter",
		"--from-beginning", "--max-messages", "1", "--timeout-ms", "60000", "--property", "print.headers=true", "--property", "print.key=true")
	wantAll(t, out, "page1|many|0.5|1", "clicks")
	p.mustOps(t, 0, "verify", "--stack", stackName, "--only", "jobs")
}
