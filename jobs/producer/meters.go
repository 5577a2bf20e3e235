package producer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meters is what the producer tells Prometheus.
type meters struct {
	registry *prometheus.Registry
	sent     prometheus.Counter
	acked    prometheus.Counter
	errors   prometheus.Counter
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
		errors:   counter("weir_producer_errors_total", "Messages that the cluster refused for good."),
		lastAck: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "weir_producer_last_acknowledgement_timestamp_seconds",
			Help: "When the cluster last acknowledged a message; 0 before the first.",
		}),
	}
	m.registry.MustRegister(m.sent, m.acked, m.errors, m.lastAck)
	return m
}

func (m *meters) acknowledge(now time.Time) {
	m.acked.Inc()
	m.lastAck.Set(float64(now.UnixMilli()) / 1e3)
}
