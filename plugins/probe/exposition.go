package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// maxPage bounds a page of metrics, in bytes.
const maxPage = 32 << 20

// exposition is a page of metrics and what to look for on it.
type exposition struct {
	client   *http.Client
	url      *url.URL
	requests string   // a counter
	latency  string   // a histogram, in seconds
	failed   selector // the requests that failed
	filter   selector // the series that count at all
	maxAge   time.Duration
}

// reading is what a page said at one time.
type reading struct {
	at       time.Time
	started  float64              // process_start_time_seconds, 0 if it is not on the page
	requests map[string]float64   // by series
	failed   map[string]float64   // those of requests that failed
	latency  map[string]histogram // by series

	noRequests, noLatency *health.Gap // why the maps above tell nothing, nil if they do
}

// read fetches the page. The error says what was tried and why it failed.
func (e *exposition) read(ctx context.Context) (*reading, error) {
	what := "GET " + e.url.Redacted()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	req.Header.Set("User-Agent", "runbook-probe")
	start := time.Now()
	res, err := e.client.Do(req)
	if err != nil {
		return nil, errors.New(what + ": " + reason(ctx, err, time.Since(start)))
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(what + ": " + res.Status)
	}
	body := &io.LimitedReader{R: res.Body, N: maxPage + 1}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(body)
	switch {
	case body.N == 0:
		return nil, fmt.Errorf("%s: the page is larger than %d MiB", what, maxPage>>20)
	case ctx.Err() != nil:
		return nil, errors.New(what + ": " + reason(ctx, ctx.Err(), time.Since(start)))
	case err != nil:
		return nil, fmt.Errorf("%s: not a page of metrics in Prometheus' text format: %w", what, err)
	}
	return e.pick(families, start), nil
}

// pick takes what is looked for from the families of a page. One series that
// is no number, or old, takes the others of its family with it: their sum
// would miss it.
func (e *exposition) pick(families map[string]*dto.MetricFamily, now time.Time) *reading {
	r := &reading{at: now, requests: map[string]float64{}, failed: map[string]float64{}, latency: map[string]histogram{}}
	for _, m := range families["process_start_time_seconds"].GetMetric() {
		r.started, _ = number(m)
	}
	for _, m := range families[e.requests].GetMetric() {
		label := labels(m)
		if !e.filter.match(label) {
			continue
		}
		v, ok := number(m)
		if r.noRequests = e.old(r.noRequests, e.requests, m, now); !ok && r.noRequests == nil {
			r.noRequests = e.gap(e.requests, series(m), "the counter is no number")
		}
		r.requests[key(m)] = v
		if e.failed.match(label) {
			r.failed[key(m)] = v
		}
	}
	if len(r.requests) == 0 {
		r.noRequests = e.gap(e.requests, "", "there is no counter "+e.requests+e.filtered())
	}
	for _, m := range families[e.latency].GetMetric() {
		if m.GetHistogram() == nil || !e.filter.match(labels(m)) {
			continue
		}
		h, problem := newHistogram(m.GetHistogram())
		if r.noLatency = e.old(r.noLatency, e.latency, m, now); problem != "" && r.noLatency == nil {
			r.noLatency = e.gap(e.latency, series(m), "the histogram "+problem)
		}
		r.latency[key(m)] = h
	}
	if len(r.latency) == 0 {
		r.noLatency = e.gap(e.latency, "", "there is no histogram "+e.latency+e.filtered())
	}
	return r
}

func (e *exposition) gap(metric, series, why string) *health.Gap {
	return &health.Gap{Why: why, Query: metric + " on " + e.url.Redacted(), Series: series}
}

// old returns known, or why a series with a time stamp is too old, if it is.
func (e *exposition) old(known *health.Gap, metric string, m *dto.Metric, now time.Time) *health.Gap {
	if known != nil || m.TimestampMs == nil {
		return known
	}
	age := now.Sub(time.UnixMilli(m.GetTimestampMs()))
	if age <= e.maxAge {
		return nil
	}
	g := e.gap(metric, series(m), fmt.Sprintf("the last sample is %s old (at most %s)", effect.FormatDuration(age), effect.FormatDuration(e.maxAge)))
	g.Age = age
	return g
}

func (e *exposition) filtered() string {
	if len(e.filter) == 0 {
		return ""
	}
	return " with the configured labels"
}

// number returns the value of a counter or gauge. NaN is no value.
func number(m *dto.Metric) (float64, bool) {
	var v float64
	switch {
	case m.GetCounter() != nil:
		v = m.GetCounter().GetValue()
	case m.GetUntyped() != nil:
		v = m.GetUntyped().GetValue()
	case m.GetGauge() != nil:
		v = m.GetGauge().GetValue()
	default:
		return 0, false
	}
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
}

// key names a series within its family, whatever the order of its labels.
func key(m *dto.Metric) string {
	parts := make([]string, len(m.GetLabel()))
	for i, l := range m.GetLabel() {
		parts[i] = l.GetName() + "\x00" + l.GetValue()
	}
	slices.Sort(parts)
	return strings.Join(parts, "\x00")
}

// series names a series for people: `{code="200"}`.
func series(m *dto.Metric) string {
	parts := make([]string, len(m.GetLabel()))
	for i, l := range m.GetLabel() {
		parts[i] = fmt.Sprintf("%s=%q", l.GetName(), l.GetValue())
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ", ") + "}"
}

func labels(m *dto.Metric) func(string) string {
	return func(name string) string {
		for _, l := range m.GetLabel() {
			if l.GetName() == name {
				return l.GetValue()
			}
		}
		return ""
	}
}
