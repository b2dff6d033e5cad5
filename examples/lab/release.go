package lab

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// release is one deployed version, with the metrics of its own life.
type release struct {
	version  string
	metrics  http.Handler
	requests *prometheus.CounterVec
	duration prometheus.Histogram
}

// latencyBuckets are upper bounds in seconds, fine enough that a percentile
// read from them is off by less than a fifth.
func latencyBuckets() []float64 {
	return []float64{.001, .002, .003, .004, .005, .006, .007, .008, .010, .012, .015, .020, .025, .030, .040,
		.050, .060, .080, .1, .125, .15, .175, .2, .225, .25, .3, .35, .4, .5, .6, .8, 1, 1.25, 1.5, 2}
}

func newRelease(version string) (*release, error) {
	r := &release{
		version: version,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered, by status code."}, []string{"code"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time to answer a request.", Buckets: latencyBuckets()}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "build_info", Help: "The version that runs; always 1."}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	// A series that begins with its first failure hides that failure from
	// whoever subtracts two readings.
	r.requests.WithLabelValues("200")
	r.requests.WithLabelValues("500")
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{r.requests, r.duration, build} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("deploy %s: %w", version, err)
		}
	}
	r.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	return r, nil
}

func (r *release) observe(code int, took time.Duration) {
	r.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	r.duration.Observe(took.Seconds())
}
