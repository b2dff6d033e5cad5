package stdlib

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Health declares looking at services: single reads, and the composites that
// wait for health or watch it. What was not measured is never healthy.
func Health() effect.Module {
	return effect.Module{Name: "health", Doc: "Look at services; gate on what is seen.", Ops: []effect.Op{
		{
			Module: "health", Name: "check", Class: effect.Read,
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
			Module: "health", Name: "measure", Class: effect.Read,
			Doc: "Measure the target over a window, which this call takes; what cannot be measured is left out",
			Args: []effect.Field{env(), {Name: "window", Type: effect.Duration, Default: "30s",
				Min: effect.Bound(0.05), Doc: "how long to measure"}},
			Returns: measured(),
		},
		{
			Module: "health", Name: "alerts", Class: effect.Read,
			Doc: "Read the alerts that fire now",
			Args: []effect.Field{text("env", "only those about this target; all if left out"),
				text("severity", "only those of this severity: \"critical\"")},
			Returns: []effect.Field{
				objects("alerts", "by severity and name", text("name", "the rule that fires"), text("severity", "as the rule says"),
					text("env", "the target that it is about, if it is one"), text("summary", "what it says"),
					field("since", effect.Number, "when it began to fire, in seconds since 1970")),
				field("count", effect.Int, "how many"),
			},
		},
		{
			// A load can be put on again; what it leaves behind is traffic.
			Module: "health", Name: "load", Class: effect.Write, Recovery: effect.Retry,
			Doc: "Put load on the target for a while, which this call takes, and measure what the requests met",
			Args: []effect.Field{env(),
				{Name: "rate", Type: effect.Number, Default: 50.0, Min: effect.Bound(0.1), Doc: "requests a second"},
				{Name: "during", Type: effect.Duration, Default: "1m", Min: effect.Bound(0.05), Doc: "how long"},
				texts("paths", "what is requested, in turn; as configured if left out")},
			Returns: measured(),
		},
	}, Composites: []effect.Composite{watch(), wait()}}
}

func env() effect.Field {
	return effect.Field{Name: "env", Type: effect.String, Required: true, Doc: "a target of the configuration: \"green\""}
}

// measured lists the metrics that thresholds may name.
func measured() []effect.Field {
	return []effect.Field{
		{Name: "p50_latency", Type: effect.Duration, Doc: "median time to answer"},
		{Name: "p95_latency", Type: effect.Duration, Doc: "95th percentile"},
		{Name: "p99_latency", Type: effect.Duration, Doc: "99th percentile"},
		{Name: "error_rate", Type: effect.Percent, Doc: "failed requests in percent of all"},
		{Name: "throughput", Type: effect.Number, Doc: "requests a second"},
		{Name: "uptime", Type: effect.Percent, Doc: "probes that found it up, in percent"},
		{Name: "samples", Type: effect.Int, Doc: "requests and probes that the figures rest on"},
	}
}
