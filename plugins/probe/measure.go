package probe

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// slack bounds what measure takes beyond its window: half of it for the
// reading before, half for the one after. The host allows five seconds.
const slack = 4 * time.Second

// firstRetry is the pause before a page that could not be read is read again.
const firstRetry = 200 * time.Millisecond

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
	var gaps []health.Gap

	seen := make(chan []sight, 1)
	go func() { seen <- probeFor(ctx, t, window, limit) }()

	if t.metrics != nil {
		gaps = addFlow(values, scrapeAround(ctx, t.metrics, window, limit))
	}
	probes := <-seen
	if ctx.Err() != nil {
		return nil, health.Interrupted(ctx, "measuring "+t.name, start)
	}
	addProbes(values, probes, t.metrics == nil, limit)

	if len(values) == 0 {
		return nil, health.Nothing(t.name, gaps).WithHint("see that %s can be reached from here, and give it longer: every = \"1m\"", t.name)
	}
	health.Add(values, gaps, progress)
	return values, nil
}

// scrapeAround reads the page, waits for the window, and reads it again.
func scrapeAround(ctx context.Context, e *exposition, window, limit time.Duration) flow {
	first, err := e.readAgain(ctx, limit)
	if err != nil {
		return unseen(err.Error())
	}
	if !health.Sleep(ctx, time.Until(first.at.Add(window))) {
		return unseen("the measurement was broken off")
	}
	last, err := e.readAgain(ctx, limit)
	if err != nil {
		return unseen(err.Error())
	}
	return between(first, last)
}

// readAgain reads the page; where that fails, once more in what is left of
// the limit.
func (e *exposition) readAgain(ctx context.Context, limit time.Duration) (*reading, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := e.read(ctx)
	if err == nil || !health.Sleep(ctx, min(firstRetry, limit/4)) {
		return r, err
	}
	again, second := e.read(ctx)
	if second != nil {
		return nil, err
	}
	return again, nil
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

// addFlow adds what the page tells, and returns why it does not tell the
// rest. Without a request there is no error rate and no latency.
func addFlow(values map[string]any, f flow) []health.Gap {
	var gaps []health.Gap
	leave := func(metric string, g health.Gap) {
		g.Metric = metric
		gaps = append(gaps, g)
	}
	idle := health.Gap{Why: "there were no requests in the window"}
	if f.noRequests != nil {
		leave("error_rate", *f.noRequests)
		leave("throughput", *f.noRequests)
	} else {
		values["throughput"] = f.requests / f.seconds
		values["samples"] = math.Round(f.requests)
		if f.requests > 0 {
			values["error_rate"] = 100 * f.failed / f.requests
		} else {
			leave("error_rate", idle)
		}
	}
	for _, q := range quantiles {
		v, ok := f.latency.quantile(q.q)
		switch {
		case f.noLatency != nil:
			leave(q.name, *f.noLatency)
		case ok:
			values[q.name] = v
		case f.latency.total() == 0:
			leave(q.name, idle)
		default:
			leave(q.name, health.Gap{Why: "it is beyond the last bucket, and the histogram has no sum to bound it by"})
		}
	}
	return gaps
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
