package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// maxWorkers bounds the requests that are under way at once, whatever the rate:
// a service that hangs must not take the machine that asks it along.
const maxWorkers = 2000

// load sends requests at a fixed rate, however long earlier ones take, and
// returns what they met. Answers count as failed by what the target expects.
func load(ctx context.Context, t *target, req plugins.Request) (any, error) {
	p := t.page()
	if p == nil {
		return nil, effect.Errorf(effect.CodeUnsupported, "there is nothing to load at %s: its configuration names no url", t.name).
			WithHint("add url: http://host:port/path to the target")
	}
	rate, _ := req.Args["rate"].(float64)
	seconds, _ := req.Args["during"].(float64)
	paths, _ := req.Args["paths"].([]any)
	targets, err := p.targets(paths, t.paths)
	if err != nil {
		return nil, err
	}
	during := effect.Seconds(seconds)
	client := &http.Client{Transport: p.client.Transport.(*http.Transport).Clone(), CheckRedirect: p.client.CheckRedirect, Timeout: t.timeout}
	client.Transport.(*http.Transport).DisableKeepAlives = false // as those who load it for real
	client.Transport.(*http.Transport).MaxIdleConnsPerHost = maxWorkers
	defer client.CloseIdleConnections()

	start := time.Now()
	attacker := vegeta.NewAttacker(vegeta.Client(client), vegeta.MaxWorkers(maxWorkers), vegeta.MaxBody(0))
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	var met met
	told := start
	for r := range attacker.Attack(vegeta.NewStaticTargeter(targets...), vegeta.Rate{Freq: 1, Per: time.Duration(float64(time.Second) / rate)}, during, t.name) {
		met.add(r, p.expect)
		if now := time.Now(); now.Sub(told) >= time.Second {
			told = now
			req.Progress(fmt.Sprintf("%d requests to %s, %d failed", met.all, t.name, met.failed))
		}
	}
	if ctx.Err() != nil {
		return nil, health.Interrupted(ctx, "loading "+t.name, start)
	}
	return met.values(t.name, during)
}

// page returns what the target answers over HTTP; nil if it has no such probe.
func (t *target) page() *httpProbe {
	for _, p := range t.probes {
		if p, ok := p.(*httpProbe); ok {
			return p
		}
	}
	return nil
}

// targets are what is requested: the paths given, those configured, or the page
// that is probed.
func (p *httpProbe) targets(given []any, configured []string) ([]vegeta.Target, error) {
	paths := configured
	if len(given) > 0 {
		paths = nil
		for _, v := range given {
			path, _ := v.(string)
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return []vegeta.Target{p.request(p.url)}, nil
	}
	var list []vegeta.Target
	for _, path := range paths {
		u, err := url.Parse(path)
		if err != nil || u.IsAbs() || u.Host != "" || len(path) == 0 || path[0] != '/' {
			return nil, effect.Errorf(effect.CodeInvalid, "paths: %q is no path of %s", path, p.url.Host).WithHint(`write "/checkout?cart=1"`)
		}
		list = append(list, p.request(p.url.ResolveReference(u)))
	}
	return list, nil
}

func (p *httpProbe) request(u *url.URL) vegeta.Target {
	return vegeta.Target{Method: http.MethodGet, URL: u.String(), Header: http.Header{"User-Agent": {"runbook-load"}}}
}

// met is what requests met.
type met struct {
	all, failed int
	latencies   vegeta.LatencyMetrics
	last        string // why the last one failed
}

func (m *met) add(r *vegeta.Result, expect statuses) {
	m.all++
	m.latencies.Add(r.Latency)
	switch {
	case r.Error != "" && r.Code == 0:
		m.failed, m.last = m.failed+1, r.Error
	case !expect.has(int(r.Code)):
		m.failed, m.last = m.failed+1, fmt.Sprintf("%d %s", r.Code, http.StatusText(int(r.Code)))
	}
}

// values are the figures as the contract has them. Where nobody answered, there
// is no latency to tell.
func (m *met) values(name string, during time.Duration) (any, error) {
	if m.all == 0 {
		return nil, effect.Errorf(effect.CodeNoData, "no request was sent to %s in %s", name, effect.FormatDuration(during)).WithHint("load it for longer, or at a higher rate")
	}
	failed := 100 * float64(m.failed) / float64(m.all)
	out := map[string]any{"samples": float64(m.all), "error_rate": failed, "uptime": 100 - failed,
		"throughput": float64(m.all) / during.Seconds()}
	for _, q := range quantiles {
		out[q.name] = m.latencies.Quantile(q.q).Seconds()
	}
	return out, nil
}
