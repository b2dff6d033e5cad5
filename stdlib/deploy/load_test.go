package deploy

import (
	"reflect"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestLoadKeepsWhatIsLeftOut: a call that says what version it brings does not
// take a place out of service.
func TestLoadKeepsWhatIsLeftOut(t *testing.T) {
	type obj = map[string]any
	m := NewModel()
	for _, state := range []obj{
		{"envs": obj{"blue": obj{"version": "v1", "state": "active", "instances": 3.0}, "green": obj{}}},
		{"envs": obj{"blue": obj{"version": "v2"}, "green": obj{"version": "v2"}}},
	} {
		if err := m.Load(state); err != nil {
			t.Fatal(err)
		}
	}
	want := obj{"blue": obj{"version": "v2", "previous": "v1", "state": "active", "instances": 3.0},
		"green": obj{"version": "v2", "state": "released", "instances": 1.0}}
	if got := m.State(effect.Moment{})["envs"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if err := m.Load(obj{"envs": obj{"blue": obj{"state": "failed", "instances": 0.0}}}); err != nil {
		t.Fatal(err)
	}
	want["blue"] = obj{"version": "v2", "previous": "v1", "state": "failed", "instances": 0.0}
	if got := m.State(effect.Moment{})["envs"]; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
