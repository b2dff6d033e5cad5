package prometheus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// asked is what alerts asks for, as errors call it.
const asked = "its alerting rules"

// alerts returns the alerts that fire. Rules that cannot be evaluated fire
// nothing: that they are quiet says nothing, and is no data.
func (b *Backend) alerts(ctx context.Context, args map[string]any, progress func(string)) (any, error) {
	env, _ := args["env"].(string)
	severity, _ := args["severity"].(string)
	if _, known := b.targets[env]; env != "" && !known {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no target %q in the configuration of prometheus", env).
			WithHint("%s", effect.DidYouMean(env, b.names()))
	}
	ctx, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	rules, err := b.api.Rules(ctx, nil)
	if err != nil {
		return nil, b.failure(ctx, asked, err)
	}
	now := b.present(ctx, progress)
	firing := []any{}
	looked := 0
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			rule, ok := r.(v1.AlertingRule)
			if !ok || !mayBe(rule, severity) {
				continue
			}
			looked++
			if err := b.evaluated(rule, group, now); err != nil {
				return nil, err
			}
			for _, alert := range rule.Alerts {
				about := b.about(alert.Labels)
				if alert.State != v1.AlertStateFiring || severity != "" && string(alert.Labels["severity"]) != severity || env != "" && about != env {
					continue
				}
				firing = append(firing, shown(rule, alert, about))
			}
		}
	}
	if looked == 0 {
		what := "no alerting rule"
		if severity != "" {
			what = fmt.Sprintf("no alerting rule of the severity %q", severity)
		}
		return nil, effect.Errorf(effect.CodeNoData, "ask %s for %s: it has %s, so that none that is quiet says anything", b.address, asked, what).
			WithHint("name rule files in the server's rule_files, and check the label severity in them")
	}
	slices.SortStableFunc(firing, func(m, n any) int {
		a, z := m.(map[string]any), n.(map[string]any)
		text := func(v map[string]any, key string) string { s, _ := v[key].(string); return s }
		if c := strings.Compare(text(a, "severity"), text(z, "severity")); c != 0 {
			return c
		}
		return strings.Compare(text(a, "name"), text(z, "name"))
	})
	return map[string]any{"alerts": firing, "count": float64(len(firing))}, nil
}

// mayBe reports whether a rule's alerts may have a severity; every one has none
// in particular.
func mayBe(rule v1.AlertingRule, severity string) bool {
	label := string(rule.Labels["severity"])
	return severity == "" || label == severity || strings.Contains(label, "{{")
}

// evaluated reports why a rule's silence says nothing.
func (b *Backend) evaluated(rule v1.AlertingRule, group v1.RuleGroup, now time.Time) error {
	late := max(3*time.Duration(group.Interval*float64(time.Second)), time.Minute)
	why := ""
	switch age := now.Sub(rule.LastEvaluation); {
	case rule.Health == v1.RuleHealthBad:
		why = "cannot be evaluated: " + rule.LastError
	case rule.Health != v1.RuleHealthGood:
		why = "has not been evaluated yet"
	case age > late:
		why = fmt.Sprintf("was evaluated %s ago, and is to be every %s", effect.FormatDuration(age.Round(time.Second)), effect.FormatDuration(effect.Seconds(group.Interval)))
	default:
		return nil
	}
	e := effect.Errorf(effect.CodeNoData, "ask %s for %s: %s in group %s %s", b.address, asked, rule.Name, group.Name, why).
		WithHint("see the page Alerts of the server, and its log")
	e.Retryable = rule.Health != v1.RuleHealthBad
	return e
}

// about returns the first target that an alert is about; empty for none. It is
// if the labels that both have agree, and there is such a label.
func (b *Backend) about(labels model.LabelSet) string {
	for _, name := range b.names() {
		matchers, err := parser.ParseMetricSelector("{" + b.targets[name].selector + "}")
		if err != nil {
			continue
		}
		shared, agree := 0, true
		for _, m := range matchers {
			if value, has := labels[model.LabelName(m.Name)]; has {
				shared++
				agree = agree && m.Matches(string(value))
			}
		}
		if shared > 0 && agree {
			return name
		}
	}
	return ""
}

// names returns the targets, in order.
func (b *Backend) names() []string {
	names := make([]string, 0, len(b.targets))
	for name := range b.targets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// shown is an alert as the contract has it. It is active from the first time
// that its condition held, and fires once that lasted for the rule's duration.
func shown(rule v1.AlertingRule, alert *v1.Alert, about string) map[string]any {
	since := alert.ActiveAt.Add(time.Duration(rule.Duration * float64(time.Second)))
	out := map[string]any{"name": rule.Name, "since": float64(since.UnixMilli()) / 1000}
	for key, value := range map[string]string{"severity": string(alert.Labels["severity"]), "env": about,
		"summary": string(alert.Annotations["summary"])} {
		if value != "" {
			out[key] = value
		}
	}
	return out
}
