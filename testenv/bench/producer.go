package main

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"weir/provision/remote"
	"weir/testenv"
)

// What both producers send, each as fast as the cluster takes it: messages of
// the article, to a topic of its own, with the same settings. Ours sends more,
// so that both take about as long.
const (
	producerTopic = "bench-producer"
	producerProps = "acks=all enable.idempotence=true linger.ms=5 batch.size=262144 buffer.memory=33554432 compression.type=none"
	oursSent      = 40_000_000
	theirsSent    = 20_000_000
	// payloads is how many messages of ours Kafka's tool chooses from: it draws
	// a line of a file for each.
	payloads = 100_000
	// million is what times are given for.
	million = 1_000_000
)

// measureProducer compares weir-producer with kafka-producer-perf-test.sh on one
// machine of a cluster: ours, theirs, theirs, ours, five times each, after four runs
// in which the brokers warm up: with so little of the processors left to them, they
// compile for the first hundred million messages. Both print the same lines every five
// seconds; what comes before the first is their own warm-up, and counts for neither.
func measureProducer(ctx context.Context, l *lab) (findings, error) {
	s, err := l.ensureServing(ctx)
	if err != nil {
		return findings{}, err
	}
	p := producers{lab: l, site: s, machine: s.machines[0]}
	if err := p.prepare(ctx); err != nil {
		return findings{}, err
	}
	ours := timing("send a million messages, unlimited, idempotent, acks=all: `weir-producer`", 0)
	theirs := slower("… kafka-producer-perf-test.sh", ours, 2)
	oursCPU := timing("… processors' time of `weir-producer`", 0)
	theirsCPU := slower("… processors' time of kafka-producer-perf-test.sh", oursCPU, 0)
	a, b := p.ours(ours, oursCPU), p.theirs(theirs, theirsCPU)
	unseen := timing("warm-up of the brokers", 0)
	c, d := p.ours(unseen, unseen), p.theirs(unseen, unseen)
	for _, do := range []step{c, d, c, c, a, b, b, a, a, b, b, a, a, b} {
		if err := do(ctx); err != nil {
			return findings{}, err
		}
	}
	note := fmt.Sprintf("Both producers: on one of the machines, %s; %d and %d messages of %.1f bytes on average, without those of the first five seconds.",
		producerProps, oursSent, theirsSent, p.messageBytes)
	return findings{rows: []*measurement{ours, theirs, oursCPU, theirsCPU}, notes: []string{note}}, nil
}

// producers are two programs on one machine that write to the same cluster.
type producers struct {
	lab          *lab
	site         *site
	machine      testenv.Machine
	messageBytes float64
}

// Where our program and the messages are on the machine.
const (
	producerPath = "/tmp/weir-producer"
	payloadPath  = "/tmp/weir-messages"
)

// prepare brings our program to the machine, and makes messages of it.
func (p *producers) prepare(ctx context.Context) error {
	client, err := remote.Dial(ctx, reached(p.machine))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := upload(ctx, client, filepath.Join("bin", "jobs", "linux-"+runtime.GOARCH, "weir-producer"), producerPath); err != nil {
		return err
	}
	if err := p.topic(ctx); err != nil {
		return err
	}
	out, err := p.machine.Exec(ctx, "sh", "-ec", fmt.Sprintf(
		"%s --bootstrap-server %s --topic %s --interval 0s --num-records %d --seed 1 --metrics-address 127.0.0.1:0 2>/dev/null | grep '|' >%s\nstat -c %%s %[5]s",
		producerPath, remote.Quote(p.bootstrap()), producerTopic, payloads, payloadPath))
	if err != nil {
		return err
	}
	size, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
	p.messageBytes = size/payloads - 1 // without the end of the line
	return err
}

func (p *producers) bootstrap() string { return strings.Join(p.site.brokers().Bootstrap(), ",") }

// topic makes the topic anew; its files go at once, as there are many.
func (p *producers) topic(ctx context.Context) error {
	tool := fmt.Sprintf("/opt/weir/kafka/current/bin/kafka-topics.sh --bootstrap-server %s --topic %s ", remote.Quote(p.bootstrap()), producerTopic)
	_, err := p.machine.Exec(ctx, "sh", "-ec", tool+"--delete --if-exists\n"+
		"for i in 1 2 3 4 5; do "+tool+"--create --partitions 3 --replication-factor 3 --config file.delete.delay.ms=1000 && exit; sleep 1; done; exit 1")
	return err
}

func (p *producers) ours(wall, processor *measurement) step {
	return p.run(wall, processor, oursSent, fmt.Sprintf("%s --metrics-address 127.0.0.1:0 --bootstrap-server %s --throughput -1 --seed 1 --producer-props %s",
		producerPath, remote.Quote(p.bootstrap()), producerProps))
}

func (p *producers) theirs(wall, processor *measurement) step {
	return p.run(wall, processor, theirsSent, fmt.Sprintf(
		"/opt/weir/kafka/current/bin/kafka-producer-perf-test.sh --payload-file %s --throughput -1 --producer-props bootstrap.servers=%s %s",
		payloadPath, remote.Quote(p.bootstrap()), producerProps))
}

// watched runs a producer, and says behind its output how much processors' time
// it had used when it printed its first line, and in all.
const watched = `out=$(mktemp)
%s --topic %s --num-records %d >$out 2>&1 &
pid=$!
used() { awk '{print $14 + $15}' /proc/$pid/stat 2>/dev/null; }
first=
while now=$(used) && [ -n "$now" ] && [ "$now" != 0 -o -z "$first" ]; do
  last=$now
  [ -n "$first" ] || ! grep -q records/sec $out || first=$now
  sleep 0.1
done
wait $pid || { cat $out; exit 1; }
cat $out
echo "processors $first $last $(getconf CLK_TCK)"
rm $out`

// run measures one producer once, on an empty topic.
func (p *producers) run(wall, processor *measurement, messages int, command string) step {
	return func(ctx context.Context) error {
		if err := p.topic(ctx); err != nil {
			return err
		}
		out, err := p.machine.Exec(ctx, "bash", "-c", fmt.Sprintf(watched, command, producerTopic, messages))
		if err != nil {
			return err
		}
		took, used, err := perMillion(out, messages)
		if err != nil {
			return fmt.Errorf("%w in:\n%s", err, out)
		}
		p.lab.note(wall, took)
		p.lab.note(processor, used)
		return nil
	}
}

var (
	progressLine  = regexp.MustCompile(`(?m)^(\d+) records sent, ([\d.]+) records/sec \([\d.]+ MB/sec\), [\d.]+ ms avg latency, [\d.]+ ms max latency\.$`)
	lastLine      = regexp.MustCompile(`(?m)^(\d+) records sent, .* 99\.9th\.$`)
	processorLine = regexp.MustCompile(`(?m)^processors (\d+) (\d+) (\d+)$`)
)

// perMillion is what a million messages took, in time and in processors' time,
// after the first line of progress. Every message must have been sent.
func perMillion(out string, messages int) (took, used time.Duration, err error) {
	lines := progressLine.FindAllStringSubmatch(out, -1)
	last := lastLine.FindStringSubmatch(out)
	cpu := processorLine.FindStringSubmatch(out)
	if len(lines) < 2 || last == nil || cpu == nil {
		return 0, 0, fmt.Errorf("want two lines of progress and two at the end")
	}
	if last[1] != strconv.Itoa(messages) {
		return 0, 0, fmt.Errorf("%s messages were sent, want %d", last[1], messages)
	}
	sent, seconds := 0.0, 0.0
	for _, line := range lines[1:] {
		n, rate := number(line[1]), number(line[2])
		sent += n
		seconds += n / rate
	}
	ticks := (number(cpu[2]) - number(cpu[1])) / number(cpu[3])
	after := float64(messages) - number(lines[0][1])
	second := float64(time.Second)
	return time.Duration(seconds / sent * million * second), time.Duration(ticks / after * million * second), nil
}
