// Package gauge measures a cluster from the operator's place: what a producer, a
// consumer, and both together see of it.
//
// It uses one topic of its own, which is removed at the end, whatever the end
// is. Records are acknowledged by all in-sync replicas and sent once
// (idempotence). The figures include the way from here: run it near the cluster.
package gauge

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/provision/kafka"
	"weir/provision/rollout"
)

// What is measured.
const (
	Producer = "producer"
	Consumer = "consumer"
	EndToEnd = "end-to-end"
)

// The bounds of what may be asked for: an operator's look at a cluster that also
// has other work to do, not a load test.
const (
	MaxRecords = 10_000_000
	MaxSize    = 512 << 10
	MaxRate    = 1_000_000
	// MaxBytes bounds what the topic takes on each replica.
	MaxBytes = 2 << 30
	// minSize holds the time of sending.
	minSize = 8

	// topicTimeout bounds making and removing the topic: a controller that died is
	// missed after its session of 18 s, and the next one takes seconds.
	topicTimeout = 30 * time.Second
	// silence is how long nothing may arrive before the rest counts as lost: a
	// leader that dies is missed after its session of 18 s at the latest.
	silence = 25 * time.Second
	// slowest is what a latency is cut to.
	slowest = 10 * time.Minute
)

// Options say how much to send.
type Options struct {
	Records, Size int
	// Rate is records a second; 0 is as fast as it goes.
	Rate       int
	Partitions int
}

// Validate says what is not within bounds.
func (o Options) Validate() error {
	for _, b := range []struct {
		name             string
		value, low, high int
	}{
		{"records", o.Records, 1, MaxRecords}, {"size", o.Size, minSize, MaxSize},
		{"rate", o.Rate, 0, MaxRate}, {"partitions", o.Partitions, 1, 100},
	} {
		if b.value < b.low || b.value > b.high {
			return fmt.Errorf("--%s %d is not within %d to %d", b.name, b.value, b.low, b.high)
		}
	}
	if total := o.Records * o.Size; total > MaxBytes {
		return fmt.Errorf("%d records of %d bytes are %d bytes, more than %d", o.Records, o.Size, total, MaxBytes)
	}
	return nil
}

// Result is what was measured. Its JSON form is stable: fields are only ever added.
type Result struct {
	What       string  `json:"what"`
	Topic      string  `json:"topic"`
	Partitions int     `json:"partitions"`
	Replicas   int     `json:"replicas"`
	Records    int     `json:"records"`
	RecordSize int     `json:"recordBytes"`
	Seconds    float64 `json:"seconds"`
	PerSecond  float64 `json:"recordsPerSecond"`
	MBytes     float64 `json:"megabytesPerSecond"`
	// Latency is from sending to the acknowledgement; end to end, to reading. A
	// consumer alone has none.
	Latency *Latency `json:"latencyMilliseconds,omitempty"`
	// FetchLatency is a consumer's: from a fetch request to its records, decoded.
	FetchLatency *Latency `json:"fetchMilliseconds,omitempty"`
	// Fetches are the requests that brought records.
	Fetches int `json:"fetches,omitempty"`
	// Failed were not acknowledged; Lost were, and were not read.
	Failed int `json:"failed"`
	Lost   int `json:"lost"`
}

// Latency has percentiles in milliseconds.
type Latency struct {
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// latencyOf reads a histogram of microseconds.
func latencyOf(h *hdrhistogram.Histogram) *Latency {
	at := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1000 }
	return &Latency{P50: at(50), P95: at(95), P99: at(99), P999: at(99.9), Max: float64(h.Max()) / 1000}
}

// newHistogram keeps three digits of microseconds up to slowest.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, slowest.Microseconds(), 3)
}

func note(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 1), slowest.Microseconds())) // it is within its range
}

// run is one measurement under way.
type run struct {
	Options
	session  *connect.Session
	client   sarama.Client
	topic    string
	replicas int
	// begins are where the measured records begin, ends are behind the last that was
	// acknowledged, by partition.
	begins, ends []int64
}

// Run measures. The topic is gone when it returns, unless the error says that
// it could not be removed.
func Run(ctx context.Context, s *connect.Session, what string, o Options) (result Result, err error) {
	admin, err := s.Changer(ctx)
	if err != nil {
		return Result{}, err
	}
	defer admin.Close() //nolint:errcheck // all is said
	r := &run{Options: o, session: s, topic: "weir-bench-" + strings.ToLower(rand.Text()[:8]), ends: make([]int64, o.Partitions)}
	defer func() { err = errors.Join(err, r.remove(ctx, admin)) }()
	if err := r.create(ctx, admin); err != nil {
		return Result{}, err
	}
	config := s.Config()
	config.Producer.Idempotent, config.Net.MaxOpenRequests = true, 1
	config.Producer.Retry.Max, config.Producer.Retry.Backoff = 100, 100*time.Millisecond
	config.Producer.Partitioner = sarama.NewRoundRobinPartitioner
	config.Producer.MaxMessageBytes = 1_000_000
	if r.client, err = r.open(ctx, config); err != nil {
		return Result{}, err
	}
	defer r.client.Close() //nolint:errcheck // all is measured
	if err := r.warm(ctx); err != nil {
		return Result{}, err
	}
	switch what {
	case Producer:
		result, err = r.send(ctx, time.Now(), r.Rate)
	case Consumer:
		if result, err = r.send(ctx, time.Now(), 0); err == nil {
			result, err = r.consume(ctx, result)
		}
	default:
		result, err = r.endToEnd(ctx)
	}
	result.What, result.Topic, result.Partitions, result.Replicas, result.RecordSize = what, r.topic, r.Partitions, r.replicas, r.Size
	if result.Seconds > 0 {
		result.PerSecond = float64(result.Records) / result.Seconds
		result.MBytes = result.PerSecond * float64(r.Size) / 1e6
	}
	return result, err
}

func (r *run) open(ctx context.Context, config *sarama.Config) (sarama.Client, error) {
	return connect.Bounded(ctx, func() (sarama.Client, error) { return sarama.NewClient(r.session.Cluster.Bootstrap(), config) })
}

// warm sends a record to each partition, which is not measured: replicas of a new
// partition begin to follow its leader a second or two after it was made, and the
// figures are to be those of a topic that is there.
func (r *run) warm(ctx context.Context) error {
	first := *r
	first.Records = r.Partitions // the partitioner takes one after the other
	if _, err := first.send(ctx, time.Now(), 0); err != nil {
		return fmt.Errorf("topic %s takes no records: %w", r.topic, err)
	}
	r.begins = slices.Clone(r.ends)
	return nil
}

// create makes the topic with as many replicas as there are brokers now, up to
// three. It tries again while a controller is being elected.
func (r *run) create(ctx context.Context, admin *kafka.Admin) error {
	return rollout.Wait(ctx, topicTimeout, func(ctx context.Context) error {
		v, err := admin.View(ctx)
		if err != nil {
			return err
		}
		r.replicas = max(1, min(3, len(v.Brokers)))
		err = admin.Create(ctx, kafka.Topic{
			Name: r.topic, Partitions: int32(r.Partitions), ReplicationFactor: int16(r.replicas),
			Config: map[string]string{"min.insync.replicas": strconv.Itoa(max(1, r.replicas-1))},
		})
		if errors.Is(err, sarama.ErrTopicAlreadyExists) { // an answer was lost: the name is ours alone
			return nil
		}
		return err
	}, nil)
}

// remove also works for who was interrupted.
func (r *run) remove(ctx context.Context, admin *kafka.Admin) error {
	err := rollout.Wait(context.WithoutCancel(ctx), topicTimeout, func(ctx context.Context) error {
		err := admin.Delete(ctx, r.topic)
		if errors.Is(err, sarama.ErrUnknownTopicOrPartition) { // it is gone, or never was
			return nil
		}
		return err
	}, nil)
	if err != nil {
		return fmt.Errorf("topic %s was not removed: %w", r.topic, err)
	}
	return nil
}

// value is a record's: the time of its sending since the beginning, and filling
// that is the same in no two bytes that are near each other.
func (r *run) value(since time.Duration) []byte {
	v := make([]byte, r.Size)
	for i := range v {
		v[i] = byte(i*31 + i>>8)
	}
	binary.BigEndian.PutUint64(v, uint64(since.Nanoseconds()))
	return v
}

// pace waits until the n-th record is due, and says whether it is to be sent.
func (r *run) pace(ctx context.Context, began time.Time, n, rate int) bool {
	if rate > 0 {
		due := began.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
		if wait := time.Until(due); wait > time.Millisecond { // timers are no finer
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err() == nil
}
