package e2e

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/behavior"
	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/disk"
)

// The units of the shared cluster, and its topics.
const (
	kafkaUnit      = "weir-kafka.service"
	zookeeperUnit  = "weir-zookeeper.service"
	producerUnit   = "weir-job-producer.service"
	popularityUnit = "weir-job-popularity.service"
	behaviorTopic  = "user-behavior-topic"
	letterTopic    = "user-behavior-topic.dead-letter"
)

const all = "weir-1, weir-2, weir-3"

// breakages are the ways that are tried, by what breaks: processes, units, the
// network, disks, settings, clocks, ZooKeeper, topics and jobs.
func breakages() []breakage {
	return slices.Concat(brokenProcesses(), brokenNetworks(), brokenDisks(), brokenSettings(), brokenTopics(), brokenJobs())
}

func brokenProcesses() []breakage {
	return []breakage{
		{
			name:   "a broker that was stopped",
			breaks: func(t *testing.T, _ project) { stopUnit(t, "weir-2", kafkaUnit) },
			wants: []want{
				{check: "machines", machine: "weir-2", found: "weir-kafka.service is inactive"},
				{check: "brokers", machine: "weir-2", found: "broker 1 does not answer"},
				{check: "partitions", machine: "weir-2", found: "(__consumer_offsets-0"},
			},
		},
		{
			name: "a broker that was killed and does not come back", only: []string{"machines"},
			breaks: func(t *testing.T, _ project) {
				dropIn(t, "weir-3", kafkaUnit, "Restart=no")
				undo(t, machine("weir-3"), "systemctl start "+kafkaUnit)
				on(t, machine("weir-3"), "systemctl kill --kill-who=main --signal=KILL "+kafkaUnit)
			},
			wants: []want{{check: "machines", machine: "weir-3", found: "weir-kafka.service is failed (failed, signal)"}},
		},
		{
			name:   "a broker that was stopped by a signal",
			breaks: func(t *testing.T, _ project) { freeze(t, "weir-1", kafkaUnit) },
			wants: []want{
				{check: "machines", machine: "weir-1", found: "weir-kafka.service: its process"},
				{check: "brokers", machine: "weir-1", found: "broker 0 does not answer"},
			},
		},
		{
			name: "a member of ZooKeeper that was stopped", quick: true, only: []string{"machines", "zookeeper"},
			breaks: func(t *testing.T, _ project) { stopUnit(t, "weir-1", zookeeperUnit) },
			wants: []want{
				{check: "machines", machine: "weir-1", found: "weir-zookeeper.service is inactive"},
				{check: "zookeeper", machine: "weir-1", found: "ZooKeeper: "},
			},
		},
		{
			name: "a member of ZooKeeper that was stopped by a signal", only: []string{"machines", "zookeeper"},
			breaks: func(t *testing.T, _ project) { freeze(t, "weir-2", zookeeperUnit) },
			wants: []want{
				{check: "machines", machine: "weir-2", found: "weir-zookeeper.service: its process"},
				{check: "zookeeper", machine: "weir-2", found: "ZooKeeper: "},
			},
		},
		{
			name: "a unit that would not start with its machine", only: []string{"machines"},
			breaks: func(t *testing.T, _ project) {
				undo(t, machine("weir-3"), "systemctl enable "+kafkaUnit)
				on(t, machine("weir-3"), "systemctl disable "+kafkaUnit)
			},
			wants: []want{{check: "machines", machine: "weir-3", found: "weir-kafka.service is disabled"}},
		},
		{
			name: "a limit that a drop-in lowers", only: []string{"limits"},
			breaks: func(t *testing.T, _ project) {
				undo(t, machine("weir-2"), "systemctl restart "+zookeeperUnit)
				dropIn(t, "weir-2", zookeeperUnit, "LimitNOFILE=1024")
				on(t, machine("weir-2"), "systemctl restart "+zookeeperUnit)
			},
			wants: []want{{check: "limits", machine: "weir-2", found: "weir-zookeeper.service may open 1024 files"}},
		},
		{
			name: "a console tool that cannot be run", only: []string{"console"},
			breaks: func(t *testing.T, _ project) {
				undo(t, machine("weir-1"), "chmod 0755 "+tools+"kafka-console-producer.sh")
				on(t, machine("weir-1"), "chmod 0644 "+tools+"kafka-console-producer.sh")
			},
			wants: []want{{check: "console", machine: "weir-1", found: "the console producer failed"}},
		},
	}
}

func brokenNetworks() []breakage {
	return []breakage{
		{
			name: "a machine that is frozen",
			breaks: func(t *testing.T, _ project) {
				t.Cleanup(func() {
					if err := machine("weir-3").Unpause(withoutEnd(t)); err != nil {
						t.Error(err)
					}
				})
				if err := machine("weir-3").Pause(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
			wants: []want{
				{check: "machines", machine: "weir-3", found: "weir-3"},
				{check: "zookeeper", machine: "weir-3", found: "ZooKeeper: "},
				{check: "brokers", machine: "weir-3", found: "broker 2 does not answer"},
				{check: "disk", machine: "weir-3", found: "could not be looked at"},
			},
		},
		{
			name: "a machine whose packets all vanish",
			breaks: func(t *testing.T, _ project) {
				t.Cleanup(func() { heal(t, machine("weir-2")) })
				at := machine("weir-2")
				at.Address = "172.30.78.12"
				if err := at.Cut(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
			wants: []want{
				{check: "machines", machine: "weir-2", found: "weir-2"},
				{check: "brokers", machine: "weir-2", found: "broker 1 does not answer"},
			},
		},
		{
			name: "a way between two machines that is closed", quick: true, only: []string{"listeners"},
			breaks: func(t *testing.T, _ project) {
				drop(t, "weir-2", "OUTPUT -d 172.30.78.13 -p tcp --dport 9092")
			},
			wants: []want{{check: "listeners", machine: "weir-2", found: "weir-2 does not reach broker 2 on weir-3 at 172.30.78.13:9092"}},
		},
		{
			name: "a listener that is closed to this computer alone", only: []string{"listeners"},
			breaks: func(t *testing.T, _ project) {
				drop(t, "weir-3", "INPUT -s 172.30.78.1 -p tcp --dport 9092")
			},
			wants: []want{{check: "listeners", machine: "weir-3", found: "broker 2 at 172.30.78.13:9092 is not reached from this computer, as others are"}},
		},
	}
}

func brokenDisks() []breakage {
	return []breakage{
		{
			name: "a data directory on a file system that is full", only: []string{"disk", "machines"},
			breaks: func(t *testing.T, _ project) {
				const data = "/var/lib/weir/kafka"
				undo(t, machine("weir-3"), "systemctl stop "+kafkaUnit+"; umount "+data+"; umount /mnt; systemctl start "+kafkaUnit)
				on(t, machine("weir-3"), "systemctl stop "+kafkaUnit+"\nmount --bind "+data+" /mnt\n"+
					"mount -t tmpfs -o size=64m,mode=0750,uid=$(id -u weir-kafka),gid=$(id -g weir-kafka) small "+data+"\n"+
					"cp -a --sparse=always /mnt/. "+data+"/\nsystemctl start "+kafkaUnit)
				eventually(t, "the broker is back", func() bool { return inSync(brokers) == nil })
				on(t, machine("weir-3"), "head -c 64M /dev/zero >"+data+"/filler || true")
			},
			wants: []want{{check: "disk", machine: "weir-3", found: "/var/lib/weir/kafka has 0 B free of 64 MiB"}},
		},
		{
			name: "a log directory that its broker may not write to", only: []string{"disk"},
			breaks: func(t *testing.T, _ project) {
				undo(t, machine("weir-1"), "chown weir-kafka /var/lib/weir/kafka")
				on(t, machine("weir-1"), "chown root /var/lib/weir/kafka")
			},
			wants: []want{{check: "disk", machine: "weir-1", found: "/var/lib/weir/kafka belongs to user 0"}},
		},
	}
}

func brokenSettings() []breakage {
	return []breakage{
		{
			name: "a listener that is advertised wrong", only: []string{"listeners"},
			breaks: func(t *testing.T, _ project) {
				edit(t, "weir-3", kafkaUnit, "/etc/weir/kafka/server.properties",
					"s|^advertised.listeners=.*|advertised.listeners=PLAINTEXT://172.30.78.99:9092|")
			},
			wants: []want{{check: "listeners", machine: "weir-3", found: "broker 2 advertises 172.30.78.99:9092", others: true}},
		},
		{
			name: "data that says it is another cluster's", only: []string{"brokers"},
			breaks: func(t *testing.T, _ project) {
				edit(t, "weir-2", kafkaUnit, "/var/lib/weir/kafka/meta.properties", "s|^cluster.id=.*|cluster.id=AAAAAAAAAAAAAAAAAAAAAA|")
			},
			wants: []want{{check: "brokers", machine: "weir-2", found: `meta.properties says that the data is cluster "AAAAAAAAAAAAAAAAAAAAAA"'s`}},
		},
		{
			name: "another id in ZooKeeper's file", quick: true, only: []string{"zookeeper"},
			breaks: func(t *testing.T, _ project) {
				edit(t, "weir-1", "", "/var/lib/weir/zookeeper/myid", "s|.*|7|")
			},
			wants: []want{{check: "zookeeper", machine: "weir-1", found: `myid holds "7"`}},
		},
		{
			name: "a member that runs with another ensemble", quick: true, only: []string{"zookeeper"},
			breaks: func(t *testing.T, _ project) {
				edit(t, "weir-1", zookeeperUnit, "/etc/weir/zookeeper/zookeeper.properties", "s|^server.3=[^:]*|server.3=172.30.78.99|")
			},
			wants: []want{{check: "zookeeper", machine: "weir-1", found: "", others: true}},
		},
		{
			name: "a machine whose clock is a minute ahead", quick: true, only: []string{"clock"},
			breaks: func(t *testing.T, _ project) {
				// A container's clock is the computer's: what tells it is put right.
				undo(t, machine("weir-2"), "rm /usr/local/bin/date")
				on(t, machine("weir-2"), `printf '#!/bin/sh\nexec /bin/date -d "+60 seconds" "$@"\n' >/usr/local/bin/date; chmod 0755 /usr/local/bin/date`)
			},
			wants: []want{{check: "clock", machine: "weir-2", found: "its clock is 1m0"}},
		},
		{
			name: "a broker whose own clock is a minute ahead", only: []string{"clock"},
			breaks: func(t *testing.T, _ project) {
				on(t, machine("weir-3"), "ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null || { apt-get update && apt-get install -y --no-install-recommends libfaketime; } >/dev/null 2>&1")
				library := strings.TrimSpace(on(t, machine("weir-3"), "ls /usr/lib/*/faketime/libfaketime.so.1"))
				undo(t, machine("weir-3"), "systemctl restart "+kafkaUnit)
				dropIn(t, "weir-3", kafkaUnit, "Environment=LD_PRELOAD="+library+" FAKETIME=+60s FAKETIME_DONT_FAKE_MONOTONIC=1")
				on(t, machine("weir-3"), "systemctl restart "+kafkaUnit)
				// The library makes a broker several times as slow to start.
				eventuallyWithin(t, 3*time.Minute, "the broker is back", func() bool { return inSync(brokers) == nil })
				elect(t, brokers)
			},
			wants: []want{{check: "clock", machine: "weir-3", found: "the clock of broker 2 is 1m0s ahead"}},
		},
	}
}

func brokenTopics() []breakage {
	return []breakage{
		{
			name: "a setting of a topic that somebody changed", quick: true, only: []string{"topics"},
			breaks: func(t *testing.T, _ project) { alter(t, behaviorTopic, "max.message.bytes", "1000000") },
			wants:  []want{{check: "topics", machine: all, found: "max.message.bytes=1000000"}},
		},
		{
			name: "more replicas wanted in sync than there are", only: []string{"topics"},
			breaks: func(t *testing.T, _ project) { alter(t, behaviorTopic, "min.insync.replicas", "4") },
			wants:  []want{{check: "topics", machine: all, found: "min.insync.replicas=4"}},
		},
		{
			name: "all replicas wanted in sync, and one broker away", only: []string{"partitions"},
			breaks: func(t *testing.T, _ project) {
				alter(t, behaviorTopic, "min.insync.replicas", "3")
				stopUnit(t, "weir-3", kafkaUnit)
			},
			wants: []want{{check: "partitions", machine: "weir-3", found: "refuse writes"}},
		},
		{
			name: "a topic that was deleted", only: []string{"topics"},
			breaks: func(t *testing.T, p project) {
				again(t, p)
				deleteTopic(t, letterTopic)
			},
			wants: []want{{check: "topics", machine: all, found: "topic user-behavior-topic.dead-letter does not exist"}},
		},
		{
			name: "a partition too many", only: []string{"topics"},
			breaks: func(t *testing.T, p project) {
				again(t, p)
				t.Cleanup(func() { deleteTopic(t, letterTopic) })
				if err := admin(t).CreatePartitions(letterTopic, 2, nil, false); err != nil {
					t.Fatal(err)
				}
			},
			wants: []want{{check: "topics", machine: all, found: "topic user-behavior-topic.dead-letter has 2 partitions", others: true}},
		},
		{
			name: "a leader that is not the preferred one", quick: true, only: []string{"topics"},
			breaks: func(t *testing.T, _ project) {
				partition, replicas := ledBy(t, behaviorTopic, 1)
				assign(t, behaviorTopic, partition, rotate(replicas))
				elect(t, brokers)
				assign(t, behaviorTopic, partition, replicas)
				t.Cleanup(func() { elect(t, brokers) })
			},
			wants: []want{{check: "topics", machine: "weir-2", found: "broker 1 does not lead partition user-behavior-topic-"}},
		},
		{
			name: "a broker that is to lead nothing", only: []string{"topics"},
			breaks: func(t *testing.T, _ project) {
				partition, replicas := ledBy(t, behaviorTopic, 1)
				t.Cleanup(func() {
					assign(t, behaviorTopic, partition, replicas)
					elect(t, brokers)
				})
				assign(t, behaviorTopic, partition, rotate(replicas))
			},
			wants: []want{{check: "topics", machine: "weir-2", found: "broker 1 is meant to lead no partition of user-behavior-topic", others: true}},
		},
		{
			name: "a partition with a replica too few", only: []string{"topics"},
			breaks: func(t *testing.T, _ project) {
				partition, replicas := ledBy(t, behaviorTopic, 1)
				t.Cleanup(func() { assign(t, behaviorTopic, partition, replicas) })
				assign(t, behaviorTopic, partition, replicas[:2])
			},
			wants: []want{{check: "topics", machine: all, found: " has 2 replicas", others: true}},
		},
		{
			name: "a throttle that was left over", quick: true, only: []string{"topics"},
			breaks: func(t *testing.T, _ project) {
				alterBroker(t, "1", "leader.replication.throttled.rate", "1000000")
			},
			wants: []want{{check: "topics", machine: "weir-2", found: "a throttle was left, leader.replication.throttled.rate=1000000"}},
		},
	}
}

func brokenJobs() []breakage {
	return []breakage{
		{
			name: "a job that was stopped", quick: true, only: []string{"jobs"},
			breaks: func(t *testing.T, _ project) { stopUnit(t, "weir-1", producerUnit) },
			wants:  []want{{check: "jobs", machine: "weir-1", found: "weir-job-producer.service is inactive", others: true}},
		},
		{
			name: "a job that was stopped by a signal", only: []string{"jobs"},
			breaks: func(t *testing.T, _ project) { freeze(t, "weir-2", popularityUnit) },
			wants:  []want{{check: "jobs", machine: "weir-2", found: "weir-job-popularity.service: its process"}},
		},
		{
			name: "a state in which messages were counted twice", only: []string{"jobs"},
			breaks: func(t *testing.T, _ project) { countTwice(t) },
			wants:  []want{{check: "jobs", machine: "weir-2", found: "published n="}},
		},
	}
}

func stopUnit(t *testing.T, name, unit string) {
	t.Helper()
	undo(t, machine(name), "systemctl start "+unit)
	on(t, machine(name), "systemctl stop "+unit)
}

// freeze stops a unit's process as a debugger does: systemd takes it for running.
func freeze(t *testing.T, name, unit string) {
	t.Helper()
	undo(t, machine(name), "systemctl kill --kill-who=main --signal=CONT "+unit)
	on(t, machine(name), "systemctl kill --kill-who=main --signal=STOP "+unit)
}

// dropIn gives a unit a setting of its section Service until the test ends.
func dropIn(t *testing.T, name, unit, setting string) {
	t.Helper()
	dir := "/run/systemd/system/" + unit + ".d"
	undo(t, machine(name), "rm -r "+dir+"; systemctl daemon-reload")
	on(t, machine(name), "mkdir -p "+dir+"; printf '[Service]\\n"+setting+"\\n' >"+dir+"/broken.conf; systemctl daemon-reload")
}

// edit changes a file by a sed script, and restarts the unit that reads it.
func edit(t *testing.T, name, unit, file, change string) {
	t.Helper()
	restart := ""
	if unit != "" {
		restart = "; systemctl restart --no-block " + unit
	}
	undo(t, machine(name), "mv "+file+".kept "+file+restart)
	on(t, machine(name), "cp -p "+file+" "+file+".kept; sed -i '"+change+"' "+file+restart)
}

// drop has a machine drop packets by a rule of iptables.
func drop(t *testing.T, name, rule string) {
	t.Helper()
	undo(t, machine(name), "iptables -w -D "+rule+" -j DROP")
	on(t, machine(name), "iptables -w -I "+rule+" -j DROP")
}

func admin(t *testing.T) sarama.ClusterAdmin {
	t.Helper()
	a, err := sarama.NewClusterAdmin(brokers, loadConfig())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// alter sets a topic's setting until the test ends.
func alter(t *testing.T, topic, key, value string) {
	t.Helper()
	configure(t, sarama.TopicResource, topic, key, value)
}

func alterBroker(t *testing.T, id, key, value string) {
	t.Helper()
	configure(t, sarama.BrokerResource, id, key, value)
}

func configure(t *testing.T, kind sarama.ConfigResourceType, name, key, value string) {
	t.Helper()
	a := admin(t)
	t.Cleanup(func() {
		err := a.IncrementalAlterConfig(kind, name, map[string]sarama.IncrementalAlterConfigsEntry{
			key: {Operation: sarama.IncrementalAlterConfigsOperationDelete},
		}, false)
		if err != nil {
			t.Error(err)
		}
	})
	err := a.IncrementalAlterConfig(kind, name, map[string]sarama.IncrementalAlterConfigsEntry{
		key: {Operation: sarama.IncrementalAlterConfigsOperationSet, Value: &value},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
}

// again has the topics made again when the test ends.
func again(t *testing.T, p project) {
	t.Helper()
	t.Cleanup(func() {
		r, err := p.ops(withoutEnd(t), "up", "--stack", stackName, "--no-verify")
		if err != nil || r.code != 0 {
			t.Errorf("up: %v, exit code %d\n%s", err, r.code, r.all())
		}
	})
}

func deleteTopic(t *testing.T, topic string) {
	t.Helper()
	a, err := sarama.NewClusterAdmin(brokers, loadConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.DeleteTopic(topic); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the topic is gone", func() bool {
		topics, err := a.ListTopics()
		_, there := topics[topic]
		return err == nil && !there
	})
}

// ledBy is a partition that a broker is to lead, and its replicas.
func ledBy(t *testing.T, topic string, broker int32) (partition int32, replicas []int32) {
	t.Helper()
	described, err := admin(t).DescribeTopics([]string{topic})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range described[0].Partitions {
		if p.Replicas[0] == broker {
			return p.ID, p.Replicas
		}
	}
	t.Fatalf("broker %d is to lead no partition of %s", broker, topic)
	return 0, nil
}

func rotate(replicas []int32) []int32 { return append(slices.Clone(replicas[1:]), replicas[0]) }

// assign gives a partition replicas, and waits until it has them.
func assign(t *testing.T, topic string, partition int32, replicas []int32) {
	t.Helper()
	a, err := sarama.NewClusterAdmin(brokers, loadConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	described, err := a.DescribeTopics([]string{topic})
	if err != nil {
		t.Fatal(err)
	}
	assignment := make([][]int32, len(described[0].Partitions))
	for _, p := range described[0].Partitions {
		assignment[p.ID] = p.Replicas
	}
	assignment[partition] = replicas
	if err := a.AlterPartitionReassignments(topic, assignment); err != nil {
		t.Fatal(err)
	}
	eventually(t, fmt.Sprintf("partition %d of %s has replicas %v, in sync", partition, topic, replicas), func() bool {
		described, err := a.DescribeTopics([]string{topic})
		if err != nil {
			return false
		}
		i := slices.IndexFunc(described[0].Partitions, func(p *sarama.PartitionMetadata) bool { return p.ID == partition })
		p := described[0].Partitions[i]
		return slices.Equal(p.Replicas, replicas) && len(p.Isr) == len(replicas)
	})
}

// countTwice doubles the sums of every page in the calculator's state, as a bug
// would that counted messages again after a restart. It is mended as a person would:
// by counting anew what the topic holds.
func countTwice(t *testing.T) {
	t.Helper()
	const dir = "/var/lib/weir/jobs/popularity/state"
	put := func(content string) string {
		return "rm -rf " + dir + "\nprintf %s " + content + " | base64 -d | tar -C /var/lib/weir/jobs/popularity -xzf -\nchown -R weir-job:weir-job " + dir
	}
	m := machine("weir-2")
	const dropIns = "/run/systemd/system/" + popularityUnit + ".d"
	undo(t, m, "systemctl stop "+popularityUnit+"\nmkdir -p "+dropIns+
		"\n{ echo '[Service]'; echo ExecStart=; sed -n '/^ExecStart=/s/$/ --rebuild/p' /etc/systemd/system/"+popularityUnit+"; } >"+dropIns+"/rebuild.conf"+
		"\nsystemctl daemon-reload\nsystemctl start "+popularityUnit+"\nrm -r "+dropIns+"\nsystemctl daemon-reload")
	packed := on(t, m, "systemctl stop "+popularityUnit+"\ntar -C /var/lib/weir/jobs/popularity -czf - state | base64 -w 0")
	work := t.TempDir()
	unpack(t, work, packed)
	double(t, filepath.Join(work, "state"))
	on(t, m, put(pack(t, work))+"\nsystemctl start "+popularityUnit)
}

func unpack(t *testing.T, dir, packed string) {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(strings.TrimSpace(packed))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "tar", "-C", dir, "-xzf", "-", "--no-same-owner")
	cmd.Stdin = bytes.NewReader(content)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func pack(t *testing.T, dir string) string {
	t.Helper()
	content, err := exec.CommandContext(t.Context(), "tar", "-C", dir, "-czf", "-", "state").Output()
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(content)
}

// double doubles all sums of the state in a directory.
func double(t *testing.T, dir string) {
	t.Helper()
	state, err := disk.Open(dir, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close(t.Context())
	positions, err := state.Positions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	commit, pages := state.NewCommit(), 0
	for partition := range positions {
		var doubled []store.Page
		err := state.Pages(t.Context(), partition, func(page []byte, sums behavior.Sums, changed int64) error {
			pages++
			twice := sums
			err := twice.Add(sums)
			doubled = append(doubled, store.Page{ID: string(page), Sums: twice, Changed: changed})
			return err
		})
		for _, block := range store.Blocks(doubled...) {
			err = errors.Join(err, commit.Block(partition, block))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := commit.Apply(t.Context()); err != nil || pages == 0 {
		t.Fatalf("%d pages doubled: %v", pages, err)
	}
}
