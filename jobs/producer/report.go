package producer

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Report says how fast a process of a producer was.
type Report struct {
	// Format is 1. Fields are only ever added.
	Format     int    `json:"format"`
	Run        string `json:"run,omitempty"`
	Topic      string `json:"topic"`
	Throughput string `json:"throughput"`
	// Seconds are from the first message to the last acknowledgement.
	Seconds float64 `json:"seconds"`
	// Messages and Bytes were acknowledged: bytes of records as they are sent,
	// before compression.
	Messages          int64   `json:"messages"`
	Bytes             int64   `json:"bytes"`
	MessagesPerSecond float64 `json:"messagesPerSecond"`
	BytesPerSecond    float64 `json:"bytesPerSecond"`
	// ResentBatches counts batches that were sent again after a failure.
	ResentBatches int64 `json:"resentBatches"`
	// LatencyMillis is from when a message was due to its acknowledgement.
	LatencyMillis Latency `json:"latencyMillis"`
}

// Latency is a distribution, in milliseconds. Percentiles are exact to three
// digits.
type Latency struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func latencyOf(h *hdrhistogram.Histogram) Latency {
	at := func(percentile float64) float64 { return millis(float64(h.ValueAtPercentile(percentile))) }
	return Latency{
		Mean: millis(h.Mean()), P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9),
		Max: millis(float64(h.Max())),
	}
}

func millis(units float64) float64 { return units * float64(latencyUnit) / float64(time.Millisecond) }

// fill sums up the score of a time.
func (r *Report) fill(s *score, took time.Duration) {
	for _, t := range s.partitions {
		t.mu.Lock()
		r.Messages += t.latencies.TotalCount()
		r.Bytes += t.bytes
		t.mu.Unlock()
	}
	r.Seconds = took.Seconds()
	if r.Seconds > 0 {
		r.MessagesPerSecond = float64(r.Messages) / r.Seconds
		r.BytesPerSecond = float64(r.Bytes) / r.Seconds
	}
	r.LatencyMillis = latencyOf(s.latencies())
}

const mebibyte = 1 << 20

// String is the last line of kafka-producer-perf-test.sh.
func (r Report) String() string {
	l := r.LatencyMillis
	return fmt.Sprintf("%d records sent, %f records/sec (%.2f MB/sec), %.2f ms avg latency, %.2f ms max latency, "+
		"%.0f ms 50th, %.0f ms 95th, %.0f ms 99th, %.0f ms 99.9th.",
		r.Messages, r.MessagesPerSecond, r.BytesPerSecond/mebibyte, l.Mean, l.Max, l.P50, l.P95, l.P99, l.P999)
}

// progressInterval is how often kafka-producer-perf-test.sh says how it gets on.
const progressInterval = 5 * time.Second

// tellProgress prints that tool's lines until ctx ends.
func tellProgress(ctx context.Context, s *score, out io.Writer) {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			fmt.Fprintln(out, s.interval().over(progressInterval)) // a lost line is no failure
		}
	}
}

func (i interval) over(took time.Duration) string {
	mean := time.Duration(0)
	if i.messages > 0 {
		mean = i.latency / time.Duration(i.messages)
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return fmt.Sprintf("%d records sent, %.1f records/sec (%.2f MB/sec), %.1f ms avg latency, %.1f ms max latency.",
		i.messages, float64(i.messages)/took.Seconds(), float64(i.bytes)/mebibyte/took.Seconds(), ms(mean), ms(i.mostDelay))
}
