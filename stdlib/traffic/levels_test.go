package traffic

import (
	"fmt"
	"testing"
)

// TestLevels: a write and a read tell the share of each server, as set and as
// taken; an operator's word tells what was asked for.
func TestLevels(t *testing.T) {
	for _, c := range []struct {
		op     string
		args   obj
		result any
		want   string
	}{
		{"split", obj{"blue": 90.0}, obj{"configured": obj{"blue": 90.0, "green": 10.0}, "weights": obj{"blue": 100.0, "green": 0.0}}, "blue 90 100, green 10 0, "},
		{"servers", nil, servers([]any{"green", 50.0, 6.0}), "green 50 6, "},
		{"switch", obj{"to": "green"}, obj{}, "green 100 -, "},
		{"drain", obj{"server": "green"}, obj{}, ""},
	} {
		got := ""
		for _, l := range levels(c.op, c.args, c.result) {
			got += fmt.Sprintf("%s %s %s, ", l.Name, shown(l.Set), shown(l.Seen))
			if l.Unit != "%" {
				t.Errorf("%s: unit %q", c.op, l.Unit)
			}
		}
		if got != c.want {
			t.Errorf("%s tells %q, want %q", c.op, got, c.want)
		}
	}
	if Module().Desired.Levels == nil {
		t.Error("the module does not declare its levels")
	}
}

func shown(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprint(*x)
}
