package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

const (
	// leastScrapes is how many scrapes a range has to hold to say anything.
	leastScrapes = 2
	// goodScrapes is how many it should hold: a rate over fewer is coarse.
	goodScrapes = 4
)

// tooShort says why the ranges of a query, or the window of the measurement,
// may hold too few scrapes of a series. It comes again with every window of
// that length.
func (f *freshness) tooShort(query string, r reads, series string, interval time.Duration) (health.Gap, bool) {
	gap := health.Gap{Query: query, Series: series, Lasting: true}
	switch {
	case interval <= 0:
		return health.Gap{}, false
	case r.reach > 0 && r.reach < leastScrapes*interval:
		what := "a range"
		if r.rate == r.reach {
			what = "a rate"
		}
		gap.Why = fmt.Sprintf("the window of %s is too short: it is scraped every %s, and %s needs two scrapes, %s at the least",
			effect.FormatDuration(r.reach), effect.FormatDuration(interval), what, effect.FormatDuration(leastScrapes*interval))
	case r.instant && f.window > 0 && f.window < interval:
		gap.Why = fmt.Sprintf("the window of %s is too short: it is scraped every %s, and the newest sample may be from before the window",
			effect.FormatDuration(f.window), effect.FormatDuration(interval))
	default:
		return health.Gap{}, false
	}
	return gap, true
}

// suits looks, before metrics of a target are first measured over windows of some
// length, how many scrapes those hold. The error says that no query of the target can
// be answered; what is only coarse is said.
func (b *Backend) suits(ctx context.Context, t *target, window time.Duration, asked []string, progress func(string)) error {
	key := fmt.Sprint(t.name, " ", window, " ", asked)
	b.mu.Lock()
	known := b.suited[key]
	b.mu.Unlock()
	if known {
		return nil
	}
	f := b.newFreshness(t, b.present(ctx, progress), window, progress)
	var gap health.Gap
	short, longest := 0, time.Duration(0)
	for _, metric := range asked {
		query := over(t.queries[metric], window)
		r := readsOf(query)
		isShort := false
		for _, selector := range r.selectors {
			seen, err := f.ages(ctx, selector)
			if err != nil {
				return nil // the measurement itself will say so
			}
			for _, p := range seen.points {
				interval := f.intervals[instanceOf(p.metric)]
				if g, is := f.tooShort(query, r, p.labels, interval); is {
					gap, isShort = g, true
				}
				if longest < interval && (isShort || r.reach > 0 && r.reach < goodScrapes*interval) {
					longest = interval
				}
			}
		}
		if isShort {
			short++
		}
	}
	if short > 0 && short == len(asked) {
		return effect.Errorf(effect.CodeInvalid, "%s cannot be measured over %s: %s", t.name, effect.FormatDuration(window), gap).
			WithHint("give the gate longer windows: every = %q", effect.FormatDuration(goodScrapes*longest))
	}
	if longest > 0 && short == 0 {
		progress(fmt.Sprintf("the window of %s holds fewer than %d scrapes of %s, which is scraped every %s: figures are coarse; every = %q holds them",
			effect.FormatDuration(window), goodScrapes, t.name, effect.FormatDuration(longest), effect.FormatDuration(goodScrapes*longest)))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.suited[key] = true
	return nil
}

// intervals asks how often each instance is scraped. A server that does not
// tell is no reason to fail: estimate looks at the samples then.
func (b *Backend) intervals(ctx context.Context) map[instance]time.Duration {
	known := map[instance]time.Duration{}
	u := b.client.URL("/api/v1/targets", nil)
	u.RawQuery = "state=active"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return known
	}
	_, body, err := b.client.Do(ctx, req)
	if err != nil {
		return known
	}
	var reply struct {
		Data struct {
			ActiveTargets []struct {
				Labels         model.Metric `json:"labels"`
				ScrapeInterval string       `json:"scrapeInterval"`
			} `json:"activeTargets"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &reply) != nil {
		return known
	}
	for _, t := range reply.Data.ActiveTargets {
		if d, err := model.ParseDuration(t.ScrapeInterval); err == nil && d > 0 {
			at := instanceOf(t.Labels)
			known[at] = max(known[at], time.Duration(d))
		}
	}
	return known
}

// estimate fills in how often the series of a selector have samples, for
// instances that the server does not scrape itself (recording rules, remote
// writes, a store without the list of targets): from how many there are in a
// time in which the series was there all along.
func (f *freshness) estimate(ctx context.Context, selector string) {
	counts := func(span time.Duration) map[instance]float64 {
		out := map[instance]float64{}
		a, err := f.backend.ask(ctx, fmt.Sprintf("max by (job, instance) (count_over_time(%s[%ds]))", selector, int(span.Seconds())), f.at)
		if err != nil {
			return out
		}
		for _, p := range a.points {
			out[instanceOf(p.metric)] = p.value
		}
		return out
	}
	for _, span := range []time.Duration{10 * time.Minute, time.Minute, 10 * time.Second} {
		within, twice := counts(span), counts(2*span)
		for at, n := range within {
			if f.intervals[at] == 0 && n >= leastScrapes && twice[at] > n {
				f.intervals[at] = (span / time.Duration(n)).Round(time.Millisecond)
			}
		}
	}
}
