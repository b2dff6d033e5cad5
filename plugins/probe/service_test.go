package probe

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// service is a real web service with metrics and switches.
type service struct {
	*httptest.Server
	status  atomic.Int64 // of /healthz
	delay   atomic.Int64 // of /healthz, in nanoseconds
	asked   atomic.Int64 // probes that came in
	metrics atomic.Pointer[metrics]
	scraped atomic.Int64                  // readings of the metrics that were answered; probes aside
	hold    atomic.Pointer[chan struct{}] // if set, the second reading waits for it
}

// metrics are what one life of the service counted.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
}

func newMetrics(buckets ...float64) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "http_requests_total"}, []string{"code", "path"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds",
			Buckets: buckets}, []string{"path"}),
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.latency)
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return m
}

// request counts one request, as if it had been served.
func (m *metrics) request(path string, code int, took time.Duration) {
	m.requests.WithLabelValues(strconv.Itoa(code), path).Inc()
	m.latency.WithLabelValues(path).Observe(took.Seconds())
}

func startService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.status.Store(http.StatusOK)
	s.metrics.Store(newMetrics(0.01, 0.05, 0.1, 0.5))
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		select {
		case <-time.After(time.Duration(s.delay.Load())):
		case <-r.Context().Done():
		}
		w.WriteHeader(int(s.status.Load()))
	})
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, r *http.Request) {
		scrape := r.Header.Get("Accept") != ""
		if hold := s.hold.Load(); scrape && hold != nil && s.scraped.Load() > 0 {
			<-*hold
		}
		s.metrics.Load().handler.ServeHTTP(w, r)
		if scrape {
			s.scraped.Add(1)
		}
	})
	mux.Handle("/login", http.RedirectHandler("/healthz", http.StatusFound))
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// configured returns a backend for these targets, its configuration checked
// as the host checks it.
func configured(t *testing.T, targets map[string]any) *Backend {
	t.Helper()
	return plugintest.Configured(t, New(), map[string]any{"targets": targets})
}

func configure(b *Backend, targets map[string]any) error {
	return plugintest.Configure(b, map[string]any{"targets": targets})
}

func request(op string, args map[string]any) plugins.Request {
	return plugins.Request{Op: op, Args: args, Key: "k", Run: "r", Place: "1", Attempt: 1, Progress: func(string) {}}
}

func invoke(ctx context.Context, b *Backend, op string, args map[string]any) (map[string]any, error) {
	v, err := b.Invoke(ctx, request(op, args))
	m, _ := v.(map[string]any)
	return m, err
}

// wantCode fails unless err is an *effect.Error of that code, and returns it.
func wantCode(t *testing.T, err error, code effect.Code) *effect.Error {
	t.Helper()
	var e *effect.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of code %s", err, code)
	}
	if e.Code != code {
		t.Fatalf("got code %s (%s), want %s", e.Code, e.Message, code)
	}
	return e
}
