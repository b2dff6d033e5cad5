package effect

import "testing"

func TestNearest(t *testing.T) {
	for _, c := range []struct {
		word  string
		known []string
		want  string
	}{
		{"vesrion", []string{"version", "env"}, "version"},
		{"tarfic", []string{"health", "traffic"}, "traffic"},
		{"spilt", []string{"switch", "split"}, "split"},
		{"boolean", []string{"string", "bool"}, "bool"},
		{"param", []string{"json", "params", "plan"}, "params"},
		{"environment", []string{"env"}, "env"},
		{"set", []string{"out", "json", "env"}, ""},
		{"x", []string{"n"}, ""},
		{"nn", []string{"n"}, "n"},
		{"integer", []string{"string", "enum"}, ""},
		{"", []string{"n"}, ""},
		{"n", nil, ""},
	} {
		got, ok := Nearest(c.word, c.known)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("Nearest(%q, %q) gives %q, %t; want %q", c.word, c.known, got, ok, c.want)
		}
	}
}
