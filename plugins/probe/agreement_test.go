package probe

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/plugins/prometheus/prometheustest"
)

// The percentiles agree with what a real Prometheus server makes of the same
// page, up to the last bucket; beyond it they are larger.
func TestAgreementWithPrometheus(t *testing.T) {
	s := startService(t)
	m := newMetrics(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1)
	rng := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		path := []string{"/", "/api"}[rng.IntN(2)]
		m.request(path, 200, time.Duration(math.Exp(rng.NormFloat64()*1.2-3.5)*1e9))
	}
	s.metrics.Store(m)
	client, err := api.NewClient(api.Config{Address: prometheustest.Start(t, 100*time.Millisecond,
		map[string]string{"web": s.Listener.Addr().String()})})
	if err != nil {
		t.Fatal(err)
	}
	server := v1.NewAPI(client)
	ask := func(query string) (float64, bool) {
		v, _, _, err := server.Query(context.Background(), query, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		vector := v.(model.Vector)
		if len(vector) == 0 {
			return 0, false
		}
		return float64(vector[0].Value), true
	}
	for scraped := false; !scraped; time.Sleep(10 * time.Millisecond) {
		_, scraped = ask("http_request_duration_seconds_count")
	}

	target, err := newTarget("green", map[string]any{"metrics": s.URL + "/metrics", "requests": "http_requests_total",
		"latency": "http_request_duration_seconds", "errors": `code=~"5.."`})
	if err != nil {
		t.Fatal(err)
	}
	page, err := target.metrics.read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	f := between(&reading{at: page.at.Add(-time.Second)}, page)
	for _, q := range []float64{0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 1} {
		want, ok := ask(fmt.Sprintf("histogram_quantile(%v, sum by (le) (http_request_duration_seconds_bucket))", q))
		got, _ := f.latency.quantile(q)
		switch {
		case !ok:
			t.Errorf("Prometheus has no quantile %v", q)
		case want == 1: // the last edge: all that Prometheus knows
			if got <= want {
				t.Errorf("quantile %v: got %v, which is not beyond the last bucket", q, got)
			}
		case math.Abs(got-want) > 1e-9:
			t.Errorf("quantile %v: got %v, Prometheus says %v", q, got, want)
		}
	}
}
