package program

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readTimeout keeps a client that sends nothing from holding a connection.
const readTimeout = 5 * time.Second

// Page serves /metrics (Prometheus) and /healthy (200 "ok", or 503 and why).
type Page struct {
	listener net.Listener
	server   *http.Server
}

// Serve starts the page on host:port; port 0 takes a free one. healthy returns
// nil or what is wrong, and must be safe to call at any time.
func Serve(address string, metrics prometheus.Gatherer, healthy func() error, log *slog.Logger) (*Page, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve metrics: %w; choose another --metrics-address", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthy", func(w http.ResponseWriter, _ *http.Request) {
		if err := healthy(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	page := &Page{listener, &http.Server{Handler: mux, ReadHeaderTimeout: readTimeout}}
	go func() {
		if err := page.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics page stopped", "error", err)
		}
	}()
	return page, nil
}

// Address is where the page is served, host:port.
func (p *Page) Address() string { return p.listener.Addr().String() }

// Close stops serving at once.
func (p *Page) Close() error { return p.server.Close() }
