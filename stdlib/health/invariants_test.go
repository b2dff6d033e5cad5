package health

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestSilencesAll(t *testing.T) {
	for _, c := range []struct {
		match map[string]any
		want  bool
	}{
		{map[string]any{"severity": "critical"}, true},
		{map[string]any{"team": "db", "severity": "critical"}, true},
		{map[string]any{"severity": "critical", "env": ""}, true}, // alerts without the label
		{map[string]any{"severity": "critical", "env": "green"}, false},
		{map[string]any{"alertname": "ReplicaDown"}, false},
		{map[string]any{"alertname": "HighLatency"}, true},
		{map[string]any{"alertname": "HTTP5xxRate", "severity": "critical"}, true},
		{map[string]any{"alertname": "instance_down"}, true},
		{map[string]any{"alertname": "HighLatency", "env": "search"}, false},
		{map[string]any{"alertname": "SearchHighLatency"}, false},
		{map[string]any{"alertname": "High.*"}, true},
		{map[string]any{"region": "eu"}, false},
		{map[string]any{"environment": "staging"}, false}, // all of it may be worked on
		{map[string]any{"team": "db", "stage": "staging"}, false},
	} {
		e := effect.Occurrence{Module: "health", Name: "silence", Class: effect.Write, Args: map[string]any{"match": c.match}}
		if got := silencesAll(nil, e); (got != "") != c.want {
			t.Errorf("%v: %q", c.match, got)
		}
	}
}
