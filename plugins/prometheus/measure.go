package prometheus

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
	contract "github.com/q-ecosystem/runbook/stdlib/health"
)

// asks is what one measurement asks for.
type asks struct {
	window   time.Duration
	own      []string // metrics of the configuration beside the usual ones
	baseline *target  // to compare with; nil for none
	compare  []string // metrics that are
	over     time.Duration
}

// measure waits for the window and then asks every query about it, all for
// the same moment. It waits because a gate asks about the time that follows
// the change before it; a query right away would look at the time before.
//
// That the window is too short for the scrapes is said before it is waited
// for.
//
// Metrics of the configuration stand under metrics in the result, samples beside
// a baseline under compared.
//
// A query that fails is asked again for a while. A metric is a value only if
// the whole answer is there: one number, no warning, of series that are fresh
// and of instances that are all scraped. Anything else is a gap.
func (b *Backend) measure(ctx context.Context, t *target, what asks, progress func(string)) (any, error) {
	window := what.window
	asked, err := t.asked(what.own)
	if err != nil {
		return nil, err
	}
	if len(asked) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be measured: it has no queries", t.name).
			WithHint("give the target a selector or queries in the configuration")
	}
	start := time.Now()
	looking, cancel := context.WithTimeout(ctx, min(window, slack))
	err = b.suits(looking, t, window, asked, progress)
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
	for _, metric := range asked {
		query := t.queries[metric]
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
	if what.baseline != nil {
		if values["compared"], err = b.compared(asking, t, what.baseline, what.compare, what.over, fresh); err != nil {
			return nil, err
		}
	}
	if fresh.oldest > 0 {
		values["age"] = fresh.oldest.Seconds()
	}
	health.Add(values, gaps, progress)
	standard := contract.Metrics()
	for _, metric := range asked {
		value, has := values[metric]
		if !has || slices.Contains(standard, metric) {
			continue
		}
		delete(values, metric)
		mine, _ := values["metrics"].(map[string]any)
		if mine == nil {
			mine = map[string]any{}
			values["metrics"] = mine
		}
		mine[metric] = value
	}
	return values, nil
}

// asked returns the metrics that are measured where these of the configuration
// are asked for: those, and the usual ones. The error names what the target has
// no query for.
func (t *target) asked(own []string) ([]string, error) {
	standard := contract.Metrics()
	var list []string
	for _, metric := range standard {
		if t.queries[metric] != "" {
			list = append(list, metric)
		}
	}
	for _, metric := range own {
		if t.queries[metric] != "" {
			if !slices.Contains(list, metric) {
				list = append(list, metric)
			}
			continue
		}
		known := slices.DeleteFunc(slices.Sorted(maps.Keys(t.queries)), func(m string) bool { return slices.Contains(standard, m) })
		hint := fmt.Sprintf("add targets: { %s: { queries: { %s: … } } } to the configuration of prometheus", t.name, metric)
		if near := effect.DidYouMean(metric, known); near != "" {
			hint = near + " or " + hint
		}
		if len(known) > 0 {
			hint += "; known: " + strings.Join(known, ", ")
		}
		return nil, effect.Errorf(effect.CodeNotFound, "%s has no query for the metric %q", t.name, metric).WithHint("%s", hint)
	}
	return list, nil
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
