package prometheus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// measure waits for the window and then asks every query about it, all for
// the same moment. It waits because a gate asks about the time that follows
// the change before it; a query right away would look at the time before.
func (b *Backend) measure(ctx context.Context, t *target, window time.Duration, progress func(string)) (any, error) {
	if len(t.queries) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be measured: it has no queries", t.name).
			WithHint("give the target a selector or queries in the configuration")
	}
	start := time.Now()
	if !health.Sleep(ctx, window) {
		return nil, health.Interrupted(ctx, "measuring "+t.name, start)
	}
	at := time.Now()
	asking, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	values := map[string]any{}
	var missing []string
	for _, metric := range metricNames() {
		query, ok := t.queries[metric]
		if !ok {
			continue
		}
		query = over(query, window)
		points, err := b.ask(asking, query, at, progress)
		switch {
		case ctx.Err() != nil:
			return nil, health.Interrupted(ctx, "measuring "+t.name, start)
		case err != nil:
			return nil, err
		case len(points) == 0:
			missing = append(missing, metric)
		case len(points) > 1:
			return nil, effect.Errorf(effect.CodeInvalid, "the query of %s.%s answers with %d series (%s, %s, …), not with one number: %s",
				t.name, metric, len(points), points[0].labels, points[1].labels, query).
				WithHint("wrap it in sum(), max() or avg()")
		default:
			values[metric] = points[0].value
		}
	}
	if n, ok := values["samples"].(float64); ok && n != float64(int64(n)) {
		values["samples"] = float64(int64(n + 0.5)) // increase() extrapolates to fractions
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		text := fmt.Sprintf("no data in the last %s: %s", effect.FormatDuration(window), strings.Join(missing, ", "))
		if len(values) == 0 {
			return nil, effect.Errorf(effect.CodeNoData, "nothing could be measured of %s: %s", t.name, text).
				WithHint("the window has to hold at least two scrapes: see the server's scrape_interval, and that it scrapes the target")
		}
		progress(text)
	}
	return values, nil
}
