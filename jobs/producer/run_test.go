package producer

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
)

// pretender is a broker of the client library that takes everything it is sent
// for topic t with three partitions, and keeps nothing.
func pretender(t *testing.T, code sarama.KError) *sarama.MockBroker {
	t.Helper()
	b := sarama.NewMockBroker(t, 1)
	t.Cleanup(b.Close)
	metadata := sarama.NewMockMetadataResponse(t).SetBroker(b.Addr(), 1)
	produce := sarama.NewMockProduceResponse(t)
	for partition := range int32(3) {
		metadata.SetLeader("t", partition, 1)
		produce.SetError("t", partition, code)
	}
	b.SetHandlerByMap(map[string]sarama.MockResponse{
		"ApiVersionsRequest": sarama.NewMockApiVersionsResponse(t).SetApiKeys([]sarama.ApiVersionsResponseKey{
			{ApiKey: 0, MaxVersion: 7}, {ApiKey: 3, MaxVersion: 7}, {ApiKey: 18}, {ApiKey: 22, MaxVersion: 1}, // produce, metadata, versions, producer ids
		}),
		"MetadataRequest":       metadata,
		"InitProducerIDRequest": sarama.NewMockInitProducerIDResponse(t),
		"ProduceRequest":        produce,
	})
	return b
}

func readJSON(t *testing.T, path string, value any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, value); err != nil {
		t.Fatalf("%s: %v\n%s", path, err, text)
	}
}

func TestARunWritesDownExactlyWhatItPrinted(t *testing.T) {
	b, dir := pretender(t, sarama.ErrNoError), t.TempDir()
	s := parse(t, "--topic t --metrics-address 127.0.0.1:0 --rounds 50 --interval 1ms --seed 7 --bootstrap-server "+b.Addr()+
		" --manifest "+dir+"/m.json --report "+dir+"/r.json")
	var out bytes.Buffer
	if err := Run(t.Context(), s, &out, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	var values []string
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "|") {
			values = append(values, strings.TrimSpace(line))
		}
	}
	var m Manifest
	readJSON(t, filepath.Join(dir, "m.json"), &m)
	if n := int64(len(values)); n < 100 || m.Acknowledged != n || m.Unknown != 0 || m.Seed != 7 || len(m.Partitions) != 3 {
		t.Errorf("%d messages printed; the manifest says %+v", n, m)
	}
	var pages []string
	for page := range slowly(t, values) {
		pages = append(pages, page)
	}
	for _, page := range pages {
		if _, ok := m.Pages[page]; !ok || len(m.Pages) != len(pages) {
			t.Errorf("%d pages in the manifest, %d printed; %s: %v", len(m.Pages), len(pages), page, ok)
		}
	}
	var r Report
	readJSON(t, filepath.Join(dir, "r.json"), &r)
	if r.Messages != int64(len(values)) || r.Seconds <= 0 || r.LatencyMillis.Max <= 0 {
		t.Errorf("the report says %+v", r)
	}
}

func TestAStoppedProducerStillWritesItsManifest(t *testing.T) {
	b, dir := pretender(t, sarama.ErrNoError), t.TempDir()
	s := parse(t, "--topic t --metrics-address 127.0.0.1:0 --throughput 1000 --bootstrap-server "+b.Addr()+" --manifest "+dir+"/m.json")
	ctx, stop := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, stop)
	var out bytes.Buffer
	if err := Run(ctx, s, &out, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	var m Manifest
	readJSON(t, filepath.Join(dir, "m.json"), &m)
	if m.Acknowledged == 0 || m.Unknown != 0 {
		t.Errorf("the manifest says %+v, want messages, and none unknown", m)
	}
	if !strings.Contains(out.String(), "records/sec") || !strings.Contains(out.String(), "99.9th") {
		t.Errorf("printed %q, want the line of Kafka's tool", &out)
	}
}

func TestARefusalEndsTheProducerAndTheManifestSaysSo(t *testing.T) {
	b, dir := pretender(t, sarama.ErrTopicAuthorizationFailed), t.TempDir()
	s := parse(t, "--topic t --metrics-address 127.0.0.1:0 --throughput -1 --bootstrap-server "+b.Addr()+" --manifest "+dir+"/m.json")
	if err := os.WriteFile(filepath.Join(dir, "m.json"), []byte("of an earlier process"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), s, &bytes.Buffer{}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "was not acknowledged") {
		t.Fatalf("ended with %v, want an undelivered message", err)
	}
	var m Manifest
	readJSON(t, filepath.Join(dir, "m.json"), &m)
	if m.Acknowledged != 0 || m.Unknown == 0 {
		t.Errorf("the manifest says %d acknowledged, %d unknown; want none, and some", m.Acknowledged, m.Unknown)
	}
}

func TestMetricsShowWhatPrometheusIsPromised(t *testing.T) {
	m := newMeters()
	s := newScore([]int32{0}, false, m)
	m.watch(nil, s)
	start := time.Now()
	s.begin(start)
	m.handOver(3)
	s.acknowledged(0, batchOf([]string{"a", "b"}, 0), start.Add(time.Second))
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
		value := f.Metric[0].GetCounter().GetValue()
		switch f.GetName() {
		case "weir_producer_messages_sent_total":
			if value != 3 {
				t.Errorf("sent %v, want 3", value)
			}
		case "weir_producer_messages_acknowledged_total":
			if value != 2 {
				t.Errorf("acknowledged %v, want 2", value)
			}
		case "weir_producer_latency_seconds":
			if sum := f.Metric[0].GetSummary(); sum.GetSampleCount() != 2 || sum.GetSampleSum() < 1.99 || sum.GetSampleSum() > 2.01 {
				t.Errorf("latencies %v, want 2 of a second each", sum)
			}
		}
	}
	want := []string{
		"weir_producer_batches_acknowledged_total", "weir_producer_batches_resent_total", "weir_producer_bytes_acknowledged_total",
		"weir_producer_last_acknowledgement_timestamp_seconds", "weir_producer_latency_seconds",
		"weir_producer_messages_acknowledged_total", "weir_producer_messages_sent_total", "weir_producer_oldest_unacknowledged_seconds",
	}
	if !slices.Equal(names, want) {
		t.Errorf("metrics\n%q\nwant\n%q", names, want)
	}
}
