package prometheus

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
// passed; at least once. A series that has no number, or an old one, is not
// above 0: the error's code is "no_data" then, as it is when the server cannot
// be asked, which says nothing of the target. A query that makes no sense, or
// a server that refuses it, fails at once.
func (b *Backend) check(ctx context.Context, t *target, timeout time.Duration, progress func(string)) (any, error) {
	if t.check == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "%s cannot be checked: it has no check query", t.name).
			WithHint(`give the target a selector, or check: 'up{job="web"}'`)
	}
	start := time.Now()
	end := start.Add(timeout)
	var last verdict
	for tries, pause := 1, firstPause; ; tries++ {
		limit := slack
		if timeout > 0 {
			limit = min(slack, time.Until(end))
		}
		asking, cancel := context.WithTimeout(ctx, limit)
		v, took, err := b.verdict(asking, t, b.present(asking, progress), progress)
		cancel()
		if ctx.Err() != nil {
			return nil, health.Interrupted(ctx, "checking "+t.name, start)
		}
		if err != nil {
			e := effect.AsError(err)
			if !e.Retryable {
				return nil, e
			}
			v = verdict{seen: fmt.Sprintf("whether %s is up is not known: %s", t.name, e.Message), code: effect.CodeNoData, hint: e.Hint}
		}
		if v.code == "" {
			return map[string]any{"healthy": true, "latency": took.Seconds(), "detail": v.seen}, nil
		}
		if last.seen == "" || err == nil || limit == slack {
			last = v
		}
		progress(v.seen)
		left := time.Until(end)
		if left <= min(leastTry, timeout/10) {
			e := effect.Errorf(last.code, "%s, %d tries in %s", last.seen, tries, effect.FormatDuration(time.Since(start)))
			if tries == 1 {
				e = effect.Errorf(last.code, "%s", last.seen)
			}
			if last.hint != "" {
				return nil, e.WithHint("%s", last.hint)
			}
			return nil, e.WithHint("see why %s is not up, or give it longer: timeout = \"1m\"", t.name)
		}
		if !health.Sleep(ctx, min(pause, left/2)) {
			return nil, health.Interrupted(ctx, "checking "+t.name, start)
		}
		pause = min(2*pause, lastPause)
	}
}

// verdict is what one look saw.
type verdict struct {
	seen string      // in words
	code effect.Code // of the error that it is; "" if all is well
	hint string      // what to do about it, if the target is not to blame
}

// verdict asks the check's query once, and whether the answer can be relied
// on; took is how long the query itself took.
func (b *Backend) verdict(ctx context.Context, t *target, at time.Time, progress func(string)) (v verdict, took time.Duration, err error) {
	asked := time.Now()
	a, err := b.ask(ctx, t.check, at)
	took = time.Since(asked)
	if err != nil {
		return verdict{}, took, err
	}
	// A series that is down says more than another one that says nothing.
	for _, p := range a.points {
		if p.number() && p.value <= 0 {
			seen := fmt.Sprintf("%s is %s", t.check, strconv.FormatFloat(p.value, 'g', 6, 64))
			if p.labels != "" {
				seen += " at " + p.labels
			}
			return verdict{seen: seen, code: effect.CodeUnhealthy}, took, nil
		}
	}
	if v, err := b.dropped(ctx, t.check, at, a); v.code != "" || err != nil {
		return v, took, err
	}
	gap, void := a.void(t.check)
	if !void {
		gap, void, err = b.newFreshness(t, at, 0, progress).gap(ctx, t.check, len(a.points) == 0)
	}
	if err != nil {
		return verdict{}, took, err
	}
	if void {
		return verdict{seen: fmt.Sprintf("%s has no data: %s", t.check, gap), code: effect.CodeNoData,
			hint: fmt.Sprintf("see that the server scrapes %s: its page %s/targets says why not", t.name, strings.TrimSuffix(b.address, "/"))}, took, nil
	}
	return verdict{seen: t.check + " is above 0"}, took, nil
}

// dropped finds the series that a check of the form `ratio > 0.9` filtered
// out: they fail it, and must not look as if they were not there.
func (b *Backend) dropped(ctx context.Context, query string, at time.Time, a answer) (verdict, error) {
	operand := readsOf(query).filtered
	if operand == "" {
		return verdict{}, nil
	}
	all, err := b.ask(ctx, operand, at)
	if err != nil {
		return verdict{}, err
	}
	for _, p := range all.points {
		if p.number() && !slices.ContainsFunc(a.points, func(kept point) bool { return kept.metric.Equal(p.metric) }) {
			where := ""
			if p.labels != "" {
				where = " at " + p.labels
			}
			return verdict{seen: fmt.Sprintf("%s does not hold: %s%s", query, strconv.FormatFloat(p.value, 'g', 6, 64), where), code: effect.CodeUnhealthy}, nil
		}
	}
	return verdict{}, nil
}
