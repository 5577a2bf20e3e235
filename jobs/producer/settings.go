package producer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
	"weir/jobs/program"
)

// Settings is what a producer is told on its command line.
type Settings struct {
	Brokers []string
	Topic   string
	Shape   Shape
	// Interval is the pause between rounds; 0 sends without a pause.
	Interval time.Duration
	// Rounds and Count end the producer after so many rounds or messages; 0 is never.
	Rounds, Count int64
	// Seed is never 0 once read.
	Seed uint64
	// Acks is sarama's; anything but WaitForAll turns idempotence off.
	Acks sarama.RequiredAcks
	// Bound is how long a message may stay unacknowledged.
	Bound          time.Duration
	MetricsAddress string
	Quiet          bool
}

// defaultBound is above the time that a three-node cluster needs to elect
// leaders after losing a machine (18 s of session, then the election), several
// times over.
const defaultBound = 2 * time.Minute

// flags declares the command line; what it returns turns raw values into
// settings and reports the first that is wrong.
func (s *Settings) flags(f *program.Flags) (check func() error) {
	article := Article()
	bootstrap := f.String("bootstrap-server", "127.0.0.1:9092", "brokers to start from, `host:port,...`")
	acks := f.String("acks", "all", "acknowledgements to wait for: all, 1 or 0; all is idempotent")
	f.StringVar(&s.Topic, "topic", "user-behavior-topic", "topic to send to")
	f.IntVar(&s.Shape.Pages, "pages", article.Pages, "number of pages")
	f.IntVar(&s.Shape.MaxMessages, "max-messages", article.MaxMessages, "a round has 2 to this many plus one messages")
	f.IntVar(&s.Shape.MaxClicks, "max-clicks", article.MaxClicks, "most clicks of a message; the least is 1")
	f.IntVar(&s.Shape.MaxStay, "max-stay", article.MaxStay, "stays are below this many `minutes`")
	f.DurationVar(&s.Interval, "interval", 5*time.Second, "pause between rounds; 0 for none")
	f.Int64Var(&s.Rounds, "rounds", 0, "stop after this many rounds; 0 for never")
	f.Int64Var(&s.Count, "count", 0, "stop after this many messages; 0 for never")
	f.Uint64Var(&s.Seed, "seed", 0, "seed of the messages; 0 draws one and prints it")
	f.DurationVar(&s.Bound, "delivery-timeout", defaultBound, "a message not acknowledged by then ends the program with exit code 1")
	f.StringVar(&s.MetricsAddress, "metrics-address", "127.0.0.1:9401", "serve /metrics and /healthy on `host:port`")
	f.BoolVar(&s.Quiet, "quiet", false, "do not print messages and rounds")
	return func() error { return s.read(*bootstrap, *acks) }
}

func (s *Settings) read(bootstrap, acks string) error {
	var ok bool
	if s.Brokers, ok = cluster.Brokers(bootstrap); !ok {
		return fmt.Errorf("--bootstrap-server %q: want host:port, several separated by commas", bootstrap)
	}
	switch acks {
	case "all", "-1":
		s.Acks = sarama.WaitForAll
	case "1":
		s.Acks = sarama.WaitForLocal
	case "0":
		s.Acks = sarama.NoResponse
	default:
		return fmt.Errorf("--acks %q: want all, 1 or 0", acks)
	}
	for s.Seed == 0 {
		s.Seed = rand.Uint64()
	}
	return s.check()
}

func (s *Settings) check() error {
	// A whole part of at most 2^20 leaves a 32-bit float room for a fraction.
	const most, mostStay = 1 << 30, 1_000_000
	switch {
	case s.Topic == "":
		return errors.New("--topic: want a name")
	case s.Shape.Pages < 1 || s.Shape.Pages > most:
		return fmt.Errorf("--pages %d: want 1 to %d", s.Shape.Pages, most)
	case s.Shape.MaxMessages < 1 || s.Shape.MaxMessages > mostStay:
		return fmt.Errorf("--max-messages %d: want 1 to %d", s.Shape.MaxMessages, mostStay)
	case s.Shape.MaxClicks < 1 || s.Shape.MaxClicks > 1_000_000_000:
		return fmt.Errorf("--max-clicks %d: want 1 to 1000000000", s.Shape.MaxClicks)
	case s.Shape.MaxStay < 1 || s.Shape.MaxStay > mostStay:
		return fmt.Errorf("--max-stay %d: want 1 to %d", s.Shape.MaxStay, mostStay)
	case s.Interval < 0 || s.Rounds < 0 || s.Count < 0:
		return errors.New("--interval, --rounds and --count: want 0 or more")
	case s.Bound < time.Second:
		return fmt.Errorf("--delivery-timeout %s: want at least 1s", s.Bound)
	}
	return nil
}

// config is the client's.
func (s *Settings) config() *sarama.Config {
	c := cluster.ProducerConfig("weir-producer", s.Bound)
	c.Producer.RequiredAcks = s.Acks
	c.Producer.Idempotent = s.Acks == sarama.WaitForAll
	// The article's messages have no keys: they go round the partitions.
	c.Producer.Partitioner = sarama.NewRoundRobinPartitioner
	c.Producer.Flush.Frequency = flushFrequency
	c.Producer.Flush.Bytes = flushBytes
	c.ChannelBufferSize = 4096
	return c
}

// A batch is sent when it is this old or this large: small enough a delay not
// to be seen, large enough for full speed.
const (
	flushFrequency = 5 * time.Millisecond
	flushBytes     = 256 << 10
)
