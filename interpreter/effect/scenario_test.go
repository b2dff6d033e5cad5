package effect

import (
	"strings"
	"testing"
	"time"
)

func TestScenarioFields(t *testing.T) {
	fn := Func(func(Moment) (any, error) { return nil, nil })
	tank := Field{Type: Object, Doc: "a tank", Fields: []Field{{Name: "litres", Type: Number, Required: true, Doc: "in it"},
		{Name: "age", Type: Duration, Default: "1h", Doc: "since it was filled"}}}
	s := ScenarioFields{Fields: []Field{{Name: "takes", Type: Map, Elem: &Field{Type: Duration}, Doc: "how long ops take"}}, Rest: &tank,
		Functions: []string{"*.age"}}
	got, err := s.Check(map[string]any{"takes": map[string]any{"fill": "10m"}, "north.eu": map[string]any{"litres": 1.0, "age": fn}, "south": map[string]any{"litres": 2.0}})
	if err != nil {
		t.Fatal(err)
	}
	if took := got["takes"].(map[string]any)["fill"]; took != (10 * time.Minute).Seconds() {
		t.Errorf("takes.fill is %v, want seconds", took)
	}
	if _, kept := got["north.eu"].(map[string]any)["age"].(Func); !kept {
		t.Error("the function is not where it stood")
	}
	if age := got["south"].(map[string]any)["age"]; age != 3600.0 {
		t.Errorf("the default was not filled in: %v", age)
	}
	for state, want := range map[*map[string]any]string{
		{"south": map[string]any{"litre": 1.0}}:                 `south.litres: is required: a number; you wrote "litre", is it "litres"?`,
		{"south": map[string]any{"litres": fn}}:                 `south.litres: may not be a function; functions may stand at *.age`,
		{"takes": map[string]any{"fill": "long"}}:               `takes.fill: wants a duration`,
		{"south": map[string]any{"litres": 1.0, "colour": "x"}}: `south.colour: is not known here; known: litres, age`,
	} {
		if _, err := s.Check(*state); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v: %v, want %s", *state, err, want)
		}
	}
}

func TestModulesDeclareTheirScenario(t *testing.T) {
	for want, m := range map[string]Module{
		"has no model": {Name: "m", Scenario: ScenarioFields{Fields: []Field{{Name: "x", Type: Int, Doc: "x"}}}},
		"has no doc":   {Name: "m", Scenario: ScenarioFields{Fields: []Field{{Name: "x", Type: Int}}}, Model: func() Model { return nil }},
		"unknown type": {Name: "m", Scenario: ScenarioFields{Rest: &Field{Type: "?", Doc: "x"}}, Model: func() Model { return nil }},
	} {
		if _, err := NewCatalog(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
