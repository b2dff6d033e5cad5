package deploy

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestSlip(t *testing.T) {
	for _, tt := range []struct {
		word, other string
		want        bool
	}{
		{"gren", "green", true}, {"grean", "green", true}, {"greeen", "green", true}, {"gerne", "green", false}, {"grene", "green", true},
		{"prdo-eu", "prod-eu", true}, {"green", "green", false}, {"eu-1", "eu-2", false}, {"web1", "web2", false}, {"us", "eu", false},
		{"blue-b", "blue-a", false}, {"prod-us", "prod-eu", false}, {"api", "apis", false}, {"greens", "green", false}, {"canary", "green", false},
	} {
		if got := slip(tt.word, tt.other); got != tt.want {
			t.Errorf("%s for %s: %t, want %t", tt.word, tt.other, got, tt.want)
		}
	}
}

// TestMisspeltPlaces: who says what there is will not have meant a slip of it.
func TestMisspeltPlaces(t *testing.T) {
	type obj = map[string]any
	others := func(module string) map[string]any {
		return map[string]map[string]any{"traffic": {"weights": obj{"grene": 1.0}}}[module]
	}
	for _, tt := range []struct {
		name  string
		world obj
		args  obj
		want  string
	}{
		{"a slip", obj{"envs": obj{"green": obj{"version": "v1"}}}, obj{"env": "grean"}, `environment "grean"; did you mean "green"?`},
		{"of a region", obj{"regions": obj{"frankfurt": obj{"version": "v1"}}}, obj{"region": "frankfrut"}, `region "frankfrut"; did you mean "frankfurt"?`},
		{"a new one", obj{"envs": obj{"green": obj{"version": "v1"}}}, obj{"env": "canary"}, ""},
		{"nothing is declared", nil, obj{"env": "grean"}, ""},
		{"others know it", obj{"envs": obj{"green": obj{"version": "v1"}}}, obj{"env": "grene"}, ""},
	} {
		m := NewModel()
		if err := m.Load(tt.world); err != nil {
			t.Fatal(err)
		}
		tt.args["version"] = "v2"
		_, err := m.Do(effect.Moment{World: others}, "release", tt.args)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
