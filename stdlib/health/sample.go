package health

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

const (
	// simulatedStep is what a sample of the simulated world is of: four scrapes
	// of every 5 s.
	simulatedStep = 20 * time.Second
	// mostSamples bounds those of one measurement.
	mostSamples = 60
)

// sample returns samples of both targets in the form of health.measure: what the
// scenario says of each moment. Functions are asked about the world as it is now.
func (h *Model) sample(m effect.Moment, args map[string]any) ([]any, *effect.Error) {
	env, baseline := plain.Str(args, "env"), plain.Str(args, "baseline")
	if err := h.declares(m, baseline); err != nil {
		return nil, err
	}
	over := effect.Seconds(max(plain.Num(args, "over"), plain.Num(args, "window")))
	asked := map[string]any{}
	for _, name := range plain.List(args["compare"]) {
		asked[name] = plain.Str(plain.Table(args, "metrics"), name)
	}
	found := map[string]map[string][]any{env: {}, baseline: {}}
	for i := range min(int(over/simulatedStep), mostSamples) {
		then := m
		then.Now = m.Now.Add(-time.Duration(i) * simulatedStep)
		for name, samples := range found {
			values, _, err := h.env(name).at(then)
			if err != nil {
				return nil, err
			}
			if values == nil || absent(m, name) {
				continue
			}
			h.measureOwn(name, asked, values, true)
			values = figures(values)
			for metric := range asked {
				if x, ok := values[metric]; ok {
					samples[metric] = append(samples[metric], x)
				}
			}
		}
	}
	var out []any
	for _, metric := range plain.SortedNames(asked) {
		out = append(out, map[string]any{"metric": metric, "step": simulatedStep.Seconds(),
			"samples": orNone(found[env][metric]), "baseline_samples": orNone(found[baseline][metric])})
	}
	return out, nil
}

func orNone(list []any) []any {
	if list == nil {
		return []any{}
	}
	return list
}
