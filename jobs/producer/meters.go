package producer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/jobs/producer/send"
)

// meters is what the producer tells Prometheus.
type meters struct {
	registry *prometheus.Registry
	sent     prometheus.Counter
	acked    prometheus.Counter
	bytes    prometheus.Counter
	batches  prometheus.Counter
	lastAck  prometheus.Gauge
}

func newMeters() *meters {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &meters{
		registry: prometheus.NewRegistry(),
		sent:     counter("weir_producer_messages_sent_total", "Messages handed over for sending."),
		acked:    counter("weir_producer_messages_acknowledged_total", "Messages that the cluster acknowledged."),
		bytes:    counter("weir_producer_bytes_acknowledged_total", "Bytes of those messages as records, before compression."),
		batches:  counter("weir_producer_batches_acknowledged_total", "Batches that the cluster acknowledged."),
		lastAck: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_producer_last_acknowledgement_timestamp_seconds",
			Help: "When the cluster last acknowledged a message; 0 before the first.",
		}),
	}
	m.registry.MustRegister(m.sent, m.acked, m.bytes, m.batches, m.lastAck)
	return m
}

func (m *meters) handOver(messages int) { m.sent.Add(float64(messages)) }

func (m *meters) acknowledge(messages, bytes int, now time.Time) {
	m.acked.Add(float64(messages))
	m.bytes.Add(float64(bytes))
	m.batches.Inc()
	m.lastAck.Set(float64(now.UnixMilli()) / 1e3)
}

// watch adds what is only asked for when somebody looks.
func (m *meters) watch(writers []*send.Writer, s *score) {
	m.registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "weir_producer_batches_resent_total",
			Help: "Batches that were sent again after a failure, under the same sequence number.",
		}, func() float64 { return float64(resent(writers)) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_producer_oldest_unacknowledged_seconds",
			Help: "How long the oldest message without an acknowledgement has waited; 0 where there is none.",
		}, func() float64 { return longest(writers, time.Now()).Seconds() }),
		latencyCollector{s, prometheus.NewDesc("weir_producer_latency_seconds",
			"From when messages were due to their acknowledgement, since the start.", nil, nil)},
	)
}

// latencyCollector shows the latencies as a summary.
type latencyCollector struct {
	score *score
	desc  *prometheus.Desc
}

func (c latencyCollector) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

func (c latencyCollector) Collect(out chan<- prometheus.Metric) {
	h := c.score.latencies()
	seconds := func(units float64) float64 { return units * latencyUnit.Seconds() }
	quantiles := map[float64]float64{}
	for _, q := range []float64{0.5, 0.9, 0.95, 0.99, 0.999} {
		quantiles[q] = seconds(float64(h.ValueAtQuantile(100 * q)))
	}
	n := h.TotalCount()
	out <- prometheus.MustNewConstSummary(c.desc, uint64(n), seconds(h.Mean()*float64(n)), quantiles)
}

func resent(writers []*send.Writer) (batches int64) {
	for _, w := range writers {
		batches += w.Resent()
	}
	return batches
}

// longest is how long the oldest message waits for its acknowledgement.
func longest(writers []*send.Writer, now time.Time) (wait time.Duration) {
	for _, w := range writers {
		if since, any := w.Waiting(); any {
			wait = max(wait, now.Sub(since))
		}
	}
	return wait
}
