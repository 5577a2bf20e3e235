package producer

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/cluster"
)

// Settings is what a producer is told on its command line.
type Settings struct {
	Brokers []string
	Version cluster.Version
	Topic   string
	Shape   Shape
	// Throughput says how fast messages are sent, Interval the pause between
	// rounds where it says nothing.
	Throughput Throughput
	Interval   time.Duration
	// Rounds, Records and Duration end the producer after so many rounds or
	// messages, those of earlier processes of the run included, or after so
	// long; 0 is never.
	Rounds, Records int64
	Duration        time.Duration
	// Seed is never 0 once read.
	Seed uint64
	// Run names the run whose records carry it in a header; "" sends plain ones.
	Run string
	// Acks is sarama's; anything but WaitForAll turns idempotence off.
	Acks       sarama.RequiredAcks
	Idempotent bool
	Codec      sarama.CompressionCodec
	Linger     time.Duration
	// BatchSize and BufferMemory are in bytes, before compression.
	BatchSize, BufferMemory int
	// Bound is how long a message may stay unacknowledged.
	Bound time.Duration
	// Manifest and Report are files that are written at the end; "" is none.
	Manifest, Report string
	MetricsAddress   string
	Quiet            bool
}

// runForm keeps a run's name readable in a header, and in a transactional id.
var runForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// read turns what the command line says in words into settings and reports the
// first thing that is wrong.
func (s *Settings) read(w words) (err error) {
	var ok bool
	if s.Brokers, ok = cluster.Brokers(w.bootstrap); !ok {
		return fmt.Errorf("--bootstrap-server %q: want host:port, several separated by commas", w.bootstrap)
	}
	if s.Version, err = cluster.ParseVersion(w.version); err != nil {
		return fmt.Errorf("--kafka-version %w", err)
	}
	switch w.acks {
	case "all", "-1":
		s.Acks = sarama.WaitForAll
	case "1":
		s.Acks = sarama.WaitForLocal
	case "0":
		s.Acks = sarama.NoResponse
	default:
		return fmt.Errorf("--acks %q: want all, 1 or 0", w.acks)
	}
	s.Idempotent = w.idempotence && s.Acks == sarama.WaitForAll && !s.Version.Old()
	if err := s.Codec.UnmarshalText([]byte(w.codec)); err != nil {
		return fmt.Errorf("--compression-type %q: want none, gzip, snappy, lz4 or zstd", w.codec)
	}
	if s.Throughput, err = ParseThroughput(w.throughput); err != nil {
		return fmt.Errorf("--throughput %w", err)
	}
	s.chooseSeed()
	return errors.Join(s.checkShape(), s.checkRun(), s.checkDelivery())
}

// chooseSeed makes one up where none is given. That of a run follows from its
// name, so that it is the same when the run is gone on with.
func (s *Settings) chooseSeed() {
	if s.Seed == 0 && s.Run != "" {
		h := fnv.New64a()
		_, _ = h.Write([]byte(s.Run)) // never fails
		s.Seed = h.Sum64()
	}
	for s.Seed == 0 {
		s.Seed = rand.Uint64()
	}
}

func (s *Settings) checkShape() error {
	// A whole part of at most 2^20 leaves a 32-bit float room for a fraction.
	const most, mostStay, mostZipf = 1 << 30, 1_000_000, 10
	share := func(f float64) bool { return f >= 0 && f <= 1 }
	switch h := s.Shape; {
	case h.Pages < 1 || h.Pages > most:
		return fmt.Errorf("--pages %d: want 1 to %d", h.Pages, most)
	case !(h.Zipf >= 0 && h.Zipf <= mostZipf):
		return fmt.Errorf("--zipf %v: want 0 to %d", h.Zipf, mostZipf)
	case h.Zipf > 0 && h.Pages > maxZipfPages:
		return fmt.Errorf("--pages %d: want at most %d with --zipf", h.Pages, maxZipfPages)
	case h.MaxMessages < 1 || h.MaxMessages > mostStay:
		return fmt.Errorf("--max-messages %d: want 1 to %d", h.MaxMessages, mostStay)
	case h.MaxClicks < 1 || h.MaxClicks > 1_000_000_000:
		return fmt.Errorf("--max-clicks %d: want 1 to 1000000000", h.MaxClicks)
	case h.MaxStay < 1 || h.MaxStay > mostStay:
		return fmt.Errorf("--max-stay %d: want 1 to %d", h.MaxStay, mostStay)
	case !share(h.Bad) || !share(h.Late):
		return fmt.Errorf("--bad %v, --late %v: want shares from 0 to 1", h.Bad, h.Late)
	case h.LateBy <= 0:
		return fmt.Errorf("--late-by %s: want more than 0", h.LateBy)
	}
	return nil
}

func (s *Settings) checkRun() error {
	switch {
	case s.Topic == "":
		return errors.New("--topic: want a name")
	case s.Interval < 0 || s.Rounds < 0 || s.Records < 0 || s.Duration < 0:
		return errors.New("--interval, --rounds, --num-records and --duration: want 0 or more")
	case s.Run != "" && !runForm.MatchString(s.Run):
		return fmt.Errorf("--run-id %q: want up to 64 letters, digits, dots, hyphens and underscores", s.Run)
	case s.Run != "" && s.Version.Old():
		return errors.New("--run-id: needs Kafka 0.11: older records have no headers to carry it in, and what is sent again may be there twice")
	case s.Run != "" && !s.Idempotent:
		return errors.New("--run-id: needs --acks all and --idempotence, without which a run cannot be gone on with exactly")
	}
	return nil
}

func (s *Settings) checkDelivery() error {
	// The least holds a page of the longest name with its numbers; the most is
	// what brokers take by default (message.max.bytes), less the batch's header.
	const least, most = 1 << 10, 1_000_000
	switch {
	case s.Version.Old() && s.Codec != sarama.CompressionNone:
		return fmt.Errorf("--compression-type %s: want none for a Kafka as old as --kafka-version says", s.Codec)
	case s.Version.Old() && s.Shape.Late > 0:
		return errors.New("--late: needs Kafka 0.10: older records have no timestamps")
	case s.BatchSize < least || s.BatchSize > most:
		return fmt.Errorf("--batch-size %d: want %d to %d", s.BatchSize, least, most)
	case s.BufferMemory < s.BatchSize:
		return fmt.Errorf("--buffer-memory %d: want at least --batch-size, %d", s.BufferMemory, s.BatchSize)
	case s.Linger < 0 || s.Linger >= s.Bound:
		return fmt.Errorf("--linger %s: want 0 or more, and less than --delivery-timeout", s.Linger)
	case s.Bound < time.Second:
		return fmt.Errorf("--delivery-timeout %s: want at least 1s", s.Bound)
	}
	return nil
}
