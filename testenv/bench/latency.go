package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/IBM/sarama"

	"weir/jobs/popularity/snapshot"
	"weir/jobs/producer"
)

// jobSections measure the jobs.
var jobSections = []section{
	{"calculator", measureCalculator},
	{"pages", measurePages},
	{"latency", measureLatency},
	{"streams", measureStreams},
	{"spark", measureSpark},
}

const (
	// interval is the calculator's, by default.
	interval = 2 * time.Second
	// latencyMost is what is promised beyond the interval, of 99 in 100 messages.
	latencyMost = 200 * time.Millisecond
	// fullFor and halfFor are how long the producer is asked what the cluster takes
	// while it is counted, and how long it then sends half of it.
	fullFor, halfFor = 15 * time.Second, 20 * time.Second
	// probeEvery is how often a message is followed: often enough to meet every
	// phase of an interval, and to be no load.
	probeEvery = 20 * time.Millisecond
	// probesPatience bounds the wait for the last probes' results.
	probesPatience = 10 * time.Second
)

// measureLatency follows single messages from their being sent to the top ten that
// has them, as a reader of the snapshot topic gets it, while the cluster and the
// calculator have half of the load that they can take.
func measureLatency(ctx context.Context, l *lab) (findings, error) {
	s, err := l.ensureServing(ctx)
	if err != nil {
		return findings{}, err
	}
	in := &input{topic: "bench-latency", brokers: strings.Join(s.brokers().Bootstrap(), ",")}
	if err := in.makeTopics(3); err != nil {
		return findings{}, err
	}
	state, err := os.MkdirTemp(l.dir, "latency-")
	if err != nil {
		return findings{}, err
	}
	// On all cores, as the producer and the brokers are, and as it is run.
	c, err := l.startCalculator(ctx, in, state)
	if err != nil {
		return findings{}, err
	}
	defer c.kill()
	go func() {
		for c.lines.Scan() {
		}
	}()
	most, err := in.throughput(ctx, filepath.Join(l.dir, "latency.json"), "-1", fullFor)
	if err != nil {
		return findings{}, err
	}
	p99 := timing("from sending a message to the published top ten that has it, at half load, 99th percentile: interval 2 s", interval+latencyMost)
	median := timing("… median", 0)
	acknowledged := timing("… from its acknowledgement by the brokers on, 99th percentile", 0)
	probes := 0
	for range runsOfOne {
		all, err := in.halfLoad(ctx, l, most/2)
		if err != nil {
			return findings{}, fmt.Errorf("%w\n%s", err, c.said.String())
		}
		of := func(percent int, latency func(probe) time.Duration) time.Duration {
			slices.SortFunc(all, func(a, b probe) int { return cmp.Compare(latency(a), latency(b)) })
			return latency(all[len(all)*percent/100])
		}
		fromSending := func(p probe) time.Duration { return p.shown.Sub(p.sent) }
		l.note(p99, of(99, fromSending))
		l.note(median, of(50, fromSending))
		l.note(acknowledged, of(99, func(p probe) time.Duration { return p.shown.Sub(p.acknowledged) }))
		probes += len(all)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		return findings{}, err
	}
	note := fmt.Sprintf("Half load: %.0f messages a second, half of what an unlimited producer reached while the calculator counted along on the same computer; %d messages were followed.", most/2, probes)
	return findings{rows: []*measurement{p99, median, acknowledged}, notes: []string{note}}, nil
}

func (l *lab) startCalculator(ctx context.Context, in *input, state string) (*counting, error) {
	e, err := newCalculator()
	if err != nil {
		return nil, err
	}
	return l.startAnywhere(ctx, e.command(in, state), in, state)
}

// throughput sends for a time and returns how many messages a second were
// acknowledged.
func (in *input) throughput(ctx context.Context, report, rate string, d time.Duration) (float64, error) {
	if _, err := in.produce(ctx, "--throughput", rate, "--duration", d.String(), "--report", report); err != nil {
		return 0, err
	}
	text, err := os.ReadFile(report)
	if err != nil {
		return 0, err
	}
	var r producer.Report
	if err := json.Unmarshal(text, &r); err != nil {
		return 0, err
	}
	return r.MessagesPerSecond, nil
}

// probe is a message that is followed.
type probe struct {
	partition int32
	offset    int64
	// sent, acknowledged and shown are when it was sent, when that was known to the
	// sender, and when a top had it.
	sent, acknowledged, shown time.Time
}

// in says whether a top has it.
func (p probe) in(top published) bool { return top.offsets[p.partition] > p.offset }

// halfLoad sends at a rate, and follows messages meanwhile.
func (in *input) halfLoad(ctx context.Context, l *lab, rate float64) ([]probe, error) {
	ctx, cancel := context.WithTimeout(ctx, halfFor+probesPatience+time.Minute)
	defer cancel()
	loaded := make(chan error, 1)
	go func() {
		reached, err := in.throughput(ctx, filepath.Join(l.dir, "half.json"), fmt.Sprintf("%.0f", rate), halfFor)
		if err == nil && reached < 0.9*rate {
			err = fmt.Errorf("the load was %.0f messages a second, want %.0f", reached, rate)
		}
		loaded <- err
	}()
	probes, err := in.follow(ctx)
	return probes, errors.Join(err, <-loaded)
}

// follow sends probes and returns them once a top had each. The
// first few seconds are left to the load to begin.
func (in *input) follow(ctx context.Context) ([]probe, error) {
	config := sarama.NewConfig()
	config.Version = sarama.V2_8_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Partitioner = sarama.NewRoundRobinPartitioner
	client, err := sarama.NewClient(strings.Split(in.brokers, ","), config)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	tops, stop, err := in.tops(config)
	if err != nil {
		return nil, err
	}
	defer stop()
	sender, err := sarama.NewAsyncProducerFromClient(client)
	if err != nil {
		return nil, err
	}
	defer sender.AsyncClose()
	const begin = 3 * time.Second
	ticker, first, last := time.NewTicker(probeEvery), time.After(begin), time.After(halfFor-begin)
	defer ticker.Stop()
	var waiting, shown []probe
	var seen []published
	var ticks <-chan time.Time
	sent, ended := 0, false
	for !ended || len(shown) < sent {
		select {
		case <-first:
			ticks = ticker.C
		case <-ticks:
			sent++
			sender.Input() <- &sarama.ProducerMessage{Topic: in.topic, Value: sarama.StringEncoder("page1|1|1.0|1"), Metadata: time.Now()}
		case <-last:
			ticks, ended, last = nil, true, time.After(probesPatience)
			if sent == 0 {
				return nil, errors.New("no message was followed")
			}
		case m := <-sender.Successes():
			p := probe{partition: m.Partition, offset: m.Offset, sent: m.Metadata.(time.Time), acknowledged: time.Now()}
			// A top may have it before the sender hears of it.
			if i := slices.IndexFunc(seen, p.in); i >= 0 {
				p.shown = seen[i].at
				shown = append(shown, p)
			} else {
				waiting = append(waiting, p)
			}
		case err := <-sender.Errors():
			return nil, err
		case top := <-tops:
			seen = append(seen, top)
			waiting = slices.DeleteFunc(waiting, func(p probe) bool {
				if !p.in(top) {
					return false
				}
				p.shown = top.at
				shown = append(shown, p)
				return true
			})
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if ended && len(shown) < sent {
			select {
			case <-last:
				return nil, fmt.Errorf("%d of %d messages are in no published top ten after %s", sent-len(shown), sent, probesPatience)
			default:
			}
		}
	}
	return shown, nil
}

// published is a top, when it came to a reader.
type published struct {
	at      time.Time
	offsets map[int32]int64
}

// tops are those that are published from now on, until stop is called. They come over
// connections of their own: a broker answers what comes over one in turn, and a read
// that waits for records would keep what is sent waiting.
func (in *input) tops(config *sarama.Config) (tops <-chan published, stop func(), err error) {
	consumer, err := sarama.NewConsumer(strings.Split(in.brokers, ","), config)
	if err != nil {
		return nil, nil, err
	}
	from, err := consumer.ConsumePartition(in.topic+".popularity", 0, sarama.OffsetNewest)
	if err != nil {
		return nil, nil, errors.Join(err, consumer.Close())
	}
	const room = 1000 // more than come while nobody listens
	all := make(chan published, room)
	go func() {
		for m := range from.Messages() {
			if string(m.Key) != snapshot.TopKey {
				continue
			}
			at := time.Now()
			if message, err := snapshot.Decode(m.Key, m.Value); err == nil {
				all <- published{at, message.Top.Offsets}
			}
		}
	}()
	return all, func() { _ = from.Close(); _ = consumer.Close() }, nil
}
