// Package e2e tests weir from end to end: real containers with systemd and
// sshd, real SSH, real ZooKeeper and Kafka, and the programs that people run.
//
// One cluster serves all tests. It is brought up by the first test that needs
// it, and taken down behind the last, which is a test of its own. Each test
// leaves the cluster healthy.
package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/testenv"
)

// stackName is the shared cluster's; bareStack's machines carry no cluster. The
// variables let two runs be on one computer: each removes what it finds of its
// stacks.
var (
	stackName = cmp.Or(os.Getenv("WEIR_E2E_STACK"), "e2e")
	bareStack = cmp.Or(os.Getenv("WEIR_E2E_BARE"), "e2e-bare")
	// bareSystem is the distribution of bare machines, where that is not Debian:
	// with other names for their stack, the tests of them can be had on another.
	bareSystem = os.Getenv("WEIR_E2E_SYSTEM")
	bareSubnet = cmp.Or(os.Getenv("WEIR_E2E_BARE_SUBNET"), "172.30.79.0/24")
)

// keptProject is a directory in which the shared cluster's project is kept, and
// with it the cluster: for whoever works on one test and does not want to wait
// for a cluster each time. Whoever keeps one removes it: the test of down does.
var keptProject = os.Getenv("WEIR_E2E_KEEP")

const stackConfig = `config:
  weir:cluster:
    machines:
      - {name: weir-1, address: 172.30.78.11, container: true}
      - {name: weir-2, address: 172.30.78.12, container: true}
      - {name: weir-3, address: 172.30.78.13, container: true}
    containers: {subnet: 172.30.78.0/24}
    zookeeper: {heap: 256m, jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    kafka: {heap: 512m, jvmOptions: "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    topics:
      - {name: user-behavior-topic, partitions: 3, replicationFactor: 3}
    jobs:
      - {name: producer, kind: producer, machine: weir-1, topic: user-behavior-topic}
      - {name: popularity, kind: popularity, machine: weir-2, topic: user-behavior-topic}
`

// shared is the cluster that the tests share.
var shared struct {
	project
	once sync.Once
	err  error
}

// sweepPatience bounds the removal of a few containers.
const sweepPatience = 2 * time.Minute

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := projectDir()
	if err == nil {
		if keptProject == "" {
			defer os.RemoveAll(dir)
		}
		shared.project, err = newProject(dir)
	}
	if err == nil {
		err = sweep(ctx) // what a killed run left
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "end-to-end tests cannot begin:", err)
		return 1
	}
	defer database.Stop()
	code := m.Run()
	if err := sweep(context.WithoutCancel(ctx)); err != nil {
		fmt.Fprintln(os.Stderr, "end-to-end tests left machines behind:", err)
		return 1
	}
	return code
}

func projectDir() (string, error) {
	if keptProject != "" {
		return keptProject, os.MkdirAll(keptProject, 0o755)
	}
	return os.MkdirTemp("", "weir-e2e-")
}

func sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepPatience)
	defer cancel()
	stacks := []string{stackName, bareStack}
	if keptProject != "" {
		stacks = stacks[1:]
	}
	for _, stack := range stacks {
		if _, err := testenv.Sweep(ctx, stack); err != nil {
			return err
		}
	}
	return nil
}

// cluster returns the shared cluster, healthy. The first call brings it up; its
// first `ops up` is killed in the middle, as the next must finish its work.
func cluster(t *testing.T) project {
	t.Helper()
	shared.once.Do(func() { shared.err = bringUp(t) })
	if shared.err != nil {
		t.Fatalf("the shared cluster did not come up: %v", shared.err)
	}
	var missing error
	defer func() {
		if missing != nil {
			t.Log(missing)
		}
	}()
	eventually(t, "every broker is at work and in sync, as the test before should have left them", func() bool {
		missing = inSync(brokers)
		return missing == nil
	})
	elect(t, brokers)
	return shared.project
}

// elect gives partitions back to their preferred leaders, which a test before took
// them from: brokers do so by themselves only minutes later.
func elect(t *testing.T, brokers []string) {
	t.Helper()
	admin, err := sarama.NewClusterAdmin(brokers, loadConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	away := map[string][]int32{}
	for _, p := range unpreferred(t, brokers) {
		i := strings.LastIndex(p, "-")
		id, err := strconv.Atoi(p[i+1:])
		if err != nil {
			t.Fatal(err)
		}
		away[p[:i]] = append(away[p[:i]], int32(id))
	}
	if len(away) == 0 {
		return
	}
	if _, err := admin.ElectLeaders(sarama.PreferredElection, away); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every partition is led as it should be", func() bool { return len(unpreferred(t, brokers)) == 0 })
}

// inSync says what keeps a cluster's brokers from being told by each other and
// in sync everywhere. Each broker is asked over a connection of its own: one
// that died may be in sync in the eyes of others until its session ends.
func inSync(brokers []string) error {
	for _, broker := range brokers {
		if err := seesAll(broker, len(brokers)); err != nil {
			return fmt.Errorf("broker %s: %w", broker, err)
		}
	}
	return nil
}

func seesAll(broker string, count int) error {
	config := loadConfig()
	config.Metadata.Retry.Max = 0
	client, err := sarama.NewClient([]string{broker}, config)
	if err != nil {
		return err
	}
	defer client.Close()
	if n := len(client.Brokers()); n != count {
		return fmt.Errorf("it knows %d brokers of %d", n, count)
	}
	topics, err := client.Topics()
	if err != nil {
		return err
	}
	for _, topic := range topics {
		partitions, err := client.Partitions(topic)
		if err != nil {
			return err
		}
		for _, partition := range partitions {
			replicas, err := client.Replicas(topic, partition)
			if err != nil {
				return err
			}
			synced, err := client.InSyncReplicas(topic, partition)
			if err != nil {
				return err
			}
			if len(synced) < len(replicas) {
				return fmt.Errorf("of %s-%d the replicas %v are in sync, of %v", topic, partition, synced, replicas)
			}
		}
	}
	return nil
}

func bringUp(t *testing.T) error {
	p := shared.project
	if err := p.write(stackName, stackConfig); err != nil {
		return err
	}
	if keptProject == "" {
		if err := killedUp(t, p); err != nil {
			return err
		}
	}
	r, err := p.ops(context.WithoutCancel(t.Context()), "up", "--stack", stackName)
	if err != nil {
		return err
	}
	if r.code != 0 {
		return fmt.Errorf("ops up: exit code %d\n%s", r.code, r.all())
	}
	t.Logf("ops up said:\n%s", r.stdout)
	return nil
}

// killedUp begins a first install and kills it, with all of its processes, as
// soon as the first broker's files are being put on its machine.
func killedUp(t *testing.T, p project) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), opsPatience)
	defer cancel()
	cmd := p.command(ctx, "up", "--stack", stackName)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("ops up ended before it could be killed: %v\n%s", err, said.String())
		case <-time.After(200 * time.Millisecond):
		}
		// Until the machine is there this is an error, and asked again.
		if out, err := machine("weir-2").Exec(ctx, "ls", "/etc/weir"); err == nil && strings.Contains(out, "kafka") {
			err := p.killAll()
			<-ended
			return err
		}
	}
}

// machine is a machine of the shared cluster, for what is done to it from outside.
func machine(name string) testenv.Machine { return testenv.Machine{Stack: stackName, Name: name} }
