package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/popularity/store/postgres/postgrestest"
)

// trial is a producer and calculators on this computer, with a topic and a state
// of their own, to which everything may happen: in the end not a message may be
// lost or counted twice.
type trial struct {
	*flood
	random *rand.Rand
	// where are the flags that say where the state is.
	where []string
	// group is the consumer group in which offsets are mirrored.
	group       string
	producer    *process
	calculators []*calculator
	// starts is how often counting began at the topic's beginning.
	starts int
}

// What a trial's producer draws, and how much: so much that every commit has
// something, and that it can be recounted message by message.
const (
	trialSeed = 14
	trialRun  = "trial"
	trialRate = "20000"
)

// calculator is a calculator under trial; said is a file.
type calculator struct {
	*exec.Cmd
	said string
}

// newTrial makes the topics. The faults of a seed come in the same order again,
// though not at the same moments of the programs' work.
func newTrial(t *testing.T, topic string, seed uint64, where ...string) *trial {
	t.Helper()
	x := &trial{flood: newFlood(t, topic), random: rand.New(rand.NewPCG(seed, 0)), where: where, group: topic, starts: 1}
	x.shape.Bad, x.shape.Late = 0.001, 0.01
	compact := "compact"
	for _, name := range []string{x.snapshots(), x.letters()} {
		detail := &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 3, ConfigEntries: map[string]*string{"cleanup.policy": &compact}}
		if err := x.admin.CreateTopic(name, detail, false); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := x.removeTopic(name); err != nil {
				t.Errorf("remove topic %s: %v", name, err)
			}
		})
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("in this order again: WEIR_SOAK_SEED=%d", seed)
		}
	})
	return x
}

// in is the trial in a test within its test.
func (x *trial) in(t *testing.T) *trial {
	inner, l := *x, *x.flood
	l.t = t
	inner.flood, inner.calculators = &l, nil
	return &inner
}

// removeTopic uses a client of its own: the flood's has ended by then, or not.
func (x *trial) removeTopic(name string) error {
	admin, err := sarama.NewClusterAdmin(brokers, x.client.Config())
	if err != nil {
		return err
	}
	return errors.Join(admin.DeleteTopic(name), admin.Close())
}

func (x *trial) snapshots() string { return x.topic + ".popularity" }
func (x *trial) letters() string   { return x.topic + ".dead-letter" }

// produce starts the producer, or goes on with its run.
func (x *trial) produce() {
	x.t.Helper()
	x.producer = x.start("--seed", fmt.Sprint(trialSeed), "--run-id", trialRun, "--throughput", trialRate,
		"--bad", fmt.Sprint(x.shape.Bad), "--late", fmt.Sprint(x.shape.Late))
}

// count starts a calculator, the first or one that has ended before. It commits
// often, as it is at commits that something can go wrong.
func (x *trial) count(instance int) {
	x.t.Helper()
	x.countWith(instance, append([]string{"--group", x.group, "--instance", fmt.Sprintf("instance-%d", instance)}, x.where...)...)
}

func (x *trial) countWith(instance int, args ...string) {
	x.t.Helper()
	said, err := os.CreateTemp(x.t.TempDir(), "said-")
	if err != nil {
		x.t.Fatal(err)
	}
	defer said.Close() // the process has it
	c := &calculator{said: said.Name()}
	c.Cmd = exec.Command(filepath.Join(shared.dir, "bin", "jobs", "linux-"+runtime.GOARCH, "weir-popularity"),
		append([]string{"--bootstrap-server", strings.Join(brokers, ","), "--topic", x.topic, "--interval", "100ms",
			"--snapshot-interval", "1s", "--metrics-address", "127.0.0.1:0"}, args...)...)
	c.Stderr = said
	if err := c.Start(); err != nil {
		x.t.Fatal(err)
	}
	x.calculators = slices.Grow(x.calculators, instance+1)[:max(len(x.calculators), instance+1)]
	x.calculators[instance] = c
	x.t.Cleanup(func() { // it has ended, where all went well
		if c.ProcessState == nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
		if x.t.Failed() {
			x.t.Logf("a calculator said:\n%s", c.end())
		}
	})
}

// mostSaid is how much is shown of what a program said: its end tells most.
const mostSaid = 8 << 10

func (c *calculator) text() string {
	text, err := os.ReadFile(c.said)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (c *calculator) end() string {
	text := c.text()
	if before, stacks, dumped := strings.Cut(text, "SIGQUIT"); dumped {
		return before[max(0, len(before)-mostSaid):] + stacks[:min(len(stacks), 10*mostSaid)]
	}
	return text[max(0, len(text)-mostSaid):]
}

// stop sends a signal to a calculator and waits for an exit code; -1 is that of a
// kill.
func (x *trial) stop(instance int, signal syscall.Signal, code int) {
	x.t.Helper()
	c := x.calculators[instance]
	if err := c.Process.Signal(signal); err != nil {
		x.t.Fatal(err)
	}
	x.await(c, code)
}

// farewellPatience bounds the end of a calculator that was told to, or cannot go on: it
// gives itself 20 s to publish its last commit, and 5 to give partitions back.
const farewellPatience = time.Minute

// await waits until a calculator ends. One that does not says where it stands.
func (x *trial) await(c *calculator, code int) {
	x.t.Helper()
	timer := time.AfterFunc(farewellPatience, func() { _ = c.Process.Signal(syscall.SIGQUIT) })
	_ = c.Wait() // the exit code says it
	if timer.Stop(); c.ProcessState.ExitCode() != code {
		x.t.Fatalf("the calculator ended with exit code %d, want %d\n%s", c.ProcessState.ExitCode(), code, c.end())
	}
}

// says waits until a calculator has said something so many times.
func (x *trial) says(instance int, what string, times int) {
	x.t.Helper()
	x.until(fmt.Sprintf("the calculator %d says %q", instance, what), func() bool {
		return strings.Count(x.calculators[instance].text(), what) >= times
	})
}

// moment lets the programs work for up to a time: any moment is one to be killed
// at.
func (x *trial) moment(most time.Duration) {
	time.Sleep(time.Duration(x.random.Int64N(int64(most))))
}

// ends are the offsets behind all records, markers included.
func (x *trial) ends() (ends [3]int64) {
	x.t.Helper()
	for partition := range ends {
		end, err := x.client.GetOffset(x.topic, int32(partition), sarama.OffsetNewest)
		if err != nil {
			x.t.Fatal(err)
		}
		ends[partition] = end
	}
	return ends
}

// countedAll waits until everything that the topic holds is counted and committed.
func (x *trial) countedAll() {
	x.t.Helper()
	ends := x.ends()
	x.until("everything is counted", func() bool { return x.mirrored() == ends })
}

// mirrored are the offsets that the group has; what cannot be asked now is 0.
func (x *trial) mirrored() [3]int64 { return [3]int64(x.mirroredOf(0, 1, 2)) }

func (x *trial) mirroredOf(partitions ...int32) []int64 {
	next := make([]int64, len(partitions))
	offsets, err := x.admin.ListConsumerGroupOffsets(x.group, map[string][]int32{x.topic: partitions})
	if err != nil {
		_ = x.client.RefreshCoordinator(x.group) // it may have moved; asked again
		return next
	}
	for i, partition := range partitions {
		if block := offsets.GetBlock(x.topic, partition); block != nil {
			next[i] = max(0, block.Offset)
		}
	}
	return next
}

// killBroker kills a broker and does something while it is away.
func (x *trial) killBroker(name string, meanwhile func()) {
	x.t.Helper()
	pid := mainPID(x.t, name, "weir-kafka.service")
	inside(x.t, name, "kill", "-KILL", pid)
	meanwhile()
	x.until("the broker is back in sync", func() bool { return mainPID(x.t, name, "weir-kafka.service") != pid && x.healthy() })
}

// killAndRestart kills the calculator and the producer, each at a moment of its own.
func (x *trial) killAndRestart(instance int) {
	x.t.Helper()
	x.moment(time.Second)
	x.stop(instance, syscall.SIGKILL, -1)
	x.count(instance)
	x.moment(time.Second)
	x.end(x.producer, syscall.SIGKILL, -1)
	x.produce()
}

// database is PostgreSQL for the trials that need it.
var database postgrestest.Server

// smallDisk is a file system of so many bytes in memory, for a state; where this
// user may not mount one, it is a directory, and limited is false.
func smallDisk(t *testing.T, bytes int) (dir string, limited bool) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes))
	if errors.Is(err, syscall.EPERM) {
		t.Log("NOT TESTED: a full disk, as to mount a small one takes root")
		return dir, false
	}
	if err != nil {
		t.Fatalf("mount a small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir, true
}

// fillDisk leaves no room where a directory is, until empty is called.
func fillDisk(t *testing.T, dir string) (empty func()) {
	t.Helper()
	ballast := filepath.Join(dir, "ballast")
	file, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = file.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	return func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	}
}

// fullDisk has the calculator meet a full disk, at work and at a start, and go on
// when there is room again.
func (x *trial) fullDisk(dir string) {
	x.t.Helper()
	empty := fillDisk(x.t, dir)
	x.await(x.calculators[0], 1)
	x.count(0)
	x.await(x.calculators[0], 1)
	wantAll(x.t, x.calculators[0].text(), "no space left on device")
	empty()
	x.count(0)
}

// finish ends the producer, has all of it counted, and ends the calculators.
func (x *trial) finish() {
	x.t.Helper()
	x.end(x.producer, syscall.SIGTERM, 0)
	x.countedAll()
	for i := range x.calculators {
		x.stop(i, syscall.SIGTERM, 0)
	}
}

// faultSeed is that of the faults' order, from the environment or a new one.
func faultSeed(t *testing.T) uint64 {
	t.Helper()
	var seed uint64
	if _, err := fmt.Sscan(cmp.Or(os.Getenv("WEIR_SOAK_SEED"), fmt.Sprint(rand.Uint64())), &seed); err != nil {
		t.Fatalf("WEIR_SOAK_SEED: %v", err)
	}
	return seed
}
