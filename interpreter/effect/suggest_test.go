package effect

import (
	"fmt"
	"strings"
	"testing"
)

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

func TestAmong(t *testing.T) {
	long := make([]string, 45)
	for i := range long {
		long[i] = fmt.Sprintf("n%02d", i)
	}
	for _, test := range []struct {
		name  string
		known []string
		want  string
	}{
		{"bleu", []string{"blue", "green"}, `did you mean "blue"? known: blue, green`},
		{"canary", []string{"blue", "green"}, `known: blue, green`},
		{"blue", nil, `there is none at all`},
		{"other", long, `known: ` + strings.Join(long[:40], ", ") + `, and 5 more`},
		{"n444", long, `did you mean "n44"? known: ` + strings.Join(long[:40], ", ") + `, and 5 more`},
	} {
		if got := Among("known: ", test.name, test.known); got != test.want {
			t.Errorf("%s among %d: %s\nwant %s", test.name, len(test.known), got, test.want)
		}
	}
}
