package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// breakage is one way to break a cluster, and what verify must say of it: the
// right checks name the right machines.
type breakage struct {
	name string
	// breaks breaks it, and registers how it is mended.
	breaks func(t *testing.T, p project)
	// only are the checks that run; none is all of them, and shows that what is
	// broken makes none of them hang and hides nothing.
	only  []string
	wants []want
	// quick ones are in every run of the tests; the others take a restart of
	// something, or are shown by another test too, and are in the soak.
	quick bool
}

// want is a finding that is expected.
type want struct {
	check, machine, found string
	// others says that it is not for this machine alone that the check fails.
	others bool
}

// verifyBound is what verify promises: half a minute, whatever is broken.
const verifyBound = 30 * time.Second

// mendPatience bounds the wait for health once a cluster is mended: above a session
// of a broker (18 s) and its start on a busy computer.
const mendPatience = "2m"

func TestVerifyNamesWhatIsBroken(t *testing.T) {
	showAll(t, func(b breakage) bool { return b.quick })
}

// showAll breaks the cluster in each chosen way, and wants it healthy after each.
func showAll(t *testing.T, chosen func(breakage) bool) {
	for _, b := range breakages() {
		if !chosen(b) {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			p := cluster(t)
			t.Cleanup(func() { p.wantHealthy(t, b.only) })
			b.breaks(t, p)
			b.show(t, p)
		})
	}
}

// wantHealthy waits until the checks that failed find nothing. A cleanup is run
// after those registered later: what mends the cluster.
func (p project) wantHealthy(t *testing.T, only []string) {
	t.Helper()
	args := []string{"verify", "--stack", stackName, "--exit-when-healthy", "--interval", "1s", "--timeout", mendPatience}
	if len(only) > 0 {
		args = append(args, "--only", strings.Join(only, ","))
	} else {
		eventually(t, "every broker is back and in sync", func() bool { return inSync(brokers) == nil })
		elect(t, brokers)
	}
	r, err := p.ops(withoutEnd(t), args...)
	if err != nil || r.code != 0 {
		t.Errorf("mended, and not healthy within %s: %v, exit code %d\n%s", mendPatience, err, r.code, r.all())
	}
}

// show verifies until all is named that should be, and nothing else by those checks:
// it takes brokers a while to miss each other.
func (b breakage) show(t *testing.T, p project) {
	t.Helper()
	args := []string{"verify", "--stack", stackName, "-o", "json"}
	if len(b.only) > 0 {
		args = append(args, "--only", strings.Join(b.only, ","))
	}
	var said string
	var wrong []string
	defer func() {
		if t.Failed() {
			t.Logf("%s; verify said last:\n%s", strings.Join(wrong, "; "), said)
		}
	}()
	eventually(t, "verify names what is broken", func() bool {
		began := time.Now()
		r, err := p.ops(t.Context(), args...)
		if took := time.Since(began); took > verifyBound {
			t.Errorf("verify took %s, want at most %s", took, verifyBound)
		}
		if err != nil || r.code != 10 && r.code != 0 {
			t.Fatalf("verify: %v, exit code %d\n%s", err, r.code, r.all())
		}
		said = r.stdout
		var got report
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatalf("verify -o json: %v\n%s", err, r.stdout)
		}
		wrong = nil
		for _, w := range b.wants {
			wrong = append(wrong, got.lacks(w)...)
		}
		return len(wrong) == 0 && r.code == 10
	})
}

// lacks says what of a report is not as wanted.
func (r report) lacks(w want) (wrong []string) {
	found := false
	for _, c := range r.Checks {
		if c.Name != w.check {
			continue
		}
		for _, f := range c.Findings {
			if f.Found == "" || f.Expected == "" || f.Next == "" {
				wrong = append(wrong, fmt.Sprintf("%s: %+v does not say what was found, what was expected and what to type next", c.Name, f))
			}
			switch {
			case f.Machine == w.machine && strings.Contains(f.Found, w.found):
				found = true
			case f.Machine != w.machine && !w.others:
				wrong = append(wrong, fmt.Sprintf("%s names %s, want %s alone: %s", c.Name, f.Machine, w.machine, f.Found))
			}
		}
	}
	if !found {
		wrong = append(wrong, fmt.Sprintf("%s does not say of %s: %s", w.check, w.machine, w.found))
	}
	return wrong
}

// A cluster in order is found so, each time and within the time that verify has.
func TestVerifyFindsAHealthyClusterHealthyEachTime(t *testing.T) {
	p := cluster(t)
	p.staysHealthy(t, 3)
}

func (p project) staysHealthy(t *testing.T, runs int) {
	t.Helper()
	p.wantHealthy(t, nil)
	old := fmt.Sprintf("weir-verify-%d-cut-off-0", time.Now().Add(-time.Hour).Unix())
	commitOffset(t, old)
	began := time.Now().Unix()
	for i := range runs {
		began := time.Now()
		r := p.mustOps(t, 0, "verify", "--stack", stackName, "-o", "wide")
		t.Logf("run %d of %d: healthy in %s", i+1, runs, time.Since(began).Round(time.Millisecond))
		if i == 0 {
			// Nothing is left behind but the topic.
			wantAll(t, r.stdout, "3 coordinators", "6 replicas equal to their leaders", "9 ways between machines open", "partitions from where counting began")
		}
	}
	groups := inside(t, "weir-1", tools+"kafka-consumer-groups.sh", "--bootstrap-server", brokers[0], "--list")
	wantNone(t, groups, old)
	for _, run := range regexp.MustCompile(`weir-verify-(\d+)-`).FindAllStringSubmatch(groups, -1) {
		// A test before may have paused a broker that was asked to commit; the next ten minutes' runs keep that.
		if at, err := strconv.ParseInt(run[1], 10, 64); err != nil || at >= began {
			t.Errorf("a run that began at %s left a group:\n%s", run[1], groups)
		}
	}
}

// commitOffset has a group that nobody is a member of.
func commitOffset(t *testing.T, group string) {
	t.Helper()
	client, err := sarama.NewClient(brokers, loadConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	b, err := client.Coordinator(group)
	if err != nil {
		t.Fatal(err)
	}
	request := &sarama.OffsetCommitRequest{Version: 2, ConsumerGroup: group, ConsumerGroupGeneration: sarama.GroupGenerationUndefined, RetentionTime: -1}
	request.AddBlock("user-behavior-topic", 0, 1, sarama.ReceiveTime, "")
	answer, err := b.CommitOffset(request)
	if err != nil {
		t.Fatal(err)
	}
	if code := answer.Errors["user-behavior-topic"][0]; code != sarama.ErrNoError {
		t.Fatal(code)
	}
}

func TestVerifyWaitsForHealthAndWatches(t *testing.T) {
	p := cluster(t)
	verify := []string{"verify", "--stack", stackName, "--only", "machines", "--interval", "1s"}
	undo(t, machine("weir-3"), "systemctl enable "+kafkaUnit)
	on(t, machine("weir-3"), "systemctl disable "+kafkaUnit)
	r := p.mustOps(t, 10, append(verify, "--exit-when-healthy", "--timeout", "8s")...)
	wantAll(t, r.stdout, "weir-3: weir-kafka.service is disabled")
	wantAll(t, r.stderr, "not healthy yet: machines")

	mended := make(chan error, 1)
	go func() {
		_, err := machine("weir-3").Exec(t.Context(), "systemctl", "enable", kafkaUnit)
		mended <- err
	}()
	wantAll(t, p.mustOps(t, 0, append(verify, "--exit-when-healthy", "--timeout", "1m")...).stdout, "is healthy: 1 ok")
	if err := <-mended; err != nil {
		t.Fatal(err)
	}

	// Whoever watches ends it; the last report makes the exit code.
	watching := p.command(t.Context(), append(verify, "--watch")...)
	out, err := watching.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watching.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for reports := 0; reports < 2 && lines.Scan(); {
		if strings.Contains(lines.Text(), "is healthy") {
			reports++
		}
	}
	if err := watching.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := watching.Wait(); err != nil {
		t.Errorf("interrupted after two healthy reports: %v", err)
	}
}
