package producer

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"weir/jobs/program"
)

const (
	// defaultBound is above the time that a three-node cluster needs to elect
	// leaders after losing a machine (18 s of session, then the election),
	// several times over.
	defaultBound = 2 * time.Minute
	// A batch is sent when it is this old or this large: small enough a delay
	// not to be seen, large enough for full speed.
	defaultLinger    = 5 * time.Millisecond
	defaultBatchSize = 256 << 10
	// defaultBufferMemory is that of Kafka's own producer.
	defaultBufferMemory = 32 << 20
)

// words are the flags that need to be understood.
type words struct {
	bootstrap, version, acks, codec, throughput string
	idempotence                                 bool
}

// flags declares the command line; check turns raw values into settings and
// reports the first that is wrong.
func (s *Settings) flags(f *program.Flags) (check func() error) {
	var w words
	f.StringVar(&w.bootstrap, "bootstrap-server", "127.0.0.1:9092", "brokers to start from, `host:port,...`")
	f.StringVar(&w.version, "kafka-version", "", "the brokers' `version`, where they do not tell it: before 0.10, such as 0.8.2.1")
	f.StringVar(&s.Topic, "topic", "user-behavior-topic", "topic to send to")
	s.paceFlags(f, &w)
	s.messageFlags(f)
	s.deliveryFlags(f, &w)
	f.StringVar(&s.Manifest, "manifest", "", "write a JSON `file` with the exact sums of each page over all that was acknowledged, at the end")
	f.StringVar(&s.Report, "report", "", "write a JSON `file` with throughput and latencies, at the end")
	f.StringVar(&s.MetricsAddress, "metrics-address", "127.0.0.1:9401", "serve /metrics and /healthy on `host:port`")
	f.BoolVar(&s.Quiet, "quiet", false, "do not print messages, rounds and progress")
	return func() error { return s.read(w) }
}

func (s *Settings) paceFlags(f *program.Flags, w *words) {
	f.StringVar(&w.throughput, "throughput", "", "`rate` in messages per second: "+throughputForms)
	f.DurationVar(&s.Interval, "interval", 5*time.Second, "pause between rounds; 0 for none")
	f.Int64Var(&s.Rounds, "rounds", 0, "stop after this many rounds; 0 for never")
	f.Int64Var(&s.Records, "num-records", 0, "stop after this many messages; 0 for never")
	f.DurationVar(&s.Duration, "duration", 0, "stop after this time; 0 for never")
}

func (s *Settings) messageFlags(f *program.Flags) {
	article := Article()
	f.IntVar(&s.Shape.Pages, "pages", article.Pages, "number of pages")
	f.Float64Var(&s.Shape.Zipf, "zipf", article.Zipf, "choose page n in proportion to 1/n to this power; 0 chooses all alike")
	f.IntVar(&s.Shape.MaxMessages, "max-messages", article.MaxMessages, "a round has 2 to this many plus one messages")
	f.IntVar(&s.Shape.MaxClicks, "max-clicks", article.MaxClicks, "most clicks of a message; the least is 1")
	f.IntVar(&s.Shape.MaxStay, "max-stay", article.MaxStay, "stays are below this many `minutes`")
	f.Float64Var(&s.Shape.Bad, "bad", article.Bad, "`share` of messages, from 0 to 1, that are none and must be refused")
	f.Float64Var(&s.Shape.Late, "late", article.Late, "`share` of messages, from 0 to 1, whose timestamp is in the past")
	f.DurationVar(&s.Shape.LateBy, "late-by", article.LateBy, "how much in the past it is at most")
	f.Uint64Var(&s.Seed, "seed", 0, "seed of the messages; 0 draws one and prints it, with --run-id it follows from that")
	f.StringVar(&s.Run, "run-id", "", "`name` of a run that is gone on with where it ended, also after a kill; its messages carry it in the header weir-run")
}

func (s *Settings) deliveryFlags(f *program.Flags, w *words) {
	f.StringVar(&w.acks, "acks", "all", "acknowledgements to wait for: all, 1 or 0")
	f.BoolVar(&w.idempotence, "idempotence", true, "with --acks all: no duplicate and no other order, whatever fails")
	f.StringVar(&w.codec, "compression-type", "none", "`codec`: none, gzip, snappy, lz4 or zstd")
	f.DurationVar(&s.Linger, "linger", defaultLinger, "how long a batch waits to be filled")
	f.IntVar(&s.BatchSize, "batch-size", defaultBatchSize, "most `bytes` of a batch, before compression")
	f.IntVar(&s.BufferMemory, "buffer-memory", defaultBufferMemory, "most `bytes` of all batches that are filled or on their way")
	f.DurationVar(&s.Bound, "delivery-timeout", defaultBound, "a message not acknowledged by then ends the program with exit code 1")
	f.Func("producer-props", "`settings` as kafka-producer-perf-test.sh takes them, NAME=VALUE ...: "+propNames(), func(text string) error {
		return setProps(f.FlagSet, text)
	})
	f.Func("producer.config", "the same settings in a `file`, one a line; of what is said twice, the later one on the command line counts", func(path string) error {
		return setPropsFile(f.FlagSet, path)
	})
}

// setPropsFile sets the flags of settings in a file of Java's properties, one a
// line.
func setPropsFile(f *flag.FlagSet, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		name, value, _ := strings.Cut(line, "=")
		if err := setProps(f, strings.TrimSpace(name)+"="+strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// props are the settings of Kafka's own producer that have a flag here, in the
// order in which they are shown.
var props = []struct{ name, flag, unit string }{
	{"acks", "acks", ""},
	{"batch.size", "batch-size", ""},
	{"bootstrap.servers", "bootstrap-server", ""},
	{"buffer.memory", "buffer-memory", ""},
	{"compression.type", "compression-type", ""},
	{"delivery.timeout.ms", "delivery-timeout", "ms"},
	{"enable.idempotence", "idempotence", ""},
	{"linger.ms", "linger", "ms"},
}

func propNames() string {
	var names []string
	for _, p := range props {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// setProps sets the flags of settings that are separated by spaces.
func setProps(f *flag.FlagSet, text string) error {
next:
	for _, setting := range strings.Fields(text) {
		name, value, _ := strings.Cut(setting, "=")
		for _, p := range props {
			if p.name != name {
				continue
			}
			if err := f.Set(p.flag, value+p.unit); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			continue next
		}
		return fmt.Errorf("%s is not known here; known are %s", name, propNames())
	}
	return nil
}

// joinProps makes one argument of the settings that follow --producer-props: in
// Kafka's own tool each is an argument.
func joinProps(args []string) []string {
	var joined []string
	inside := false
	for _, arg := range args {
		switch {
		case inside && !strings.HasPrefix(arg, "-"):
			last := &joined[len(joined)-1]
			*last = strings.TrimSpace(*last + " " + arg)
			continue
		case strings.TrimLeft(arg, "-") == "producer-props":
			inside = true
			joined = append(joined, arg, "")
			continue
		case strings.HasPrefix(strings.TrimLeft(arg, "-"), "producer-props="):
			inside = true
			joined = append(joined, arg)
			continue
		}
		inside = false
		joined = append(joined, arg)
	}
	return joined
}
