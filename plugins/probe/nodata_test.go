package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestPagesThatDoNotTell: one series that is no number, or old, takes the
// metrics away that would miss it, and no others.
func TestPagesThatDoNotTell(t *testing.T) {
	requests := func(n int) string {
		return fmt.Sprintf("# TYPE http_requests_total counter\nhttp_requests_total{code=\"200\"} %d\n", n)
	}
	histogram := func(n int, rest string) string {
		return fmt.Sprintf("# TYPE http_request_duration_seconds histogram\nhttp_request_duration_seconds_bucket{le=\"0.1\"} %d\n", n) + rest
	}
	whole := func(n int) string {
		return histogram(n, fmt.Sprintf("http_request_duration_seconds_bucket{le=\"+Inf\"} %d\nhttp_request_duration_seconds_count %d\n", n, n))
	}
	old := time.Now().Add(-2 * time.Minute).UnixMilli()
	for _, c := range []struct {
		name string
		page func(n int) string // n grows with every reading
		why  map[string]string  // of what is left out
	}{
		{"all there", func(n int) string { return requests(n) + whole(n) }, nil},
		{"NaN of one counter", func(n int) string { return requests(n) + "http_requests_total{code=\"500\"} NaN\n" + whole(n) },
			map[string]string{"error_rate": `the counter is no number at {code="500"}`, "throughput": "the counter is no number"}},
		{"a counter that was NaN before", func(n int) string {
			was := "NaN"
			if n > 150 {
				was = "7"
			}
			return requests(n) + "http_requests_total{code=\"500\"} " + was + "\n" + whole(n)
		}, map[string]string{"error_rate": "the counter is no number", "throughput": "the counter is no number"}},
		{"a counter that is endless", func(n int) string { return requests(n) + "http_requests_total{code=\"500\"} +Inf\n" + whole(n) },
			map[string]string{"error_rate": "the counter is no number", "throughput": "the counter is no number"}},
		{"an old counter", func(n int) string {
			return requests(n) + fmt.Sprintf("http_requests_total{code=\"500\"} 3 %d\n", old) + whole(n)
		}, map[string]string{"error_rate": `old (at most 1m) at {code="500"}`, "throughput": "the last sample is 2m"}},
		{"no +Inf and no count", func(n int) string {
			return requests(n) + histogram(n, "")
		}, map[string]string{"p50_latency": "neither a bucket +Inf nor a count", "p95_latency": "+Inf", "p99_latency": "+Inf"}},
		{"+Inf and no count", func(n int) string {
			return requests(n) + histogram(n, fmt.Sprintf("http_request_duration_seconds_bucket{le=\"+Inf\"} %d\n", n))
		}, nil},
		{"NaN of one bucket", func(n int) string {
			return requests(n) + histogram(n, fmt.Sprintf("http_request_duration_seconds_bucket{le=\"0.5\"} NaN\nhttp_request_duration_seconds_count %d\n", n))
		}, map[string]string{"p50_latency": "the histogram ", "p95_latency": "count", "p99_latency": "count"}},
		{"a bucket below the one before", func(n int) string {
			return requests(n) + histogram(n, fmt.Sprintf("http_request_duration_seconds_bucket{le=\"0.5\"} 1\nhttp_request_duration_seconds_count %d\n", n))
		}, map[string]string{"p50_latency": "does not count upwards", "p95_latency": "count", "p99_latency": "count"}},
		{"beyond the last bucket without a sum", func(n int) string {
			return requests(n) + histogram(n/2, fmt.Sprintf("http_request_duration_seconds_count %d\n", n))
		}, map[string]string{"p95_latency": "beyond the last bucket", "p99_latency": "beyond the last bucket"}},
		{"no requests", func(int) string { return requests(5) + whole(5) },
			map[string]string{"error_rate": "no requests", "p50_latency": "no requests", "p95_latency": "no requests", "p99_latency": "no requests"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := 0
			mux := http.NewServeMux()
			mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
			mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
				n += 100
				_, _ = w.Write([]byte(c.page(n)))
			})
			s := httptest.NewServer(mux)
			t.Cleanup(s.Close)
			b := configured(t, map[string]any{"green": map[string]any{"url": s.URL + "/healthz", "metrics": s.URL + "/metrics"}})
			v, err := invoke(context.Background(), b, "measure", map[string]any{"env": "green", "window": 0.1})
			if err != nil {
				t.Fatal(err)
			}
			checkReturns(t, v)
			got := map[string]string{}
			list, _ := v["no_data"].([]any)
			for _, g := range list {
				g := g.(map[string]any)
				got[g["metric"].(string)] = g["why"].(string)
			}
			for _, metric := range []string{"p50_latency", "p95_latency", "p99_latency", "error_rate", "throughput"} {
				want := c.why[metric]
				if (want == "") != (got[metric] == "") || !strings.Contains(got[metric], want) {
					t.Errorf("%s is left out because of %q, want %q", metric, got[metric], want)
				}
				if _, there := v[metric]; there == (want != "") {
					t.Errorf("%s is %v", metric, v[metric])
				}
			}
		})
	}
}
