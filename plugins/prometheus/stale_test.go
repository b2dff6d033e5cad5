package prometheus

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/prometheus/prometheustest"
)

// TestSeriesThatEndOrBeginAnew: a series that its page does not show any more
// is no data at once, not after the server's look-back; a counter that begins
// anew is one that was restarted, and a histogram without requests has no
// latency.
func TestSeriesThatEndOrBeginAnew(t *testing.T) {
	t.Parallel() // it waits for scrapes
	began := time.Now()
	var shown, restarted atomic.Bool
	shown.Store(true)
	vanishing := page(t, func() string {
		text := "other 1\n"
		if shown.Load() {
			text += "ratio 1\n"
		}
		return text
	})
	steady := page(t, func() string { return "ratio 1\n" })
	counter := page(t, func() string {
		n := time.Since(began).Milliseconds()
		if restarted.Load() {
			n = n % 1000
		} else {
			n += 1_000_000
		}
		return fmt.Sprintf("http_requests_total{code=\"200\"} %d\nhttp_requests_total{code=\"500\"} %d\n", n, n/100)
	})
	idle := page(t, func() string {
		return "http_requests_total{code=\"200\"} 5\nhttp_request_duration_seconds_bucket{le=\"0.1\"} 5\nhttp_request_duration_seconds_bucket{le=\"+Inf\"} 5\nhttp_request_duration_seconds_sum 0.1\nhttp_request_duration_seconds_count 5\n"
	})
	address := prometheustest.Start(t, 100*time.Millisecond, map[string]string{"vanishing": vanishing, "one": vanishing + "," + steady, "counter": counter, "idle": idle})
	b := configured(t, map[string]any{"address": address, "targets": map[string]any{
		"one":       map[string]any{"check": `ratio{job="one"}`},
		"vanishing": map[string]any{"selector": `job="vanishing"`, "check": "min(ratio{$selector})"},
		"counter":   map[string]any{"selector": `job="counter"`}, "idle": map[string]any{"selector": `job="idle"`}}})
	wait := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	check := func(env string) error {
		_, _, err := invoke(context.Background(), b, "check", map[string]any{"env": env, "timeout": 0.0})
		return err
	}
	wait("the series do not come", func() bool {
		a, err := b.ask(context.Background(), `ratio{job="one"}`, time.Now())
		return err == nil && len(a.points) == 2 && check("vanishing") == nil && check("one") == nil
	})
	shown.Store(false)
	wait("the series do not go", func() bool { return check("vanishing") != nil && check("one") != nil })
	if e := wantCode(t, check("one"), effect.CodeNoData); !strings.Contains(e.Message, `an instance is scraped and does not show ratio{job="one"} any more at {instance="`+vanishing) {
		t.Error(e.Message)
	}
	if e := wantCode(t, check("vanishing"), effect.CodeNoData); !strings.Contains(e.Message, `does not show ratio{job="vanishing"} any more`) {
		t.Error(e.Message)
	}

	wait("the counter does not come", func() bool {
		a, err := b.ask(context.Background(), `rate(http_requests_total{job="counter"}[1s])`, time.Now())
		return err == nil && len(a.points) == 2
	})
	restarted.Store(true)
	v, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "counter", "window": 2.0})
	if err != nil {
		t.Fatal(err)
	}
	if rate, _ := v["throughput"].(float64); rate <= 0 || rate > 5000 {
		t.Errorf("a counter that begins anew has the rate %v", v["throughput"])
	}
	near(t, v, "error_rate", 1, 1.5)

	v, _, err = invoke(context.Background(), b, "measure", map[string]any{"env": "idle", "window": 1.0})
	if err != nil {
		t.Fatal(err)
	}
	absent(t, v, "error_rate", "p50_latency", "p99_latency")
	if why := gaps(t, v); !strings.Contains(why["p99_latency"], "no requests") || !strings.Contains(why["error_rate"], "no requests") || v["throughput"] != 0.0 {
		t.Errorf("%v", v)
	}
}

// TestAServerThatAnswersAnything: a number that is none of what was asked for
// is not taken for an instance that is down.
func TestAServerThatAnswersAnything(t *testing.T) {
	for _, value := range []string{"0", "1"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,%q]}]}}`, value)
		}))
		t.Cleanup(server.Close)
		b := configured(t, map[string]any{"address": server.URL, "targets": map[string]any{"green": map[string]any{"check": "ratio", "queries": map[string]any{"error_rate": "errs"}}}})
		v, _, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": 0.05})
		if err != nil || fmt.Sprint(v["error_rate"]) != value {
			t.Errorf("%s: %v, %v", value, v, err)
		}
		if _, _, err = invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": 0.0}); (err == nil) != (value == "1") {
			t.Errorf("%s: %v", value, err)
		}
	}
}
