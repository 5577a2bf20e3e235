package console

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/topic"
	"weir/provision/kafka"
	"weir/provision/remote"
)

// toolSettings keep a tool small, its start short, and its log files out of the
// release's directory.
const toolSettings = `set -u
export LC_ALL=C
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 143' HUP INT TERM
export LOG_DIR="$dir" KAFKA_HEAP_OPTS=-Xmx256m
export KAFKA_JVM_PERFORMANCE_OPTS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
`

// outputLimit bounds what a tool may print, in bytes: a topic's worth.
const outputLimit = 1 << 40

// consumerArgs are the reading in the words of kafka-console-consumer.sh, which
// has none for JSON, for several partitions or for a time; that of a version before
// brokers answered it has none for most of this.
func (r Reading) consumerArgs(version kafka.Version) ([]string, error) {
	args := []string{"--topic", r.Topic}
	if version.Features.Has(kafka.Transactions) {
		args = append(args, "--isolation-level", "read_committed")
	}
	switch {
	case !version.Features.Has(kafka.BrokerClients) && (len(r.Partitions) > 0 || r.Start.Offset != nil || r.Timeout > 0 || r.Format.Headers):
		return nil, fmt.Errorf("kafka-console-consumer.sh of Kafka %s knows no partition, offset, timeout or headers; leave out --jvm", version.Name)
	case r.Format.JSON:
		return nil, fmt.Errorf("kafka-console-consumer.sh writes no JSON; leave out --jvm")
	case len(r.Partitions) > 1:
		return nil, fmt.Errorf("kafka-console-consumer.sh reads one partition or all; leave out --jvm")
	case r.Start.Time != nil:
		return nil, fmt.Errorf("kafka-console-consumer.sh begins at no time; leave out --jvm")
	case r.ToEnd:
		return nil, fmt.Errorf("kafka-console-consumer.sh does not know the end; leave out --jvm, or say --timeout")
	case r.Start.Offset != nil && (len(r.Partitions) == 0 || *r.Start.Offset < 0):
		return nil, fmt.Errorf("kafka-console-consumer.sh takes an offset of 0 or more, of one --partition; leave out --jvm")
	}
	if len(r.Partitions) == 1 {
		args = append(args, "--partition", strconv.Itoa(int(r.Partitions[0])))
	}
	switch {
	case r.Start.Beginning:
		args = append(args, "--from-beginning")
	case r.Start.Offset != nil:
		args = append(args, "--offset", strconv.FormatInt(*r.Start.Offset, 10))
	}
	if r.Count > 0 {
		args = append(args, "--max-messages", strconv.Itoa(r.Count))
	}
	if r.Timeout > 0 {
		args = append(args, "--timeout-ms", strconv.FormatInt(r.Timeout.Milliseconds(), 10))
	}
	if r.Format.Key {
		args = append(args, "--property", "print.key=true", "--property", "key.separator="+r.Format.Separator)
	}
	if r.Format.Headers {
		args = append(args, "--property", "print.headers=true")
	}
	return args, nil
}

// ConsumeJVM has the console consumer of a machine do the reading. It exits with
// 0 whatever it got: its lines are counted.
func ConsumeJVM(ctx context.Context, s *connect.Session, machine string, r Reading, out io.Writer) (read int, err error) {
	args, err := r.consumerArgs(kafka.Assume(s.Cluster.Kafka.Version))
	if err != nil {
		return 0, err
	}
	var failed error
	_, err = s.Run(ctx, machine, remote.Script{
		Step: "console consumer", Text: toolSettings + connect.Tool(s.Cluster, connect.ConsoleConsumer, args...) + "\n", Limit: outputLimit,
		Line: func(line string) {
			if _, err := io.WriteString(out, line+"\n"); err != nil {
				failed = err
				return
			}
			read++
		},
	})
	switch {
	case failed != nil:
		return read, failed
	case ctx.Err() != nil && r.Count == 0:
		return read, nil
	case err != nil:
		return read, err
	case read < r.Count:
		return read, fmt.Errorf("the console consumer ended after %d of %d records", read, r.Count)
	}
	return read, nil
}

// ProduceJVM has the console producer of a machine write the lines. It exits with
// 0 whatever became of them: how far the topic's ends moved is looked at, which
// tells only "at least" where others write too.
func ProduceJVM(ctx context.Context, s *connect.Session, machine string, w Writing, in io.Reader) (Written, error) {
	switch {
	case w.Format.JSON:
		return Written{}, fmt.Errorf("kafka-console-producer.sh reads no JSON; leave out --jvm")
	case w.Partition != nil || w.Key != nil || len(w.Headers) > 0:
		return Written{}, fmt.Errorf("kafka-console-producer.sh has no partition, key or headers for all records; leave out --jvm")
	}
	var args []string
	if w.Format.Key {
		args = append(args, "--property", "parse.key=true", "--property", "key.separator="+w.Format.Separator)
	}
	before, err := ends(ctx, s, w.Topic)
	if err != nil {
		return Written{}, err
	}
	counted := &counter{in: in}
	_, err = s.Run(ctx, machine, remote.Script{
		Step: "console producer", Text: toolSettings + connect.ProducerTool(s.Cluster, w.Topic, args...) + "\n", Stdin: counted, Limit: outputLimit,
		Line: func(string) {},
	})
	after, endErr := ends(context.WithoutCancel(ctx), s, w.Topic)
	if endErr != nil {
		return Written{}, fmt.Errorf("how many records were written is not known: %w", endErr)
	}
	lines := counted.count()
	done := Written{Acknowledged: min(lines, int(after-before))}
	done.Failed = lines - done.Acknowledged
	if err == nil && done.Failed > 0 {
		err = fmt.Errorf("the topic grew by %d records only", after-before)
	}
	return done, err
}

// ends is the sum of a topic's end offsets.
func ends(ctx context.Context, s *connect.Session, name string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, endsPatience)
	defer cancel()
	view, err := s.View(ctx)
	if err != nil {
		return 0, err
	}
	partitions := view.Of(name)
	if len(partitions) == 0 {
		return 0, fmt.Errorf("topic %s: %w", name, kafka.ErrNoTopic)
	}
	offsets, failed := topic.Offsets(ctx, s, view, partitions, sarama.OffsetNewest)
	for at, err := range failed {
		return 0, fmt.Errorf("the end of %s-%d is not told: %w", at.Topic, at.ID, err)
	}
	var sum int64
	for _, n := range offsets {
		sum += n
	}
	return sum, nil
}

// endsPatience bounds the question for a topic's ends.
const endsPatience = 15 * time.Second

// counter counts the lines that go through it; a last one without a newline too.
type counter struct {
	in    io.Reader
	lines int
	begun bool
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	for _, b := range p[:n] {
		c.begun = b != '\n'
		if b == '\n' {
			c.lines++
		}
	}
	return n, err
}

func (c *counter) count() int {
	if c.begun {
		return c.lines + 1
	}
	return c.lines
}
