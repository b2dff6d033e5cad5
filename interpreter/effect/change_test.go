package effect

import (
	"reflect"
	"testing"
)

func TestChanges(t *testing.T) {
	type tab = map[string]any
	before := tab{"weights": tab{"green.eu": 0.0, "blue": 100.0}, "list": []any{"a", "b"}, "same": true, "gone": "x", "grows": "y"}
	after := tab{"weights": tab{"green.eu": 10.0, "blue": 90.0, "grey": 0.0}, "list": []any{"a"}, "same": true, "grows": tab{"deep": 1.0}}
	want := []Change{
		{Module: "m", Path: []string{"gone"}, From: "x", To: nil},
		{Module: "m", Path: []string{"grows"}, From: "y", To: nil},
		{Module: "m", Path: []string{"grows", "deep"}, From: nil, To: 1.0},
		{Module: "m", Path: []string{"list", "2"}, From: "b", To: nil},
		{Module: "m", Path: []string{"weights", "blue"}, From: 100.0, To: 90.0},
		{Module: "m", Path: []string{"weights", "green.eu"}, From: 0.0, To: 10.0},
		{Module: "m", Path: []string{"weights", "grey"}, From: nil, To: 0.0},
	}
	if got := Changes("m", before, after); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := Changes("m", after, after); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	if got := Changes("m", nil, tab{"a": tab{}}); len(got) != 0 {
		t.Errorf("an empty table is no value: %v", got)
	}
}

func TestChangeInWords(t *testing.T) {
	for _, c := range []struct {
		change Change
		want   string
	}{
		{Change{Module: "traffic", Path: []string{"weights", "green"}, From: 10.0, To: 50.0}, "traffic.weights.green from 10 to 50"},
		{Change{Module: "traffic", Path: []string{"weights", "green.eu"}, From: nil, To: 0.5}, `traffic.weights["green.eu"] from nothing to 0.5`},
		{Change{Module: "dns", Path: []string{"zones", "example.org", "www.example.org A", "values", "1"}, From: "192.0.2.1", To: nil},
			`dns.zones["example.org"]["www.example.org A"].values.1 from 192.0.2.1 to nothing`},
		{Change{Module: "m", Path: []string{""}, From: true, To: false}, `m[""] from true to false`},
	} {
		if got := c.change.String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
