package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/producer"
)

// brokers of the shared cluster, as this computer reaches them.
var brokers = []string{"172.30.78.11:9092", "172.30.78.12:9092", "172.30.78.13:9092"}

// flood is a topic of a test's own, with three partitions, and what is known of it.
type flood struct {
	t      *testing.T
	topic  string
	client sarama.Client
	admin  sarama.ClusterAdmin
}

// newFlood makes the topic, and removes it after the test.
func newFlood(t *testing.T, topic string) *flood {
	t.Helper()
	cluster(t)
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Metadata.AllowAutoTopicCreation = false
	client, err := sarama.NewClient(brokers, config)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		t.Fatal(err)
	}
	if err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 3}, false); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(admin.DeleteTopic(topic), admin.Close()); err != nil {
			t.Errorf("remove topic %s: %v", topic, err)
		}
	})
	return &flood{t, topic, client, admin}
}

// process is a producer on this computer, with a manifest.
type process struct {
	*exec.Cmd
	manifest string
	said     *bytes.Buffer
}

// start starts a producer of the flood; small batches make for many in flight.
func (l *flood) start(args ...string) *process {
	l.t.Helper()
	p := &process{manifest: filepath.Join(l.t.TempDir(), "manifest.json"), said: &bytes.Buffer{}}
	p.Cmd = exec.Command(filepath.Join(shared.dir, "bin", "jobs", "linux-"+runtime.GOARCH, "weir-producer"),
		append([]string{"--bootstrap-server", strings.Join(brokers, ","), "--topic", l.topic, "--throughput", "-1",
			"--batch-size", "8192", "--quiet", "--metrics-address", "127.0.0.1:0", "--manifest", p.manifest}, args...)...)
	p.Stdout, p.Stderr = p.said, p.said
	if err := p.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { // it has ended, where all went well
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
		if l.t.Failed() {
			l.t.Logf("a producer said:\n%s", p.said)
		}
	})
	return p
}

// end sends a signal and waits for an exit code; -1 is that of a kill.
func (l *flood) end(p *process, signal syscall.Signal, code int) {
	l.t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		l.t.Fatal(err)
	}
	_ = p.Wait() // the exit code says it
	if got := p.ProcessState.ExitCode(); got != code {
		l.t.Fatalf("the producer ended with exit code %d, want %d\n%s", got, code, p.said)
	}
}

// leaders are the leaders of the topic's partitions; nil where they cannot be asked.
func (l *flood) leaders() (leaders []int32) {
	topics, err := l.admin.DescribeTopics([]string{l.topic})
	if err != nil || len(topics) != 1 {
		return nil
	}
	for _, p := range topics[0].Partitions {
		leaders = append(leaders, p.Leader)
	}
	return leaders
}

// healthy asks every broker itself: one that was killed is in sync in the eyes
// of the others until its session ends.
func (l *flood) healthy() bool { return inSync(brokers) == nil }

// more waits until the topic holds so many records more than now.
func (l *flood) more(records int64) {
	l.t.Helper()
	before := l.size()
	l.until(fmt.Sprintf("%d more records", records), func() bool { return l.size() >= before+records })
}

// floodPatience bounds the wait for a broker that was killed to be in sync
// again, and the reading of a partition: a session of 18 s and a start of 10,
// many times over, as two cores may serve three brokers and a flood.
const floodPatience = 3 * time.Minute

// until waits until something holds.
func (l *flood) until(what string, holds func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(floodPatience); !holds(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("waited %s: %s", floodPatience, what)
		}
	}
}

// size is how many offsets the topic has; what cannot be asked now counts as 0.
func (l *flood) size() (n int64) {
	for partition := range int32(3) {
		end, err := l.client.GetOffset(l.topic, partition, sarama.OffsetNewest)
		if err != nil {
			return 0
		}
		n += end
	}
	return n
}

// read returns every record of a partition, in order, as a consumer of
// committed records sees them.
func (l *flood) read(partition int32, see func(*sarama.ConsumerMessage)) {
	l.t.Helper()
	end, err := l.client.GetOffset(l.topic, partition, sarama.OffsetNewest)
	if err != nil {
		l.t.Fatal(err)
	}
	consumer, err := sarama.NewConsumerFromClient(l.client)
	if err != nil {
		l.t.Fatal(err)
	}
	defer consumer.Close()
	from, err := consumer.ConsumePartition(l.topic, partition, sarama.OffsetOldest)
	if err != nil {
		l.t.Fatal(err)
	}
	defer from.Close()
	ctx, cancel := context.WithTimeout(l.t.Context(), floodPatience)
	defer cancel()
	for {
		select {
		case m := <-from.Messages():
			see(m)
			if m.Offset == end-1 {
				return
			}
		case <-ctx.Done():
			l.t.Fatalf("partition %d was not read up to offset %d within %s", partition, end, floodPatience)
		}
	}
}

// compare recounts the topic, message by message and in plain arithmetic. Each
// partition must hold what the seed gives it, from the first message on, once,
// in order and nothing else; and the sums must be the manifest's.
func (l *flood) compare(p *process, seed uint64, run string) error {
	l.t.Helper()
	text, err := os.ReadFile(p.manifest)
	if err != nil {
		return err
	}
	var manifest producer.Manifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return err
	}
	if manifest.Unknown != 0 || manifest.Seed != seed {
		return fmt.Errorf("the manifest has %d unknown messages, seed %d; want none, and %d", manifest.Unknown, manifest.Seed, seed)
	}
	sums := recount{}
	for partition := range 3 {
		expected := producer.NewGenerator(producer.Article(), seed)
		held, number := int64(0), 0
		var wrong error
		l.read(int32(partition), func(m *sarama.ConsumerMessage) {
			v := expected.Next()
			for ; number%3 != partition; number++ {
				v = expected.Next()
			}
			if want := string(v.AppendText(nil)); wrong == nil && string(m.Value) != want {
				wrong = fmt.Errorf("partition %d offset %d holds %s, want message %d, %s", partition, m.Offset, m.Value, number, want)
			}
			if want := fmt.Sprintf("%s/3/%d", run, number); wrong == nil && run != "" && (len(m.Headers) != 1 || string(m.Headers[0].Value) != want) {
				wrong = fmt.Errorf("partition %d offset %d has the headers %v, want %s", partition, m.Offset, m.Headers, want)
			}
			number++
			held++
			sums.add(string(m.Value))
		})
		if wrong != nil {
			return wrong
		}
		if counted := manifest.Partitions[partition].Acknowledged; counted != held {
			return fmt.Errorf("partition %d holds %d messages, %d were acknowledged", partition, held, counted)
		}
	}
	return sums.equal(manifest)
}

// recount are sums of pages, added up without the jobs' arithmetic.
type recount map[string]*[4]int64 // messages, clicks, minutes in 1e-9, likes

func (r recount) add(value string) {
	fields := strings.Split(value, "|")
	sums := r[fields[0]]
	if sums == nil {
		sums = &[4]int64{}
		r[fields[0]] = sums
	}
	clicks, err1 := strconv.ParseInt(fields[1], 10, 64)
	likes, err2 := strconv.ParseInt(fields[3], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		panic(err) // it has been compared with a message already
	}
	for i, n := range []int64{1, clicks, nano(fields[2]), likes} {
		sums[i] += n
	}
}

// nano is a decimal number in units of 1e-9, half to even.
func nano(text string) int64 {
	whole, fraction, _ := strings.Cut(text, ".")
	if n, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", max(0, 9-len(fraction))), 10, 64); err == nil && len(fraction) <= 9 {
		return n
	}
	exact, _ := new(big.Rat).SetString(text) // with an exponent, or more digits
	exact.Mul(exact, big.NewRat(1_000_000_000, 1))
	quotient, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	if twice := rest.Lsh(rest, 1).Cmp(exact.Denom()); twice > 0 || twice == 0 && quotient.Bit(0) == 1 {
		return quotient.Int64() + 1
	}
	return quotient.Int64()
}

func (r recount) equal(m producer.Manifest) error {
	if len(r) != len(m.Pages) {
		return fmt.Errorf("the topic has %d pages, the manifest %d", len(r), len(m.Pages))
	}
	for page, got := range r {
		sums := m.Pages[page]
		if want := [4]int64{sums.N, sums.Clicks, int64(sums.StayNano.Lo), sums.Like}; *got != want || sums.StayNano.Hi != 0 {
			return fmt.Errorf("page %s: the topic has %v, the manifest %v", page, *got, want)
		}
	}
	return nil
}

func TestAnUnlimitedProducerLosesAndRepeatsNothingWhenBrokersDieAndLeadersMove(t *testing.T) {
	l := newFlood(t, "flood-faults")
	p := l.start("--seed", "11")
	for _, victim := range []string{"weir-2", "weir-3"} {
		l.more(50_000)
		pid := mainPID(t, victim, "weir-kafka.service")
		inside(t, victim, "kill", "-KILL", pid)
		l.until("the broker is back in sync", func() bool { return mainPID(t, victim, "weir-kafka.service") != pid && l.healthy() })
		before := l.leaders()
		l.more(50_000)
		if _, err := l.admin.ElectLeaders(sarama.PreferredElection, map[string][]int32{l.topic: {0, 1, 2}}); err != nil {
			t.Fatal(err)
		}
		if slices.Equal(before, l.leaders()) {
			t.Logf("no leader moved back from %v", before)
		}
	}
	l.more(50_000)
	l.end(p, syscall.SIGTERM, 0)
	t.Logf("the producer said:\n%s", p.said)
	if err := l.compare(p, 11, ""); err != nil {
		t.Fatal(err)
	}
	// The comparison can fail: it sees a single record too many.
	l.plant("page1|1|1.0|1")
	if err := l.compare(p, 11, ""); err == nil {
		t.Error("a record that nobody counted was not noticed")
	}
}

// plant puts a record into partition 0.
func (l *flood) plant(value string) {
	l.t.Helper()
	config := *l.client.Config()
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll // else readers may not see it yet
	config.Producer.Partitioner = sarama.NewManualPartitioner
	sync, err := sarama.NewSyncProducer(brokers, &config)
	if err != nil {
		l.t.Fatal(err)
	}
	defer sync.Close()
	if _, _, err := sync.SendMessage(&sarama.ProducerMessage{Topic: l.topic, Value: sarama.StringEncoder(value)}); err != nil {
		l.t.Fatal(err)
	}
}

func TestAKilledRunGoesOnWithoutLossOrRepetition(t *testing.T) {
	l := newFlood(t, "flood-runs")
	args := []string{"--seed", "12", "--run-id", "nightly"}
	for range 4 {
		p := l.start(args...)
		l.more(20_000)
		time.Sleep(rand.N(300 * time.Millisecond)) // any moment is one to be killed at
		l.end(p, syscall.SIGKILL, -1)
	}
	frozen := l.start(args...)
	l.more(20_000)
	if err := frozen.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	last := l.start(args...)
	l.more(20_000)
	l.end(frozen, syscall.SIGCONT, 1)
	wantAll(t, frozen.said.String(), "another producer has taken over the run")
	l.more(20_000)
	l.end(last, syscall.SIGTERM, 0)
	if err := l.compare(last, 12, "nightly"); err != nil {
		t.Fatalf("%v\n%s", err, last.said)
	}
}

func TestOneSeedGivesTheSameBytesInTheSamePlaces(t *testing.T) {
	for _, pace := range []string{"-1", "20000"} {
		t.Run("throughput "+pace, func(t *testing.T) {
			l := newFlood(t, "flood-seed"+pace)
			p := l.start("--seed", "13", "--throughput", pace, "--num-records", "30000", "--compression-type", "lz4")
			if err := p.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, p.said)
			}
			if err := l.compare(p, 13, ""); err != nil {
				t.Fatal(err)
			}
		})
	}
}
