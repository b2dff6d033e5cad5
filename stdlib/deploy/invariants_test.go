package deploy

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestAsItRan(t *testing.T) {
	type obj = map[string]any
	runs := func(version string) obj { return obj{"version": version, "serving": version, "state": "active"} }
	beside := obj{"version": "v2", "state": "released"}
	fleet := func(eu, us obj) obj { return obj{"regions": obj{"eu": eu, "us": obj{"envs": obj{"web.a": us}}}} }
	rolledBack := effect.Ending{Status: effect.StatusRolledBack, RollsBack: true}
	for _, c := range []struct {
		name       string
		begin, now obj
		end        effect.Ending
		want       string
	}{
		{"one is left", fleet(runs("v1"), runs("v1")), fleet(runs("v1"), runs("v2")), rolledBack,
			"the run is rolled_back, and environment web.a of region us serves v2; it served v1: add an on_rollback that releases and activates that again"},
		{"all are back", fleet(runs("v1"), runs("v1")), fleet(runs("v1"), runs("v1")), rolledBack, ""},
		{"what is not in service may stay", obj{"envs": obj{"green": obj{"version": "v0", "state": "released"}}}, obj{"envs": obj{"green": beside}}, rolledBack, ""},
		{"what was released and not activated may stay", fleet(runs("v1"), runs("v1")), fleet(obj{"version": "v2", "serving": "v1", "state": "released"}, runs("v1")), rolledBack, ""},
		{"what was is released again", fleet(runs("v1"), runs("v1")), fleet(obj{"version": "v1", "serving": "v2", "state": "released"}, runs("v1")), rolledBack, ""},
		{"nobody knows what was there", nil, fleet(runs("v2"), runs("v2")), rolledBack, ""},
		{"nothing was registered", fleet(runs("v1"), runs("v1")), fleet(runs("v2"), runs("v1")), effect.Ending{Status: effect.StatusFailed, RollsBack: true},
			"the run is failed, and region eu serves v2; it served v1: add an on_rollback that releases and activates that again"},
		{"it succeeded", fleet(runs("v1"), runs("v1")), fleet(runs("v2"), runs("v2")), effect.Ending{Status: effect.StatusSucceeded, RollsBack: true}, ""},
		{"it stops where it fails", fleet(runs("v1"), runs("v1")), fleet(runs("v2"), runs("v1")), effect.Ending{Status: effect.StatusFailed}, ""},
	} {
		v := &effect.View{Begin: func(string) map[string]any { return c.begin }, State: func(string) map[string]any { return c.now }}
		if got := asItRan(v, c.end); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestIdleMayStay: what takes no traffic may keep the version that it was given.
func TestIdleMayStay(t *testing.T) {
	type obj = map[string]any
	green := func(version string) obj {
		return obj{"envs": obj{"green": obj{"version": version, "serving": version, "state": "active"}}}
	}
	for name, c := range map[string]struct {
		weight float64
		stays  bool
	}{"it gets nothing": {0, true}, "it gets some": {10, false}} {
		v := &effect.View{Begin: func(string) map[string]any { return green("v1") }, State: func(module string) map[string]any {
			if module == "traffic" {
				return obj{"weights": obj{"green": c.weight, "blue": 100 - c.weight}}
			}
			return green("v2")
		}}
		if got := asItRan(v, effect.Ending{Status: effect.StatusRolledBack, RollsBack: true}); (got == "") != c.stays {
			t.Errorf("%s: %q", name, got)
		}
	}
}
