package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/provision/kafka"
	"weir/provision/remote"
)

const (
	// consoleLimit is for two Java virtual machines that start on machines at
	// work: 2 to 4 s each where nothing else runs.
	consoleLimit = 25 * time.Second
	// toolLimit ends a tool on its machine whatever becomes of us.
	toolLimit = 22 * time.Second
	// consoleMessages go from one machine to the other.
	consoleMessages = 30
	// consoleOutput bounds what a tool may print, in bytes: its lines are short,
	// and a stack trace is a few KiB.
	consoleOutput = 256 << 10
)

// checkConsole is the article's own test: Kafka's console producer on one
// machine, its console consumer on another. Both exit 0 when they fail, so what
// arrives is counted, here and once more on the topic itself.
func checkConsole(ctx context.Context, c *subject, r *record) {
	topic, ok := c.probeTopicFor(ctx, r)
	if !ok {
		return
	}
	r.doing("waiting for two machines to answer over SSH")
	producer, consumer := c.pair(ctx)
	if producer == "" {
		r.fail(c.noConsole()...)
		return
	}
	trip, err := c.newTrip(ctx, producer, consumer, len(topic.leaders))
	if err != nil {
		r.fail(c.unprobed(err))
		return
	}
	r.on(producer, consumer)
	r.doing("waiting for the console producer on %s and the console consumer on %s", producer, consumer)
	trip.run(ctx, c)
	r.fail(c.judgeTrip(trip)...)
	r.sum("%d of %d messages from %s to %s", trip.received.received(), consoleMessages, producer, consumer)
	r.note("console producer on %s, console consumer on %s, %s-%d from offset %d: %d of %d messages back, %d on the topic",
		producer, consumer, ProbeTopic, trip.partition, trip.from, trip.received.received(), consoleMessages, trip.stored)
}

// trip is one run of both tools.
type trip struct {
	producer, consumer string
	// prefix begins each of this run's messages; key sends them all to one
	// partition, which the consumer reads from the offset where they begin: no
	// group is made, and none is left behind.
	prefix, key string
	partition   int32
	from        int64

	received               *tally
	produceErr, consumeErr error
	// stored is how many of this run's messages the topic holds.
	stored    int
	storedErr error
}

// pair chooses the first two machines with a broker that answer over SSH, or
// the same one twice where there is but one.
func (c *subject) pair(ctx context.Context) (producer, consumer string) {
	names := brokerMachines(c.cluster)
	answers := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { _, answers[i] = c.Machine(ctx, name) })
	}
	wg.Wait()
	for i, name := range names {
		if answers[i] != nil {
			continue
		}
		c.answered.Store(true)
		if producer == "" {
			producer, consumer = name, name
		} else {
			return producer, name
		}
	}
	return producer, consumer
}

func (c *subject) noConsole() (f []Finding) {
	for _, name := range brokerMachines(c.cluster) {
		f = append(f, Finding{
			Machine: name, Found: "not reached over SSH", Expected: "an answer, to run Kafka's console tools there",
			Next: sshTo(c.machine(name), ""),
		})
	}
	return f
}

func (c *subject) newTrip(ctx context.Context, producer, consumer string, partitions int) (*trip, error) {
	client, err := c.Client(ctx)
	if err != nil {
		return nil, err
	}
	t := &trip{
		producer: producer, consumer: consumer, prefix: "console " + c.run + " ", key: c.run,
		partition: javaPartition([]byte(c.run), partitions), received: newTally(consoleMessages),
	}
	t.from, err = endOffset(ctx, client, ProbeTopic, t.partition)
	return t, err
}

// run starts both tools at once: each takes seconds to start, and the consumer
// needs no message to be there yet.
func (t *trip) run(ctx context.Context, c *subject) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if t.produceErr = t.produce(ctx, c); t.produceErr != nil {
			cancel() // nothing will come
		}
	})
	wg.Go(func() { t.consumeErr = t.consume(ctx, c) })
	wg.Wait()
	if t.produceErr != nil {
		return
	}
	t.stored, t.storedErr = t.count(context.WithoutCancel(ctx), c)
}

func (t *trip) produce(ctx context.Context, c *subject) error {
	var lines strings.Builder
	for seq := range consoleMessages {
		fmt.Fprintf(&lines, "%s:%s%d\n", t.key, t.prefix, seq)
	}
	_, err := c.Run(ctx, t.producer, remote.Script{
		Step: "console producer", Text: t.producerScript(c), Stdin: strings.NewReader(lines.String()), Limit: consoleOutput,
	})
	return err
}

func (t *trip) consume(ctx context.Context, c *subject) error {
	_, err := c.Run(ctx, t.consumer, remote.Script{
		Step: "console consumer", Text: t.consumerScript(c), Limit: consoleOutput,
		Line: func(line string) {
			if rest, ours := strings.CutPrefix(line, t.prefix); ours {
				if seq, err := strconv.Atoi(rest); err == nil {
					t.received.add(seq)
				}
			}
		},
	})
	return err
}

// toolSettings keep a tool small and its start short, and its log files out of
// the release's directory.
const toolSettings = `set -u
export LC_ALL=C
dir=$(mktemp -d) || exit 1
tool=
trap 'test -z "$tool" || kill "$tool" 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
export LOG_DIR="$dir" KAFKA_HEAP_OPTS=-Xmx128m
export KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
`

func (t *trip) producerScript(c *subject) string {
	return toolSettings + c.toolTimeout() +
		connect.ProducerTool(c.cluster, ProbeTopic, "--property", "parse.key=true", "--property", "key.separator=:") + " >/dev/null\n"
}

func (c *subject) toolTimeout() string {
	return fmt.Sprintf("timeout -k 2 %.0f ", c.within(toolLimit).Seconds())
}

// consumerScript ends the consumer as soon as all messages came: grep stops
// after that many lines. Waiting for its own idle timeout would cost seconds.
func (t *trip) consumerScript(c *subject) string {
	args := []string{"--topic", ProbeTopic, "--partition", strconv.Itoa(int(t.partition)), "--offset", strconv.FormatInt(t.from, 10)}
	if !has(c.cluster, kafka.BrokerClients) {
		args = []string{"--topic", ProbeTopic, "--from-beginning"} // as the article does; it knows no other way
	}
	return toolSettings + `mkfifo "$dir/out" || exit 1
` + c.toolTimeout() +
		connect.Tool(c.cluster, connect.ConsoleConsumer, args...) +
		` >"$dir/out" 2>"$dir/err" &
tool=$!
grep --line-buffered -F -m ` + strconv.Itoa(consoleMessages) + ` -e ` + remote.Quote(t.prefix) + ` <"$dir/out"
found=$?
kill "$tool" 2>/dev/null
wait "$tool" 2>/dev/null
tool=
if [ "$found" -ne 0 ]; then tail -n 5 "$dir/err" >&2; fi
exit 0
`
}

// count reads the partition itself: the number that went in, whatever the
// consumer showed.
func (t *trip) count(ctx context.Context, c *subject) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*readIdle)
	defer cancel()
	client, err := c.Client(ctx)
	if err != nil {
		return 0, err
	}
	to, err := endOffset(ctx, client, ProbeTopic, t.partition)
	if err != nil {
		return 0, err
	}
	n := 0
	err = readRange(ctx, client, ProbeTopic, t.partition, t.from, to, func(m *sarama.ConsumerMessage) {
		if strings.HasPrefix(string(m.Value), t.prefix) {
			n++
		}
	})
	return n, err
}

func (c *subject) judgeTrip(t *trip) []Finding {
	expected := fmt.Sprintf("%d messages produced on %s and consumed on %s, each once", consoleMessages, t.producer, t.consumer)
	finding := func(machine, found string) []Finding {
		return []Finding{{
			Machine: machine, Found: found, Expected: expected,
			Next: sshTo(c.machine(machine), connect.Tool(c.cluster, "kafka-topics.sh", "--describe", "--topic", ProbeTopic)),
		}}
	}
	switch {
	case t.produceErr != nil:
		return finding(t.producer, "the console producer failed: "+c.spoken(t.produceErr))
	case t.storedErr != nil:
		return finding(t.producer, "the topic could not be read back: "+t.storedErr.Error())
	case t.stored != consoleMessages:
		return finding(t.producer, fmt.Sprintf("%d of %d messages of the console producer are on the topic", t.stored, consoleMessages))
	case t.consumeErr != nil:
		return finding(t.consumer, "the console consumer failed: "+c.spoken(t.consumeErr))
	case t.received.wrong() != "":
		return finding(t.consumer, "console consumer: "+t.received.wrong())
	}
	return nil
}

// spoken is what a tool said of its failure, rather than how it was started.
func (c *subject) spoken(err error) string {
	var failed *remote.CommandError
	if errors.As(err, &failed) && failed.ExitCode == 124 {
		return fmt.Sprintf("not done after %.0f s", c.within(toolLimit).Seconds())
	}
	return err.Error()
}
