package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestTheClusterIsHealthyAndASecondUpChangesNothing(t *testing.T) {
	p := cluster(t)
	p.mustOps(t, 0, "verify", "--stack", stackName)
	r := p.mustOps(t, 0, "up", "--stack", stackName, "--no-verify")
	wantAll(t, r.stdout, "nothing to change")
}

// report is what `ops verify -o json` promises to programs.
type report struct {
	Healthy bool `json:"healthy"`
	Checks  []struct {
		Name     string `json:"name"`
		Outcome  string `json:"outcome"`
		Findings []struct {
			Machine  string `json:"machine"`
			Found    string `json:"found"`
			Expected string `json:"expected"`
			Next     string `json:"next"`
		} `json:"findings"`
	} `json:"checks"`
}

func TestAStoppedBrokerIsNamedByVerifyAndHealedByUp(t *testing.T) {
	p := cluster(t)
	inside(t, "weir-2", "systemctl", "stop", "weir-kafka.service")
	r := p.mustOps(t, 10, "verify", "--stack", stackName, "-o", "json")
	var got report
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatalf("verify -o json: %v\n%s", err, r.stdout)
	}
	named := false
	for _, c := range got.Checks {
		for _, f := range c.Findings {
			if c.Name == "machines" && f.Machine == "weir-2" && strings.Contains(f.Found, "weir-kafka.service") {
				named = f.Expected != "" && f.Next != ""
			}
		}
	}
	if got.Healthy || !named {
		t.Errorf("want the check machines to name weir-2 and weir-kafka.service, what is expected and what to type; got\n%s", r.stdout)
	}
	r = p.mustOps(t, 0, "up", "--stack", stackName)
	if strings.Contains(r.stdout, "nothing to change") {
		t.Errorf("up healed nothing:\n%s", r.all())
	}
}

func TestAChangeByHandIsShownByPreviewAndHealedByUp(t *testing.T) {
	p := cluster(t)
	const file = "/etc/weir/kafka/server.properties"
	pid := mainPID(t, "weir-1", "weir-kafka.service")
	inside(t, "weir-3", "sh", "-c", "echo log.retention.hours=1 >>"+file)
	r := p.mustOps(t, 0, "preview", "--stack", stackName)
	wantAll(t, r.stdout, "weir-3", file, "log.retention.hours=1")
	p.mustOps(t, 0, "up", "--stack", stackName)
	if out := inside(t, "weir-3", "cat", file); strings.Contains(out, "log.retention.hours=1\n") {
		t.Errorf("the line added by hand is still there:\n%s", out)
	}
	if now := mainPID(t, "weir-1", "weir-kafka.service"); now != pid {
		t.Errorf("the broker of weir-1 was restarted (pid %s, now %s), though only weir-3 differed", pid, now)
	}
}

func TestTheArticlesCommandsWorkOnTheMachines(t *testing.T) {
	cluster(t)
	const bin = "/opt/weir/kafka/current/bin/"
	out := inside(t, "weir-1", bin+"kafka-topics.sh", "--create", "--zookeeper", "172.30.78.11:2181,172.30.78.12:2181,172.30.78.13:2181",
		"--replication-factor", "3", "--partition", "3", "--topic", "the-articles-way")
	wantAll(t, out, "--bootstrap-server", "--partitions", "Created topic the-articles-way")
	inside(t, "weir-1", "sh", "-c", "echo hello from weir-1 | "+bin+"kafka-console-producer.sh --broker-list 172.30.78.11:9092 --topic the-articles-way")
	out = inside(t, "weir-2", bin+"kafka-console-consumer.sh", "--zookeeper", "172.30.78.12:2181",
		"--from-beginning", "--topic", "the-articles-way", "--max-messages", "1", "--timeout-ms", "60000")
	wantAll(t, out, "hello from weir-1")
	inside(t, "weir-3", bin+"kafka-topics.sh", "--delete", "--bootstrap-server", "172.30.78.13:9092", "--topic", "the-articles-way")
}

// Kafka's own tool, without what weir's programs in bin say and translate.
func TestTodaysToolRefusesTheAbbreviation(t *testing.T) {
	cluster(t)
	out := inside(t, "weir-1", "sh", "-c", tools+"kafka-run-class.sh org.apache.kafka.tools.TopicCommand --create --bootstrap-server "+brokers[0]+
		" --replication-factor 3 --partition 3 --topic abbreviated 2>&1 || true")
	wantAll(t, out, "partition is not a recognized option")
}

func TestTheCalculatorSurvivesKillsWithoutLossOrDoubleCount(t *testing.T) {
	p := cluster(t)
	for range 5 {
		inside(t, "weir-2", "systemctl", "kill", "--signal", "KILL", "weir-job-popularity.service")
		eventually(t, "the calculator runs again", func() bool {
			return strings.TrimSpace(inside(t, "weir-2", "sh", "-c", "systemctl is-active weir-job-popularity.service || true")) == "active"
		})
	}
	p.mustOps(t, 0, "verify", "--stack", stackName, "--only", "jobs")
}

func TestStatusKnowsWhoLeadsAndWhatRuns(t *testing.T) {
	p := cluster(t)
	r := p.mustOps(t, 0, "status", "--stack", stackName)
	wantAll(t, r.stdout, "leader", "controller", "user-behavior-topic", "weir-job-producer.service", "3.9.2")
	r = p.mustOps(t, 0, "status", "--stack", stackName, "-o", "json")
	if !json.Valid([]byte(r.stdout)) {
		t.Errorf("status -o json is not JSON:\n%s", r.stdout)
	}
}

// inside runs a command in a machine of the shared cluster, from outside of it.
func inside(t *testing.T, name string, command ...string) string {
	t.Helper()
	out, err := machine(name).Exec(t.Context(), command...)
	if err != nil {
		t.Fatalf("on %s: %v\n%s", name, err, out)
	}
	return out
}

func mainPID(t *testing.T, name, unit string) string {
	t.Helper()
	return strings.TrimSpace(inside(t, name, "systemctl", "show", "--property=MainPID", "--value", unit))
}

// settling bounds the wait for something that a healthy machine does by itself.
const settling = time.Minute

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	eventuallyWithin(t, settling, what, holds)
}

func eventuallyWithin(t *testing.T, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s: %s", patience, what)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
