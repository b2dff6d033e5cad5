package prometheus

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// Pauses between the tries of a check grow from the first to the last. The
// server learns nothing new between two scrapes, so there is no hurry.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 2 * time.Second
	// leastTry is the time below which another try is not worth it.
	leastTry = 50 * time.Millisecond
)

// check asks until the query is above 0 in every series, or the timeout has
// passed; at least once. A query that makes no sense, or a server that refuses
// it, fails at once.
func (b *Backend) check(ctx context.Context, t *target, timeout time.Duration, progress func(string)) (any, error) {
	if t.check == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be checked: it has no check query", t.name).
			WithHint(`give the target a selector, or check: 'up{job="web"}'`)
	}
	start := time.Now()
	end := start.Add(timeout)
	detail := ""
	for tries, pause := 1, firstPause; ; tries++ {
		limit := slack
		if timeout > 0 {
			limit = min(slack, time.Until(end))
		}
		asking, cancel := context.WithTimeout(ctx, limit)
		asked := time.Now()
		points, err := b.ask(asking, t.check, asked, progress)
		took := time.Since(asked)
		cancel()
		if ctx.Err() != nil {
			return nil, health.Interrupted(ctx, "checking "+t.name, start)
		}
		seen, up := judge(t.check, points)
		if err != nil {
			e := effect.AsError(err)
			if !e.Retryable {
				return nil, e
			}
			seen, up = e.Message, false
		}
		if up {
			return map[string]any{"healthy": true, "latency": took.Seconds(), "detail": seen}, nil
		}
		if detail == "" || err == nil || limit == slack {
			detail = seen
		}
		progress(seen)
		left := time.Until(end)
		if left <= min(leastTry, timeout/10) {
			e := effect.Errorf(effect.CodeUnhealthy, "%s, %d tries in %s", detail, tries, effect.FormatDuration(time.Since(start)))
			if tries == 1 {
				e = effect.Errorf(effect.CodeUnhealthy, "%s", detail)
			}
			return nil, e.WithHint("see why %s is not up, or give it longer: timeout = \"1m\"", t.name)
		}
		if !health.Sleep(ctx, min(pause, left/2)) {
			return nil, health.Interrupted(ctx, "checking "+t.name, start)
		}
		pause = min(2*pause, lastPause)
	}
}

// judge says in words what was seen, and whether it is good.
func judge(query string, points []point) (string, bool) {
	if len(points) == 0 {
		return query + " has no data", false
	}
	for _, p := range points {
		if p.value <= 0 {
			where := ""
			if p.labels != "" {
				where = " at " + p.labels
			}
			return fmt.Sprintf("%s is %s%s", query, strconv.FormatFloat(p.value, 'g', 6, 64), where), false
		}
	}
	return fmt.Sprintf("%s is above 0", query), true
}
