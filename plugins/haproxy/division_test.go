package haproxy

import (
	"slices"
	"testing"
)

// poolOf returns a pool of servers that are up, with these weights.
func poolOf(weights map[string]int) *pool {
	p := &pool{name: "web"}
	for _, name := range sortedKeys(weights) {
		p.servers = append(p.servers, &server{name: name, real: name, weight: weights[name], effective: weights[name], op: 2})
	}
	return p
}

func TestWeightsGrowBeforeOthersShrink(t *testing.T) {
	for _, c := range []struct {
		now    map[string]int
		shares map[string]float64
		want   []string
	}{
		{map[string]int{"blue": 100, "green": 0}, map[string]float64{"green": 100},
			[]string{"set weight web/green 100", "set weight web/blue 0"}},
		{map[string]int{"blue": 0, "green": 100}, map[string]float64{"blue": 100},
			[]string{"set weight web/blue 100", "set weight web/green 0"}},
		{map[string]int{"a": 60, "b": 40, "c": 0, "d": 0}, map[string]float64{"c": 30, "d": 70},
			[]string{"set weight web/d 70", "set weight web/c 30", "set weight web/b 0", "set weight web/a 0"}},
		{map[string]int{"a": 50, "b": 50}, map[string]float64{"a": 50, "b": 50}, nil},
		{map[string]int{"a": 1, "b": 1}, map[string]float64{"a": 50, "b": 50}, // the same share in another scale is set anew
			[]string{"set weight web/a 50", "set weight web/b 50"}},
	} {
		p := poolOf(c.now)
		d, err := newDivision(p, c.shares, 100, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.commands(p); !slices.Equal(got, c.want) {
			t.Errorf("from %v to %v: %q, want %q", c.now, c.shares, got, c.want)
		}
		// Follow the commands: there is capacity after each.
		for _, command := range d.commands(p) {
			for _, s := range p.servers {
				if command[len("set weight web/"):][:len(s.real)] == s.real {
					s.weight = d.weights[s.real]
				}
			}
			if !p.hasActive() {
				t.Errorf("no capacity after %q", command)
			}
		}
		if missing := d.missing(p); missing != "" {
			t.Errorf("afterwards %s", missing)
		}
	}
}

func TestSharesBecomeWeights(t *testing.T) {
	for _, c := range []struct {
		shares map[string]float64
		scale  float64
		want   []int // of a, b, c; nil if they cannot be represented
	}{
		{map[string]float64{"a": 10, "b": 90}, 100, []int{10, 90, 0}},
		{map[string]float64{"a": 10, "b": 90}, 256, []int{26, 230, 0}},
		{map[string]float64{"a": 12.5, "b": 87.5}, 100, []int{13, 88, 0}},
		{map[string]float64{"a": 33.3, "b": 33.3, "c": 33.4}, 100, []int{33, 33, 33}},
		{map[string]float64{"a": 0.5, "b": 99.5}, 256, []int{1, 255, 0}},
		{map[string]float64{"a": 0.4, "b": 99.6}, 100, nil},  // would get nothing
		{map[string]float64{"a": 0.1, "b": 99.9}, 256, nil},  // would get nothing
		{map[string]float64{"a": 5, "b": 95}, 10, nil},       // would get 9%
		{map[string]float64{"a": 100}, 1, []int{1, 0, 0}},    // all or nothing
		{map[string]float64{"a": 99.9, "b": 0.1}, 100, nil},  // would get all
		{map[string]float64{"a": 0, "b": 0, "c": 0}, 1, nil}, // nobody takes anything
	} {
		d, err := newDivision(poolOf(map[string]int{"a": 1, "b": 1, "c": 1}), c.shares, c.scale, false)
		if (err != nil) != (c.want == nil) {
			t.Errorf("%v at %v: %v", c.shares, c.scale, err)
			continue
		}
		if err == nil {
			if got := []int{d.weights["a"], d.weights["b"], d.weights["c"]}; !slices.Equal(got, c.want) {
				t.Errorf("%v at %v: %v, want %v", c.shares, c.scale, got, c.want)
			}
		}
	}
}

func TestWhatElseChangedIsMissing(t *testing.T) {
	p := poolOf(map[string]int{"blue": 100, "green": 0})
	d, err := newDivision(p, map[string]float64{"green": 100}, 100, false)
	if err != nil {
		t.Fatal(err)
	}
	if got := d.missing(poolOf(map[string]int{"blue": 0, "green": 60})); got != "green has weight 60, asked was 100" {
		t.Errorf("missing %q", got)
	}
	if got := d.missing(poolOf(map[string]int{"blue": 0, "green": 100, "new": 5})); got != "new has weight 5, asked was 0" {
		t.Errorf("missing %q", got)
	}
	if got := (&admission{name: "red", reals: []string{"red"}, state: "ready"}).missing(p); got != "server red is gone from pool web" {
		t.Errorf("missing %q", got)
	}
}
