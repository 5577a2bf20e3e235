package connect

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	// metricsTimeout bounds fetching a page that a program serves from memory.
	metricsTimeout = 3 * time.Second
	// metricsLimit bounds a page in bytes; the jobs' have some 20 KiB.
	metricsLimit = 4 << 20
)

// Metrics maps the names of a page's metrics to values. Of counters, gauges and
// untyped ones it is the sum over all labels; of summaries and histograms there
// are name_sum and name_count. Values that are not finite are left out.
type Metrics map[string]float64

// Metrics fetches a Prometheus page that a program serves on a machine, at
// host:port as seen from there.
func (s *Session) Metrics(ctx context.Context, machine, address string) (Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	conn, err := s.Machine(ctx, machine)
	if err != nil {
		return nil, err
	}
	page := "http://" + address + "/metrics"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return nil, fmt.Errorf("machine %s: metrics address %q: %w", machine, address, err)
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	client := &http.Client{
		Transport:     &http.Transport{DialContext: conn.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("machine %s: %w", machine, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("machine %s: %s answered %d, want 200", machine, page, resp.StatusCode)
	}
	metrics, err := ParseMetrics(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("machine %s: %s: %w", machine, page, err)
	}
	return metrics, nil
}

// ParseMetrics reads a page in Prometheus's text format, at most 4 MiB of it.
func ParseMetrics(r io.Reader) (Metrics, error) {
	limited := &io.LimitedReader{R: r, N: metricsLimit + 1}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(limited)
	if limited.N <= 0 {
		return nil, fmt.Errorf("the page is longer than %d bytes", metricsLimit)
	}
	if err != nil {
		return nil, err
	}
	metrics := Metrics{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			metrics.add(name, m)
		}
	}
	return metrics, nil
}

func (m Metrics) add(name string, one *dto.Metric) {
	sum := func(name string, v float64) {
		if total := m[name] + v; !math.IsNaN(total) && !math.IsInf(total, 0) {
			m[name] = total
		}
	}
	switch {
	case one.Counter != nil:
		sum(name, one.GetCounter().GetValue())
	case one.Gauge != nil:
		sum(name, one.GetGauge().GetValue())
	case one.Untyped != nil:
		sum(name, one.GetUntyped().GetValue())
	case one.Summary != nil:
		sum(name+"_sum", one.GetSummary().GetSampleSum())
		sum(name+"_count", float64(one.GetSummary().GetSampleCount()))
	case one.Histogram != nil:
		sum(name+"_sum", one.GetHistogram().GetSampleSum())
		sum(name+"_count", float64(one.GetHistogram().GetSampleCount()))
	}
}
