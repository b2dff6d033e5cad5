package health

import (
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
)

// Module returns what there is under the name health.
func Module() effect.Module {
	return effect.Module{Name: "health", Doc: "Look at services; gate on what is seen.",
		Model: func() effect.Model { return NewModel() }, Scenario: scenario(), Faults: faults(), Invariants: invariants(),
		Ops: []effect.Op{
			{
				Module: "health", Name: "check", Class: effect.Read, Judges: true,
				Doc: "Probe until the target is healthy; an error if it is not within the timeout",
				Args: []effect.Field{env(), {Name: "timeout", Type: effect.Duration, Default: "10s",
					Doc: "how long to keep trying"}},
				Returns: []effect.Field{
					{Name: "healthy", Type: effect.Bool, Doc: "true"},
					{Name: "latency", Type: effect.Duration, Doc: "of the probe that passed"},
					{Name: "detail", Type: effect.String, Doc: "what was seen: \"200 OK\""},
				},
			},
			{
				Module: "health", Name: "measure", Class: effect.Read, Answers: true, Gate: effect.GateMeasures,
				Doc: "Measure the target over a window, which this call takes; what cannot be measured is left out",
				Args: []effect.Field{env(), {Name: "window", Type: effect.Duration, Default: "30s",
					Min: effect.Bound(0.05), Doc: "how long to measure"},
					{Name: "metrics", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Names: Metric,
						Doc: `metrics of the configuration that are measured beside the others, each with the threshold that it is held against, or "": { queue = "< 100" }`},
					field.Text("baseline", "a target to compare with: what compare names is sampled of both"),
					field.Texts("compare", "metrics to return samples of, where there is a baseline"),
					field.Of("over", effect.Duration, "the time that samples are of, up to the end of the window; the window if left out")},
				Returns: append(measured(), own(), leftOut(), sampled(), field.Of("age", effect.Duration, "of the oldest of the newest samples that the figures rest on; absent where the backend measures by itself")),
			},
			{
				Module: "health", Name: "alerts", Class: effect.Read, Answers: true,
				Doc: "Read the alerts that fire now",
				Args: []effect.Field{field.Text("env", "only those about this target; all if left out"),
					field.Text("severity", "only those of this severity: \"critical\"")},
				Returns: []effect.Field{
					field.Objects("alerts", "by severity and name", field.Text("name", "the rule that fires"), field.Text("severity", "as the rule says"),
						field.Text("env", "the target that it is about, if it is one"), field.Text("summary", "what it says"),
						field.Of("since", effect.Number, "when it began to fire, in seconds since 1970"),
						field.Of("silenced", effect.Bool, "true if a silence keeps it from people, where the backend knows")),
					field.Of("count", effect.Int, "how many"),
				},
			},
			{
				Module: "health", Name: "silence", Class: effect.Write, Recovery: effect.Observe,
				Doc: "Keep alerts with these labels from people for a while; they fire all the same",
				Args: []effect.Field{{Name: "match", Type: effect.Map, Required: true, Elem: &effect.Field{Type: effect.String}, Doc: `labels that an alert has to have, all of them: { alertname = "HighLatency", env = "green" }`},
					{Name: "lasts", Type: effect.Duration, Required: true, Min: effect.Bound(1), Doc: "how long, if nobody ends it before"}, field.Need("why", "what whoever misses the alerts reads")},
				Returns:  []effect.Field{silenceID(), until()},
				Validate: validateMatch,
			},
			{
				Module: "health", Name: "unsilence", Class: effect.Write, Recovery: effect.Observe,
				Doc:     "End a silence; one that has ended is no error",
				Args:    []effect.Field{field.Need("id", "what health.silence returned")},
				Returns: []effect.Field{silenceID()},
			},
			{
				Module: "health", Name: "silences", Class: effect.Read,
				Doc: "Read the silences that are on",
				Returns: []effect.Field{field.Objects("silences", "in the order of their ends", silenceID(), until(),
					effect.Field{Name: "match", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Doc: "the labels of alerts, those that are compared by = only"},
					field.Text("why", "as whoever made it said"), field.Text("by", "who made it"))},
			},
			{
				// A load can be put on again; what it leaves behind is traffic.
				Module: "health", Name: "load", Class: effect.Write, Recovery: effect.Retry,
				Doc: "Put load on the target for a while, which this call takes, and measure what the requests met",
				Args: []effect.Field{env(),
					{Name: "rate", Type: effect.Number, Default: 50.0, Min: effect.Bound(0.1), Doc: "requests a second"},
					{Name: "during", Type: effect.Duration, Default: "1m", Min: effect.Bound(0.05), Doc: "how long"},
					field.Texts("paths", "what is requested, in turn; as configured if left out")},
				Returns: measured(),
			},
		}, Composites: []effect.Composite{watch(), wait(), evaluate()}}
}

func env() effect.Field {
	return effect.Field{Name: "env", Type: effect.String, Required: true, Doc: "a target of the configuration: \"green\""}
}

// leftOut declares why metrics are left out of a measurement. A backend that
// knows a reason says it, so that a gate can.
func leftOut() effect.Field {
	return field.Objects("no_data", "why a metric was left out", field.Text("metric", "which one"), field.Text("why", "in words"),
		field.Text("query", "what was asked"), field.Text("series", "which series, if it is one"),
		field.Of("age", effect.Duration, "of its newest sample, if that is the reason"),
		field.Of("lasting", effect.Bool, "true if every measurement like this one leaves it out: the window is too short for the scrapes"))
}

// own declares what was measured of the metrics of the configuration.
func own() effect.Field {
	return effect.Field{Name: "metrics", Type: effect.Map, Elem: &effect.Field{Type: effect.Number}, Doc: "those of the configuration, by name"}
}

// sampled declares the samples of a measurement with a baseline.
func sampled() effect.Field {
	numbers := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.List, Elem: &effect.Field{Type: effect.Number}, Doc: doc}
	}
	return field.Objects("compared", "samples, where there is a baseline", field.Text("metric", "which one"), numbers("samples", "of the target, those that are numbers"),
		numbers("baseline_samples", "of the baseline"), field.Of("step", effect.Duration, "how long one is of"),
		field.Text("why", "why there are none, or fewer"))
}
