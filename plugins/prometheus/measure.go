package prometheus

import (
	"context"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
	contract "github.com/q-ecosystem/runbook/stdlib/health"
)

// measure waits for the window and then asks every query about it, all for
// the same moment. It waits because a gate asks about the time that follows
// the change before it; a query right away would look at the time before.
//
// That the window is too short for the scrapes is said before it is waited
// for.
//
// A query that fails is asked again for a while. A metric is a value only if
// the whole answer is there: one number, no warning, of series that are fresh
// and of instances that are all scraped. Anything else is a gap.
func (b *Backend) measure(ctx context.Context, t *target, window time.Duration, progress func(string)) (any, error) {
	if len(t.queries) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be measured: it has no queries", t.name).
			WithHint("give the target a selector or queries in the configuration")
	}
	start := time.Now()
	looking, cancel := context.WithTimeout(ctx, min(window, slack))
	err := b.suits(looking, t, window, progress)
	cancel()
	if err != nil {
		return nil, err
	}
	if !health.Sleep(ctx, window-time.Since(start)) {
		return nil, health.Interrupted(ctx, "measuring "+t.name, start)
	}
	asking, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	at := b.present(asking, progress)
	fresh := b.newFreshness(t, at, window, progress)
	values := map[string]any{}
	var gaps []health.Gap
	var failed *effect.Error
	for _, metric := range contract.Metrics() {
		query, ok := t.queries[metric]
		if !ok {
			continue
		}
		value, gap, err := b.one(asking, t, metric, over(query, window), fresh)
		switch {
		case ctx.Err() != nil:
			return nil, health.Interrupted(ctx, "measuring "+t.name, start)
		case err != nil && !effect.AsError(err).Retryable:
			return nil, err
		case err != nil:
			failed = effect.AsError(err)
			gaps = append(gaps, health.Gap{Metric: metric, Why: "the query failed: " + failed.Message, Query: over(query, window)})
		case gap != nil:
			gap.Metric = metric
			gaps = append(gaps, *gap)
		default:
			values[metric] = value
		}
	}
	if n, ok := values["samples"].(float64); ok && n != float64(int64(n)) {
		values["samples"] = float64(int64(n + 0.5)) // increase() extrapolates to fractions
	}
	if len(values) == 0 {
		if failed != nil {
			return nil, failed
		}
		return nil, health.Nothing(t.name, gaps).
			WithHint("see that the server scrapes %s, and that the window holds at least two scrapes (every = \"1m\")", t.name)
	}
	if fresh.oldest > 0 {
		values["age"] = fresh.oldest.Seconds()
	}
	health.Add(values, gaps, progress)
	return values, nil
}

// one asks for one metric. The result is a number, or a gap.
func (b *Backend) one(ctx context.Context, t *target, metric, query string, fresh *freshness) (float64, *health.Gap, error) {
	a, err := b.persist(ctx, query, fresh.at, fresh.progress)
	if err != nil {
		return 0, nil, err
	}
	if g, void := a.void(query); void {
		return 0, &g, nil
	}
	if len(a.points) > 1 {
		return 0, nil, effect.Errorf(effect.CodeInvalid, "the query of %s.%s answers with %d series (%s, %s, …), not with one number: %s",
			t.name, metric, len(a.points), a.points[0].labels, a.points[1].labels, query).
			WithHint("wrap it in sum(), max() or avg()")
	}
	if g, is, err := fresh.gap(ctx, query, len(a.points) == 0); err != nil {
		return 0, nil, fmt.Errorf("how old its series are: %w", err)
	} else if is {
		return 0, &g, nil
	}
	return a.points[0].value, nil, nil
}
