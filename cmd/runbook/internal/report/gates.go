package report

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/health"
)

// Gate is a gate with all that it measured.
type Gate struct {
	Place        effect.Place  `json:"place"`
	Step         string        `json:"step,omitempty"`
	Target       string        `json:"target"`
	During       float64       `json:"during"`
	Metrics      []Metric      `json:"metrics"`
	Measurements []Measurement `json:"measurements"`
	Passed       bool          `json:"passed"`
	Traffic      bool          `json:"traffic"` // a measurement says how it deviates
	Warned       bool          `json:"warned"`  // a measurement is beyond a warning
	Baseline     string        `json:"baseline,omitempty"`
}

// Metric is a value that the gate bounds.
type Metric struct {
	Name      string   `json:"name"`
	Threshold string   `json:"threshold"`
	Bound     *float64 `json:"bound,omitempty"`   // in the metric's own unit
	Warning   *float64 `json:"warning,omitempty"` // beyond which the gate says so, in the same
}

// Measurement is one window of a gate.
type Measurement struct {
	At      time.Time           `json:"at"`
	Elapsed float64             `json:"elapsed"`
	Values  map[string]*float64 `json:"values"` // nil where there is no data
	Texts   map[string]string   `json:"texts"`
	Samples *float64            `json:"samples,omitempty"`
	Age     *float64            `json:"age,omitempty"` // of the newest sample, in seconds, where the backend tells
	Broken  []string            `json:"broken,omitempty"`
	Warned  []string            `json:"warned,omitempty"`  // what is beyond a warning and breaks nothing
	Traffic string              `json:"traffic,omitempty"` // in what it is not as set
	// Compared is what comparison with a baseline showed, in words.
	Compared []string `json:"compared,omitempty"`
}

// gates gathers the measurements of each gate.
func (m *maker) gates() {
	at := map[effect.Place]int{}
	for _, g := range m.Account.Gates {
		i, seen := at[g.Place]
		if !seen {
			i = len(m.r.Gates)
			at[g.Place] = i
			target, _ := g.Values["env"].(string)
			during, _ := g.Values["during"].(float64)
			baseline, _ := g.Values["baseline"].(string)
			m.r.Gates = append(m.r.Gates, Gate{Place: g.Place, Step: m.stepAt(g.Place), Target: view.Line(target), During: during, Baseline: view.Line(baseline), Metrics: metricsOf(g.Values)})
		}
		gate := &m.r.Gates[i]
		one := measurement(g.At, g.Values, gate.Metrics)
		gate.Passed = len(one.Broken) == 0
		gate.Traffic = gate.Traffic || one.Traffic != ""
		gate.Warned = gate.Warned || len(one.Warned) > 0
		gate.Measurements = append(gate.Measurements, one)
	}
}

// stepAt names the step that a composite stands in.
func (m *maker) stepAt(place effect.Place) string {
	for _, e := range m.Effects {
		if e.Place.Within(place) {
			return step(e)
		}
	}
	return ""
}

func metricsOf(values map[string]any) []Metric {
	slo, _ := values["slo"].(map[string]any)
	warning, _ := values["warning"].(map[string]any)
	var list []Metric
	for _, name := range slices.Sorted(maps.Keys(slo)) {
		text, _ := slo[name].(string)
		metric := Metric{Name: view.Line(name), Threshold: view.Line(text)}
		if _, bound, ok := health.Bound(name, text); ok {
			metric.Bound = &bound
		}
		if text, said := warning[name].(string); said {
			if _, bound, ok := health.Bound(name, text); ok {
				metric.Warning = &bound
			}
		}
		list = append(list, metric)
	}
	return list
}

func measurement(at time.Time, values map[string]any, metrics []Metric) Measurement {
	one := Measurement{At: at.UTC(), Values: map[string]*float64{}, Texts: map[string]string{}}
	one.Elapsed, _ = values["elapsed"].(float64)
	measured, _ := values["measured"].(map[string]any)
	for _, metric := range metrics {
		one.Texts[metric.Name] = "no data"
		if x, ok := measured[metric.Name].(float64); ok {
			one.Values[metric.Name], one.Texts[metric.Name] = &x, health.FormatMetric(metric.Name, metric.Threshold, x)
		}
	}
	if n, ok := measured["samples"].(float64); ok {
		one.Samples = &n
	}
	if age, ok := values["age"].(float64); ok {
		one.Age = &age
	}
	one.Broken, one.Warned = lines(values["broken"]), lines(values["warned"])
	for _, text := range health.Compared(values) {
		one.Compared = append(one.Compared, view.Line(text))
	}
	traffic, _ := values["traffic"].(string)
	one.Traffic = view.Line(traffic)
	return one
}

// lines returns the strings of a list, each fit to be shown.
func lines(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, x := range list {
		if text, ok := x.(string); ok {
			out = append(out, view.Line(text))
		}
	}
	return out
}

// Breaks reports whether a metric broke its threshold in the measurement.
func (one Measurement) Breaks(metric string) bool {
	return slices.ContainsFunc(one.Broken, func(text string) bool {
		return strings.HasPrefix(text, metric+" ") || strings.HasPrefix(text, "nothing could be measured")
	})
}
