package probe

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// slack bounds what measure takes beyond its window: half of it for the
// reading before, half for the one after. The host allows five seconds.
const slack = 4 * time.Second

// quantiles are the latencies that measure returns.
var quantiles = []struct {
	name string
	q    float64
}{{"p50_latency", 0.50}, {"p95_latency", 0.95}, {"p99_latency", 0.99}}

// measure watches the target for the window. Metrics come from the target's
// page if it has one, and from the probes otherwise; uptime always comes from
// the probes. It is an error only if nothing at all could be measured.
func measure(ctx context.Context, t *target, window time.Duration, progress func(string)) (any, error) {
	start := time.Now()
	limit := min(t.timeout, slack/2)
	values := map[string]any{}
	var notes []string

	seen := make(chan []sight, 1)
	go func() { seen <- probeFor(ctx, t, window, limit) }()

	if t.metrics != nil {
		var f flow
		f, notes = scrapeAround(ctx, t.metrics, window, limit)
		addFlow(values, f)
	}
	probes := <-seen
	if ctx.Err() != nil {
		return nil, health.Interrupted(ctx, "measuring "+t.name, start)
	}
	addProbes(values, probes, t.metrics == nil, limit)

	for _, n := range notes {
		progress(n)
	}
	if len(values) == 0 {
		return nil, effect.Errorf(effect.CodeNoData, "nothing could be measured of %s: %s", t.name, strings.Join(notes, "; "))
	}
	return values, nil
}

// scrapeAround reads the page, waits for the window, and reads it again.
func scrapeAround(ctx context.Context, e *exposition, window, limit time.Duration) (flow, []string) {
	read := func() (*reading, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return e.read(ctx)
	}
	first, err := read()
	if err != nil {
		return flow{}, []string{err.Error()}
	}
	if !health.Sleep(ctx, time.Until(first.at.Add(window))) {
		return flow{}, nil
	}
	last, err := read()
	if err != nil {
		return flow{}, []string{err.Error()}
	}
	return between(first, last)
}

// probeFor probes at fixed times, however long earlier probes take: a target
// that hangs must not be asked less often than one that answers.
func probeFor(ctx context.Context, t *target, window, limit time.Duration) []sight {
	interval := min(t.interval, window/10)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen []sight
	)
	start := time.Now()
	for at := time.Duration(0); at < window; at += interval {
		if !health.Sleep(ctx, time.Until(start.Add(at))) {
			break
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			s := t.look(ctx)
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, s)
		})
	}
	health.Sleep(ctx, time.Until(start.Add(window)))
	wg.Wait()
	return seen
}

// addFlow adds what the page tells. Without a request there is no error rate
// and no latency.
func addFlow(values map[string]any, f flow) {
	if f.counted {
		values["throughput"] = f.requests / f.seconds
		values["samples"] = math.Round(f.requests)
		if f.requests > 0 {
			values["error_rate"] = 100 * f.failed / f.requests
		}
	}
	for _, q := range quantiles {
		if v, ok := f.latency.quantile(q.q); ok {
			values[q.name] = v
		}
	}
}

// addProbes adds what the probes tell: the uptime, and everything else too if
// there is nothing better. A probe without an answer counts as having taken
// the time that it may take, so that a refused connection is not a fast one.
func addProbes(values map[string]any, probes []sight, alone bool, limit time.Duration) {
	if len(probes) == 0 {
		return
	}
	total, up := float64(len(probes)), 0.0
	took := make([]float64, len(probes))
	for i, s := range probes {
		if s.up {
			up++
		}
		took[i] = s.took.Seconds()
		if !s.answered {
			took[i] = max(took[i], limit.Seconds())
		}
	}
	values["uptime"] = 100 * up / total
	if _, counted := values["samples"]; !counted {
		values["samples"] = total
	}
	if !alone {
		return
	}
	values["error_rate"] = 100 * (total - up) / total
	slices.Sort(took)
	for _, q := range quantiles {
		values[q.name] = took[max(int(math.Ceil(q.q*total))-1, 0)]
	}
}
