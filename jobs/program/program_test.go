package program

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestReadDecidesHowAProgramEnds(t *testing.T) {
	for _, c := range []struct {
		name, args     string
		check          error
		code           int
		done           bool
		stdout, stderr string
	}{
		{"good flags go on", "--n 1", nil, ExitOK, false, "", ""},
		{"help is no error", "--help", nil, ExitOK, true, "", "-n"},
		{"a version is printed", "--version", nil, ExitOK, true, "prog ", ""},
		{"an unknown flag", "--m", nil, ExitUsage, true, "", "-m"},
		{"an argument", "x", nil, ExitUsage, true, "", `"x"`},
		{"a failed check", "", errors.New("n is odd"), ExitUsage, true, "", "prog: n is odd; see prog --help"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			f := NewFlags("prog", &stderr)
			f.Int("n", 0, "a number")
			code, done := f.Read(strings.Fields(c.args), &stdout, func() error { return c.check })
			if code != c.code || done != c.done {
				t.Errorf("exit code %d, done %v; want %d, %v", code, done, c.code, c.done)
			}
			if !strings.HasPrefix(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
			}
		})
	}
}

func TestThePageServesMetricsAndHealth(t *testing.T) {
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "weir_test_total"})
	registry.MustRegister(counter)
	counter.Inc()
	var trouble error
	page, err := Serve("127.0.0.1:0", registry, func() error { return trouble }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	get := func(path string) (int, string) {
		t.Helper()
		response, err := http.Get("http://" + page.Address() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	if code, body := get("/metrics"); code != 200 || !strings.Contains(body, "weir_test_total 1") {
		t.Errorf("metrics: %d %s", code, body)
	}
	if code, body := get("/healthy"); code != 200 || body != "ok\n" {
		t.Errorf("healthy: %d %s", code, body)
	}
	trouble = errors.New("no commit yet")
	if code, body := get("/healthy"); code != 503 || !strings.Contains(body, "no commit yet") {
		t.Errorf("unhealthy: %d %s", code, body)
	}
	if _, err := Serve(page.Address(), registry, nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("served twice on one address")
	}
}
