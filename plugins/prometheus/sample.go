package prometheus

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// mostSamples bounds the samples of one metric of one target; they get longer
	// beyond.
	mostSamples = 120
	// unknownStep is how long a sample is of where no scrape interval is known.
	unknownStep = time.Minute
)

// compared returns samples of metrics of two targets, over the time before a
// moment, in the form of the contract. A sample is the metric over a step of its
// own: steps do not overlap, as samples that share requests would say the same
// twice. Steps in which a query has no number are left out.
func (b *Backend) compared(ctx context.Context, t, baseline *target, metrics []string, past time.Duration, fresh *freshness) ([]any, error) {
	step := max(b.step(ctx, t, metrics, fresh), b.step(ctx, baseline, metrics, b.newFreshness(baseline, fresh.at, fresh.window, fresh.progress)))
	if step == 0 {
		step = unknownStep
	}
	for step*mostSamples < past {
		step *= 2
	}
	out := []any{}
	for _, metric := range metrics {
		entry := map[string]any{"metric": metric, "step": step.Seconds()}
		for key, of := range map[string]*target{"samples": t, "baseline_samples": baseline} {
			values, err := b.samples(ctx, of, metric, step, past, fresh.at)
			if err != nil && !effect.AsError(err).Retryable {
				return nil, err
			}
			if err != nil {
				entry["why"] = effect.AsError(err).Message
			}
			entry[key] = values
		}
		out = append(out, entry)
	}
	return out, nil
}

// step returns how long a sample of a target has to be: some scrapes; 0 if
// nobody knows how often it is scraped.
func (b *Backend) step(ctx context.Context, t *target, metrics []string, fresh *freshness) time.Duration {
	longest := time.Duration(0)
	for _, metric := range metrics {
		for _, selector := range readsOf(over(t.queries[metric], unknownStep)).selectors {
			seen, err := fresh.ages(ctx, selector)
			if err != nil {
				continue // the samples themselves will say so
			}
			for _, p := range seen.points {
				longest = max(longest, fresh.intervals[instanceOf(p.metric)])
			}
		}
	}
	return goodScrapes * longest
}

// samples asks for one metric of one target, step by step.
func (b *Backend) samples(ctx context.Context, t *target, metric string, step, past time.Duration, at time.Time) ([]any, error) {
	values := []any{}
	steps := int(past / step)
	if steps == 0 {
		return values, nil
	}
	query := over(t.queries[metric], step)
	got, warnings, _, err := b.api.QueryRange(ctx, query, v1.Range{Start: at.Add(-time.Duration(steps-1) * step), End: at, Step: step})
	if err != nil {
		return values, b.failure(ctx, query, err)
	}
	if len(warnings) > 0 {
		e := effect.Errorf(effect.CodeNoData, "ask %s for %s: the answer is partial: %s", b.address, query, warnings[0])
		e.Retryable = true
		return values, e
	}
	series, ok := got.(model.Matrix)
	if !ok {
		return values, effect.Errorf(effect.CodeInvalid, "the query %s answers with a %s over time, not with numbers", query, got.Type()).
			WithHint("mend the query in the configuration of the target")
	}
	if len(series) > 1 {
		return values, effect.Errorf(effect.CodeInvalid, "the query of %s.%s answers with %d series, not with one number: %s", t.name, metric, len(series), query).
			WithHint("wrap it in sum(), max() or avg()")
	}
	for _, s := range series {
		for _, p := range s.Values {
			if (point{value: float64(p.Value)}).number() {
				values = append(values, float64(p.Value))
			}
		}
	}
	return values, nil
}

// beside returns the target that is compared with, and refuses metrics that
// either of the two has no query for; nil without a baseline.
func (b *Backend) beside(t *target, name string, metrics []string) (*target, error) {
	if name == "" {
		return nil, nil
	}
	baseline, ok := b.targets[name]
	if !ok {
		return nil, effect.Errorf(effect.CodeNotFound, "the baseline %q is not a target of prometheus", name).WithHint("%s", effect.DidYouMean(name, b.names()))
	}
	for _, of := range []*target{t, baseline} {
		for _, metric := range metrics {
			if of.queries[metric] == "" {
				return nil, effect.Errorf(effect.CodeNotFound, "%s has no query for the metric %q, by which it is compared", of.name, metric).
					WithHint("%s", fmt.Sprintf("add targets: { %s: { queries: { %s: … } } } to the configuration of prometheus", of.name, metric))
			}
		}
	}
	return baseline, nil
}
