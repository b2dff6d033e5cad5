package prometheus

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

const (
	// leastAge is what a sample may be old at the least where no bound is
	// configured: a busy server is late now and then.
	leastAge = 15 * time.Second
	// aTime is the smallest value of timestamp() that is taken for a time.
	aTime = 1e9
)

// freshness judges how old, how dense and how complete the series are that
// queries read, at one moment. What was asked once is not asked again.
type freshness struct {
	backend  *Backend
	target   *target
	at       time.Time
	window   time.Duration // that is measured, 0 for a check
	progress func(string)

	oldest    time.Duration     // of the samples that were looked at; 0 if no age is known
	seen      map[string]answer // by selector: the time of the oldest series of each instance; by query for up
	intervals map[instance]time.Duration
}

// instance is what Prometheus scrapes.
type instance struct{ job, name string }

func instanceOf(m model.Metric) instance {
	return instance{string(m[model.JobLabel]), string(m[model.InstanceLabel])}
}

func (b *Backend) newFreshness(t *target, at time.Time, window time.Duration, progress func(string)) *freshness {
	return &freshness{backend: b, target: t, at: at, window: window, progress: progress, seen: map[string]answer{}}
}

// gap says why the answer to a query cannot be relied on although it is a
// number, or why there is none; false if it can. The error is that of a
// question that the server does not answer.
func (f *freshness) gap(ctx context.Context, query string, empty bool) (health.Gap, bool, error) {
	r := readsOf(query)
	found := false
	for _, selector := range r.selectors {
		seen, err := f.ages(ctx, selector)
		if err != nil {
			return health.Gap{}, false, err
		}
		for _, p := range seen.points {
			if p.value < aTime {
				continue // no Prometheus: it says nothing about ages
			}
			found = true
			age := f.at.Sub(unixTime(p.value))
			f.oldest = max(f.oldest, age)
			interval := f.intervals[instanceOf(p.metric)]
			if most := f.mostAge(interval); age > most {
				return health.Gap{Why: fmt.Sprintf("the last sample is %s old (at most %s)", effect.FormatDuration(age), effect.FormatDuration(most)),
					Query: selector, Series: p.labels, Age: age}, true, nil
			}
			if g, short := f.tooShort(query, r, p.labels, interval); short {
				return g, true, nil
			}
		}
	}
	if g, missing, err := f.instanceMissing(ctx, r); err != nil || missing {
		return g, missing, err
	}
	for _, inner := range r.hiding {
		a, err := f.backend.persist(ctx, "("+inner+") != ("+inner+")", f.at, f.progress) // NaN differs from itself
		if err != nil {
			return health.Gap{}, false, err
		}
		for _, p := range a.points {
			if math.IsNaN(p.value) {
				return health.Gap{Why: "the answer leaves a NaN out", Query: inner, Series: p.labels}, true, nil
			}
		}
	}
	if !empty {
		return health.Gap{}, false, nil
	}
	return f.explain(ctx, query, r, found), true, nil
}

// mostAge returns how old a sample may be.
func (f *freshness) mostAge(interval time.Duration) time.Duration {
	if f.target.maxAge > 0 {
		return f.target.maxAge
	}
	if interval > 0 {
		return max(3*interval, leastAge)
	}
	return lookback
}

// ages asks when the series of a selector were last sampled, the oldest of
// each instance.
func (f *freshness) ages(ctx context.Context, selector string) (answer, error) {
	if a, ok := f.seen[selector]; ok {
		return a, nil
	}
	if f.intervals == nil {
		f.intervals = f.backend.intervals(ctx)
	}
	a, err := f.backend.persist(ctx, "min by (job, instance) (timestamp("+selector+"))", f.at, f.progress)
	if err != nil {
		return answer{}, err
	}
	f.seen[selector] = a
	for _, p := range a.points {
		if f.intervals[instanceOf(p.metric)] == 0 && p.value >= aTime {
			f.estimate(ctx, selector)
			break
		}
	}
	return a, nil
}

// instanceMissing looks for an instance of the target that Prometheus fails to
// scrape, or does not know of any more: its series are missing from every sum.
// An instance belongs to the target by its selector, and to a query if it has
// had one of its series within the last hour. A query of nothing but up tells
// by itself of those that are known.
func (f *freshness) instanceMissing(ctx context.Context, r reads) (health.Gap, bool, error) {
	if f.target.selector != "" && (r.others || f.target.instances > 0) {
		query := "up{" + f.target.selector + "}"
		if g, down, err := f.anyOf(ctx, query, 0, cannotBeScraped); err != nil || down && r.others {
			return g, down, err
		}
		if n := len(f.seen[query].points); n < f.target.instances {
			return health.Gap{Query: query, Why: fmt.Sprintf("the answer is partial: the server knows of %d instances, and there have to be %d", n, f.target.instances)}, true, nil
		}
	}
	if !r.others {
		return health.Gap{}, false, nil
	}
	for _, selector := range r.selectors {
		// The value is one that no series has by itself: what is asked for is
		// easily taken for what a server answers that knows less.
		const lost, silent = -7, -8
		had := "group by (job, instance) (last_over_time(" + selector + "[1h]))"
		g, is, err := f.anyOf(ctx, fmt.Sprintf("((up == 0) and on (job, instance) %s) + %d", had, lost), lost, cannotBeScraped)
		if err != nil || is {
			return g, is, err
		}
		if f.window > 0 {
			continue // a series of failures, say, does not come back with its instance
		}
		g, is, err = f.anyOf(ctx, fmt.Sprintf("%d * ((%s and on (job, instance) (up == 1)) unless on (job, instance) group by (job, instance) (%s))", silent, had, selector),
			silent, "the answer is partial: an instance is scraped and does not show "+selector+" any more")
		if err != nil || is {
			return g, is, err
		}
	}
	return health.Gap{}, false, nil
}

const cannotBeScraped = "the answer is partial: an instance cannot be scraped (up is 0)"

// anyOf asks for instances; one with the value of those that are looked for is
// a gap.
func (f *freshness) anyOf(ctx context.Context, query string, value float64, why string) (health.Gap, bool, error) {
	a, known := f.seen[query]
	if !known {
		var err error
		if a, err = f.backend.persist(ctx, query, f.at, f.progress); err != nil {
			return health.Gap{}, false, err
		}
		f.seen[query] = a
	}
	for _, p := range a.points {
		if p.value == value {
			return health.Gap{Why: why, Query: query, Series: p.labels}, true, nil
		}
	}
	return health.Gap{}, false, nil
}

// explain says why a query has no answer at all.
func (f *freshness) explain(ctx context.Context, query string, r reads, found bool) health.Gap {
	g := health.Gap{Why: "the answer is empty", Query: query}
	switch {
	case len(r.selectors) == 0:
	case found && r.rate > 0:
		g.Why = "the answer is empty although its series are there: no requests, fewer than two scrapes in " +
			effect.FormatDuration(r.rate) + ", or beyond the last bucket"
	case found:
		g.Why = "the answer is empty although its series are there"
	default:
		selector := r.selectors[0]
		g.Why, g.Series = "there is no series "+selector, selector
		// The last hour, in steps that the server's own look-back bridges.
		a, err := f.backend.ask(ctx, "max(max_over_time(timestamp("+selector+")[1h:1m]))", f.at)
		if err == nil && len(a.points) == 1 && a.points[0].value >= aTime {
			g.Age = f.at.Sub(unixTime(a.points[0].value))
			g.Why += ": the last sample is " + effect.FormatDuration(g.Age) + " old"
		}
	}
	return g
}

func unixTime(seconds float64) time.Time { return time.UnixMilli(int64(seconds * 1000)) }
