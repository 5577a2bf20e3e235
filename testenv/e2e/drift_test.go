package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// driftReport is what `ops drift -o json` promises to programs.
type driftReport struct {
	Drifted  bool `json:"drifted"`
	Machines []struct {
		Name        string            `json:"name"`
		Unreachable string            `json:"unreachable"`
		Differences []driftDifference `json:"differences"`
	} `json:"machines"`
	Cluster []driftDifference `json:"cluster"`
}

type driftDifference struct{ Component, Kind, Target, Found, Expected, Diff string }

// listed are the differences as lines: "weir-1 kafka file /etc/x: found".
func (r driftReport) listed() []string {
	var lines []string
	add := func(machine string, all []driftDifference) {
		for _, d := range all {
			lines = append(lines, machine+" "+d.Component+" "+d.Kind+" "+d.Target+": "+d.Found)
		}
	}
	for _, m := range r.Machines {
		add(m.Name, m.Differences)
	}
	add("cluster", r.Cluster)
	slices.Sort(lines)
	return lines
}

// drifted asks `ops drift` and expects an exit code.
func (p project) drifted(t *testing.T, code int) driftReport {
	t.Helper()
	var r driftReport
	got := p.mustOps(t, code, "drift", "--stack", stackName, "-o", "json")
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		t.Fatalf("drift -o json: %v\n%s", err, got.all())
	}
	return r
}

// changedOn is what somebody did on each machine of the cluster.
var changedOn = map[string]string{
	// What needs no restart of a broker or member.
	"weir-1": `chmod 0600 /etc/weir/kafka/producer.properties
systemctl disable --quiet --now weir-job-producer
rm /var/lib/weir/manifest/zookeeper.json
echo precious >"/etc/weir/it's a \$(note)"
mkdir /opt/weir/releases/kafka-0.0.1-000000000000; : >/opt/weir/releases/kafka-0.0.1-000000000000.tree`,
	// The release that ZooKeeper and Kafka run from.
	"weir-2": `cd /opt/weir/kafka/current/
echo '# more' >>bin/kafka-topics.sh; rm LICENSE 2>/dev/null || rm -f bin/zookeeper-shell.sh; : >libs/stray.jar`,
	// The broker alone.
	"weir-3": `echo log.roll.jitter.hours=1 >>/etc/weir/kafka/server.properties
rm /etc/weir/kafka/consumer.properties
mkdir /etc/systemd/system/weir-kafka.service.d; printf '[Service]\nNice=5\n' >/etc/systemd/system/weir-kafka.service.d/nice.conf; systemctl daemon-reload
chown nobody /var/log/weir/zookeeper
sed -i 's|/etc/weir/kafka/log4j.properties|/etc/hostname|' /var/lib/weir/manifest/kafka.json`,
}

// disturbed are the services whose processes must be others then, and no more.
var disturbed = []string{
	"weir-1 weir-job-producer", "weir-2 weir-kafka", "weir-2 weir-zookeeper", "weir-3 weir-kafka",
}

func TestDriftIsListedOnEveryMachineAndUpHealsExactlyThat(t *testing.T) {
	p := cluster(t)
	if calm := p.drifted(t, 0); calm.Drifted || len(calm.Machines) != 3 {
		t.Fatalf("before anything was changed: %+v", calm)
	}
	before := processes(t)
	for _, name := range slices.Sorted(maps.Keys(changedOn)) {
		inside(t, name, "sh", "-ec", changedOn[name])
	}
	inside(t, "weir-1", "/opt/weir/kafka/current/bin/kafka-configs.sh", "--bootstrap-server", "172.30.78.11:9092",
		"--alter", "--topic", "user-behavior-topic", "--add-config", "retention.ms=86400000")

	tree := strings.TrimSpace(inside(t, "weir-2", "readlink", "/opt/weir/kafka/current"))
	altered := " release " + tree + ": altered by hand ("
	want := []string{
		"cluster topics topic user-behavior-topic: retention.ms=86400000",
		"weir-1 host release /opt/weir/releases/kafka-0.0.1-000000000000: nobody's any more",
		"weir-1 host stranger /etc/weir/it's a $(note): put there by somebody",
		"weir-1 job-producer service weir-job-producer.service: stopped",
		"weir-1 kafka file /etc/weir/kafka/producer.properties: 0600 root:root",
		"weir-1 zookeeper manifest /var/lib/weir/manifest/zookeeper.json: missing",
		"weir-2 kafka" + altered, "weir-2 zookeeper" + altered,
		"weir-3 kafka file /etc/weir/kafka/consumer.properties: missing",
		"weir-3 kafka file /etc/weir/kafka/server.properties: other content",
		"weir-3 kafka manifest /var/lib/weir/manifest/kafka.json: damaged: it was changed by hand",
		"weir-3 kafka service weir-kafka.service: enabled, running, ",
		"weir-3 kafka stranger /etc/systemd/system/weir-kafka.service.d/nice.conf: a drop-in of weir-kafka.service",
		"weir-3 zookeeper directory /var/log/weir/zookeeper: 0750 nobody:weir-zookeeper",
	}
	listed := p.drifted(t, 10).listed()
	if !slices.EqualFunc(listed, want, strings.HasPrefix) {
		t.Errorf("listed are\n%s\nwant\n%s", strings.Join(listed, "\n"), strings.Join(want, "\n"))
	}
	// Nothing was saved: a second look lists the same, as lines for people.
	text := p.mustOps(t, 10, "drift", "--stack", stackName).stdout
	wantAll(t, text, "    +log.roll.jitter.hours=1\n", "libs/stray.jar was added", "bin/kafka-topics.sh was changed", "14 differences;")

	p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify")
	p.drifted(t, 0)
	after := processes(t)
	for name, pid := range before {
		if another := after[name] != pid; another != slices.Contains(disturbed, name) {
			t.Errorf("%s is process %s, was %s; want another: %v", name, after[name], pid, !another)
		}
	}
	kept := inside(t, "weir-1", "sh", "-c", "cat /var/lib/weir/aside/*/etc/weir/*note*; test -s /etc/hostname; ls /opt/weir/releases")
	wantAll(t, kept, "precious\n")
	wantNone(t, kept, "kafka-0.0.1")
}

func TestAMachineThatDoesNotAnswerIsNotCalm(t *testing.T) {
	p := cluster(t)
	inside(t, "weir-2", "systemctl", "stop", "ssh")
	inside(t, "weir-3", "chmod", "0600", "/etc/weir/kafka/producer.properties")
	r := p.drifted(t, 10)
	inside(t, "weir-2", "systemctl", "start", "ssh")
	if len(r.Machines) != 3 || r.Machines[0].Unreachable != "" || !strings.Contains(r.Machines[1].Unreachable, "weir-2") || len(r.Machines[2].Differences) != 1 {
		t.Errorf("want weir-2 unreachable, and weir-3's difference all the same; got %+v", r)
	}
	p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify")
	p.drifted(t, 0)
}

// processes are the main processes of weir's services: "weir-1 weir-kafka".
func processes(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, units := range map[string][]string{
		"weir-1": {"weir-kafka", "weir-zookeeper", "weir-job-producer"},
		"weir-2": {"weir-kafka", "weir-zookeeper", "weir-job-popularity"},
		"weir-3": {"weir-kafka", "weir-zookeeper"},
	} {
		for _, unit := range units {
			all[name+" "+unit] = mainPID(t, name, unit)
		}
	}
	return all
}
