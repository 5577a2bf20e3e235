package connect

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/provision/remote"
	"weir/provision/remote/remotetest"
)

func TestMetricsAreSummedOverTheirLabels(t *testing.T) {
	page := `# TYPE weir_producer_messages_acknowledged_total counter
weir_producer_messages_acknowledged_total 42
# TYPE weir_bad_total counter
weir_bad_total{reason="empty"} 2
weir_bad_total{reason="bad-like"} 3
# TYPE lag gauge
lag{partition="0"} NaN
lag{partition="1"} 7
# TYPE took histogram
took_bucket{le="+Inf"} 4
took_sum 1.5
took_count 4
untyped_thing 9
`
	got, err := ParseMetrics(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	want := Metrics{
		"weir_producer_messages_acknowledged_total": 42, "weir_bad_total": 5, "lag": 7,
		"took_sum": 1.5, "took_count": 4, "untyped_thing": 9,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAPageThatIsNoPageIsAnError(t *testing.T) {
	for name, page := range map[string]string{
		"not Prometheus": "<html>welcome</html>",
		"too long":       strings.Repeat("# a comment of some length\n", metricsLimit/20),
	} {
		if m, err := ParseMetrics(strings.NewReader(page)); err == nil {
			t.Errorf("%s: got %v, want an error", name, m)
		}
	}
}

// served opens a session whose machine node1 reaches the handler, whatever the
// address.
func served(t *testing.T, h http.HandlerFunc) *Session {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return open(t, twoMachines(), Options{Connect: func(_ context.Context, host remote.Host) (Connection, error) {
		return fakeMachine{remotetest.New(host.Name), func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}}, nil
	}})
}

func TestMetricsAreFetchedFromTheMachine(t *testing.T) {
	s := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "127.0.0.1:9101" || r.URL.Path != "/metrics" {
			t.Errorf("asked %s for %s", r.Host, r.URL.Path)
		}
		fmt.Fprintln(w, "acked 3")
	})
	got, err := s.Metrics(t.Context(), "node1", "127.0.0.1:9101")
	if err != nil || got["acked"] != 3 {
		t.Errorf("got %v, %v, want acked 3", got, err)
	}
}

func TestAPageElsewhereIsNotFollowed(t *testing.T) {
	s := served(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://192.0.2.99/", http.StatusFound)
	})
	_, err := s.Metrics(t.Context(), "node1", "127.0.0.1:9101")
	if err == nil || !strings.Contains(err.Error(), "302") || !strings.Contains(err.Error(), "node1") {
		t.Errorf("got %v, want an error with the machine and the status 302", err)
	}
}

func FuzzParseMetrics(f *testing.F) {
	f.Add("a 1\n")
	f.Add("# TYPE a counter\na{b=\"c\"} 1e999\n")
	f.Fuzz(func(t *testing.T, page string) {
		m, err := ParseMetrics(strings.NewReader(page))
		if err == nil && m == nil {
			t.Error("neither metrics nor an error")
		}
	})
}
