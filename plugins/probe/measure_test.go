package probe

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/health"
)

// measureWhile measures and calls during between the two readings.
func measureWhile(t *testing.T, s *service, target map[string]any, window float64, during func()) (map[string]any, string) {
	t.Helper()
	b := configured(t, map[string]any{"green": target})
	done := make(chan struct{})
	s.hold.Store(&done)
	go func() {
		defer close(done)
		for s.scraped.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		during()
	}()
	var lines []string
	req := request("measure", map[string]any{"env": "green", "window": window})
	req.Progress = func(line string) { lines = append(lines, line) }
	v, err := b.Invoke(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	<-done
	checkReturns(t, v.(map[string]any))
	return v.(map[string]any), strings.Join(lines, "\n")
}

// checkReturns fails unless the values are what the contract returns.
func checkReturns(t *testing.T, values map[string]any) {
	t.Helper()
	for _, op := range health.Module().Ops {
		if op.Name != "measure" {
			continue
		}
		if _, err := effect.CheckFields(op.Returns, nil, values); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
}

func wantNear(t *testing.T, values map[string]any, name string, want, tolerance float64) {
	t.Helper()
	got, ok := values[name].(float64)
	if !ok || math.Abs(got-want) > tolerance {
		t.Errorf("%s is %v, want %v", name, values[name], want)
	}
}

func wantAbsent(t *testing.T, values map[string]any, names ...string) {
	t.Helper()
	for _, n := range names {
		if v, there := values[n]; there {
			t.Errorf("%s is %v, want nothing", n, v)
		}
	}
}

func TestMeasureMetrics(t *testing.T) {
	s := startService(t)
	m := s.metrics.Load()
	for range 1000 { // before the window: must not count
		m.request("/", 500, 400*time.Millisecond)
	}
	got, _ := measureWhile(t, s, map[string]any{"url": s.URL + "/healthz", "metrics": s.URL + "/metrics"}, 0.5, func() {
		for i := range 200 {
			code, took := 200, 5*time.Millisecond
			if i%50 == 0 {
				code, took = 503, 200*time.Millisecond // a series that was not there before
			}
			m.request("/", code, took)
		}
	})
	wantNear(t, got, "samples", 200, 0)
	wantNear(t, got, "error_rate", 2, 1e-9)
	if v, _ := got["throughput"].(float64); v <= 0 || v > 400 { // the window is half a second at least
		t.Errorf("throughput is %v", got["throughput"])
	}
	wantNear(t, got, "uptime", 100, 0)
	wantNear(t, got, "p50_latency", 0.01*100/196, 1e-9)
	wantNear(t, got, "p95_latency", 0.01*190/196, 1e-9)
	wantNear(t, got, "p99_latency", 0.1+0.4*2/4, 1e-9)
}

func TestMeasureFilter(t *testing.T) {
	s := startService(t)
	m := s.metrics.Load()
	got, _ := measureWhile(t, s, map[string]any{"metrics": s.URL + "/metrics", "labels": map[string]any{"path": "/api"},
		"errors": `code=~"4..|5.."`}, 0.3, func() {
		for range 10 {
			m.request("/api", 404, 20*time.Millisecond)
			m.request("/api", 200, 20*time.Millisecond)
			m.request("/static", 200, time.Millisecond)
		}
	})
	wantNear(t, got, "samples", 20, 0)
	wantNear(t, got, "error_rate", 50, 1e-9)
	wantNear(t, got, "p50_latency", 0.03, 1e-9)
}

func TestMeasureWithoutRequests(t *testing.T) {
	s := startService(t)
	s.metrics.Load().request("/", 200, time.Millisecond)
	got, _ := measureWhile(t, s, map[string]any{"url": s.URL + "/healthz", "metrics": s.URL + "/metrics"}, 0.2, func() {})
	wantNear(t, got, "throughput", 0, 0)
	wantNear(t, got, "samples", 0, 0)
	wantNear(t, got, "uptime", 100, 0)
	wantAbsent(t, got, "error_rate", "p50_latency", "p95_latency", "p99_latency")
}

func TestMeasureUnknownMetrics(t *testing.T) {
	s := startService(t)
	m := s.metrics.Load()
	got, said := measureWhile(t, s, map[string]any{"metrics": s.URL + "/metrics", "requests": "hits_total", "latency": "took"}, 0.2,
		func() { m.request("/", 200, time.Millisecond) })
	wantNear(t, got, "uptime", 100, 0)
	wantAbsent(t, got, "error_rate", "throughput", "p50_latency", "p95_latency", "p99_latency")
	if !strings.Contains(said, "no counter hits_total") || !strings.Contains(said, "no histogram took") {
		t.Errorf("said %q", said)
	}
}

func TestMeasureCounterReset(t *testing.T) {
	s := startService(t)
	for range 10 {
		s.metrics.Load().request("/", 200, time.Millisecond)
	}
	got, said := measureWhile(t, s, map[string]any{"metrics": s.URL + "/metrics"}, 0.3, func() {
		fresh := newMetrics(0.01, 0.05, 0.1, 0.5)
		fresh.request("/", 200, time.Millisecond)
		s.metrics.Store(fresh)
	})
	wantAbsent(t, got, "error_rate", "throughput", "p50_latency", "p95_latency", "p99_latency")
	if !strings.Contains(said, "reset") {
		t.Errorf("said %q", said)
	}
}

func TestMeasureSlowBeyondTheBuckets(t *testing.T) {
	s := startService(t)
	m := s.metrics.Load()
	got, _ := measureWhile(t, s, map[string]any{"metrics": s.URL + "/metrics"}, 0.2, func() {
		for range 100 {
			m.request("/", 200, 3*time.Second)
		}
	})
	for _, name := range []string{"p50_latency", "p95_latency", "p99_latency"} {
		if v, _ := got[name].(float64); v < 3 {
			t.Errorf("%s is %v although every request took 3s", name, got[name])
		}
	}
}

func TestMeasureNoPage(t *testing.T) {
	s := startService(t)
	b := configured(t, map[string]any{"green": map[string]any{"url": s.URL + "/healthz", "metrics": s.URL + "/nowhere"}})
	var said []string
	req := request("measure", map[string]any{"env": "green", "window": 0.1})
	req.Progress = func(line string) { said = append(said, line) }
	v, err := b.Invoke(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	got := v.(map[string]any)
	wantNear(t, got, "uptime", 100, 0)
	wantAbsent(t, got, "error_rate", "throughput", "p50_latency", "p95_latency", "p99_latency")
	if len(said) != 1 || !strings.Contains(said[0], "/nowhere: 404 Not Found") {
		t.Errorf("said %q", said)
	}
}

func TestMeasureByProbes(t *testing.T) {
	s := startService(t)
	b := configured(t, map[string]any{"green": map[string]any{"url": s.URL + "/healthz"}})
	got, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": 0.3})
	if err != nil {
		t.Fatal(err)
	}
	checkReturns(t, got)
	wantNear(t, got, "samples", 10, 0)
	wantNear(t, got, "uptime", 100, 0)
	wantNear(t, got, "error_rate", 0, 0)
	wantAbsent(t, got, "throughput")
	if p50, p99 := got["p50_latency"].(float64), got["p99_latency"].(float64); p50 <= 0 || p50 > p99 {
		t.Errorf("p50 is %v, p99 is %v", p50, p99)
	}
}

func TestMeasureDownIsNeverFast(t *testing.T) {
	b := configured(t, map[string]any{"green": map[string]any{"tcp": closedPort(t), "timeout": "200ms"}})
	got, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": 0.2})
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, got, "uptime", 0, 0)
	wantNear(t, got, "error_rate", 100, 0)
	if v := got["p50_latency"].(float64); v < 0.2 {
		t.Errorf("a refused connection counts as answered in %vs", v)
	}
}

// A target that hangs is asked as often as one that answers.
func TestMeasureHangingTarget(t *testing.T) {
	s := startService(t)
	s.delay.Store(int64(time.Minute))
	b := configured(t, map[string]any{"green": map[string]any{"url": s.URL + "/healthz", "timeout": "500ms"}})
	start := time.Now()
	got, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": 0.2})
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, got, "samples", 10, 0)
	wantNear(t, got, "uptime", 0, 0)
	if took := time.Since(start); took > 200*time.Millisecond+slack {
		t.Errorf("took %s, longer than the host waits", took)
	}
}

func TestMeasuresAtOnce(t *testing.T) {
	s := startService(t)
	b := configured(t, map[string]any{"green": map[string]any{"url": s.URL + "/healthz", "metrics": s.URL + "/metrics"}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": 0.1}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
