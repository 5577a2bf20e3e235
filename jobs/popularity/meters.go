package popularity

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// meters is what the calculator tells Prometheus.
type meters struct {
	registry *prometheus.Registry
	records  prometheus.Counter
	bad      *prometheus.CounterVec
	commit   prometheus.Histogram
	lag      *prometheus.GaugeVec
	next     *prometheus.GaugeVec
	pages    prometheus.Gauge
	buckets  *prometheus.GaugeVec
	future   prometheus.Counter
	waiting  prometheus.Gauge
	failures *prometheus.CounterVec
	ready    prometheus.Gauge
}

func newMeters() *meters {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	byPartition := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"partition"})
	}
	m := &meters{
		registry: prometheus.NewRegistry(),
		records: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_popularity_records_total", Help: "Records counted and committed, bad ones included."}),
		bad: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_popularity_bad_records_total", Help: "Records that are no messages, by reason."}, []string{"reason"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_popularity_commit_duration_seconds", Help: "Time to make counted records durable.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
		lag:   byPartition("weir_popularity_lag_records", "Records in the partition that are not committed here."),
		next:  byPartition("weir_popularity_next_offset", "First offset that is not committed here."),
		pages: gauge("weir_popularity_pages", "Pages with a sum."),
		buckets: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "weir_popularity_bucket_sums", Help: "Sums of a page in a bucket of event time, by width."}, []string{"width"}),
		future: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_popularity_future_records_total", Help: "Records more than an hour ahead of the clock, counted in the sums of all time only."}),
		waiting: gauge("weir_popularity_dead_letters_waiting", "Dead letters on their way to their topic."),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_popularity_delivery_failures_total", Help: "Failed attempts to send, by what."}, []string{"what"}),
		ready: gauge("weir_popularity_ready", "1 once the state is loaded and a commit was made since the start."),
	}
	m.registry.MustRegister(m.records, m.bad, m.commit, m.lag, m.next, m.pages, m.buckets, m.future, m.waiting, m.failures, m.ready)
	return m
}

// committed records what a commit did.
func (m *meters) committed(done Committed, l *Ledger) {
	m.records.Add(float64(done.Records))
	for reason, n := range done.Bad {
		m.bad.WithLabelValues(string(reason)).Add(float64(n))
	}
	m.future.Add(float64(done.Future))
	m.pages.Set(float64(l.Pages()))
	for width, sums := range l.Buckets() {
		m.buckets.WithLabelValues(width.String()).Set(float64(sums))
	}
	m.waiting.Set(float64(l.waiting.Load()))
	m.ready.Set(1)
}

// partition records a partition's offsets; highWater is 0 where it is not known.
func (m *meters) partition(id int32, next, highWater int64) {
	name := strconv.Itoa(int(id))
	m.next.WithLabelValues(name).Set(float64(next))
	m.lag.WithLabelValues(name).Set(float64(max(highWater-next, 0)))
}

// forget drops what was said of a partition that is no longer ours.
func (m *meters) forget(id int32) {
	name := strconv.Itoa(int(id))
	m.next.DeleteLabelValues(name)
	m.lag.DeleteLabelValues(name)
}
