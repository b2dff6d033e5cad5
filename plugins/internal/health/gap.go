package health

import (
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Gap says of one metric why nothing is known: the entries of no_data in what
// health.measure returns.
type Gap struct {
	Metric string        // "p99_latency"; "" where all of a target is meant
	Why    string        // "the answer is NaN"
	Query  string        // what was asked: PromQL, or an address
	Series string        // which series: `{instance="a:80"}`, "" for no one in particular
	Age    time.Duration // of the newest sample, 0 if that is not the reason
	// Lasting says that every measurement like this one has the same gap.
	Lasting bool
}

// String says why in words, without the query: "the answer is NaN at {…}".
func (g Gap) String() string {
	if g.Series == "" || strings.Contains(g.Why, g.Series) {
		return g.Why
	}
	return g.Why + " at " + g.Series
}

// Value returns the gap in the form of the contract.
func (g Gap) Value() map[string]any {
	v := map[string]any{"metric": g.Metric, "why": g.String()}
	if g.Query != "" {
		v["query"] = g.Query
	}
	if g.Series != "" {
		v["series"] = g.Series
	}
	if g.Age > 0 {
		v["age"] = g.Age.Seconds()
	}
	if g.Lasting {
		v["lasting"] = true
	}
	return v
}

// Add writes the gaps into what measure returns, and shows them.
func Add(values map[string]any, gaps []Gap, progress func(string)) {
	list := make([]any, len(gaps))
	for i, g := range gaps {
		list[i] = g.Value()
	}
	if len(list) > 0 {
		values["no_data"] = list
	}
	for _, line := range Lines(gaps) {
		progress("no data: " + line)
	}
}

// Nothing is the error of a measurement in which every metric is a gap.
func Nothing(target string, gaps []Gap) *effect.Error {
	return effect.Errorf(effect.CodeNoData, "nothing could be measured of %s: %s", target, strings.Join(Lines(gaps), "; "))
}

// Lines returns "p50_latency, p99_latency: the answer is NaN", one for each
// reason.
func Lines(gaps []Gap) []string {
	var whys []string
	metrics := map[string]string{}
	for _, g := range gaps {
		why := g.String()
		if metrics[why] == "" {
			whys = append(whys, why)
			metrics[why] = g.Metric
		} else {
			metrics[why] += ", " + g.Metric
		}
	}
	for i, why := range whys {
		whys[i] = metrics[why] + ": " + why
	}
	return whys
}
