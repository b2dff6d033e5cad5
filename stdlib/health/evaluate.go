package health

import (
	"context"
	"maps"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/composite"
	"github.com/q-ecosystem/runbook/stdlib/internal/field"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// severities are the arguments of health.evaluate that hold alert rules, the
// gravest first.
var severities = []string{"critical", "warning"}

// evaluate is health.evaluate: alert rules that are data of the runbook, as the
// thresholds of its gates are, held against one measurement.
func evaluate() effect.Composite {
	args := []effect.Field{env(), {Name: "window", Type: effect.Duration, Default: "30s", Min: effect.Bound(0.05), Doc: "how long to measure"}}
	for _, severity := range severities {
		args = append(args, thresholdsOf(severity, "what has to hold lest there be an alert of this severity: { error_rate = \"<= 1%\" }"))
	}
	return effect.Composite{Uses: []string{"health.measure"}, Op: effect.Op{
		Module: "health", Name: "evaluate", Class: effect.Read, Answers: true,
		Doc:  "Measure once and hold it against alert rules of the runbook's own; health.alerts reads what monitoring fires",
		Args: args,
		Returns: append(append(measured(), own()),
			field.Objects("alerts", "what does not hold, the critical first; of a metric its gravest only", field.Text("name", "the metric"), field.Text("severity", "\"critical\" or \"warning\""),
				field.Text("env", "the target"), field.Text("summary", "the value beside the rule: \"error_rate is 1.4% (wants <= 1%)\"; or why there is none, which holds no rule")),
			field.Of("count", effect.Int, "how many alerts")),
		Validate: func(args map[string]any) error { _, err := rulesOf(args); return err },
	}, Run: runEvaluate}
}

// thresholdsOf declares an argument that is a table of thresholds.
func thresholdsOf(name, doc string) effect.Field {
	return effect.Field{Name: name, Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Names: Metric, Enum: Metrics(), Doc: doc}
}

// rulesOf reads the rules of each severity that has some.
func rulesOf(args map[string]any) (map[string][]threshold, error) {
	rules := map[string][]threshold{}
	for _, severity := range severities {
		if args[severity] == nil {
			continue
		}
		list, err := thresholds(severity, args[severity])
		if err != nil {
			return nil, err
		}
		rules[severity] = list
	}
	if len(rules) == 0 {
		return nil, &effect.FieldError{Problem: "there is no rule to evaluate", Hint: `write critical = { error_rate = "<= 1%" }, or warning`}
	}
	return rules, nil
}

func runEvaluate(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	rules, err := rulesOf(args)
	if err != nil {
		return nil, err
	}
	asked := map[string]any{"env": args["env"], "window": args["window"]}
	if own := ownOf(rules["warning"], rules["critical"]); len(own) > 0 {
		asked["metrics"] = own
	}
	measurement, err := composite.For(ctx, p).Table("health.measure", asked)
	if err != nil {
		return nil, err
	}
	out := plain.Pick(measurement, append([]string{"metrics", "samples"}, standard...)...)
	values, alerts, known := figures(measurement), []any{}, map[string]bool{}
	for _, severity := range severities {
		for _, t := range rules[severity] {
			if broken, _ := judge([]threshold{t}, values, measurement["no_data"], nil); len(broken) > 0 && !known[t.metric] {
				known[t.metric] = true
				alerts = append(alerts, map[string]any{"name": t.metric, "severity": severity, "env": args["env"], "summary": broken[0]})
			}
		}
	}
	maps.Copy(out, map[string]any{"alerts": alerts, "count": float64(len(alerts))})
	return out, nil
}
