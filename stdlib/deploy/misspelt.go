package deploy

import (
	"strings"
	"unicode/utf8"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// misspelt refuses a place that nobody has heard of and whose name is that of one
// which is known, but for a slip. Any other is new.
func (d *Model) misspelt(m effect.Moment, at place) *effect.Error {
	for _, part := range []struct {
		kind, name string
		of         func(place) string
	}{
		{"environment", at.env, func(p place) string { return p.env }},
		{"region", at.region, func(p place) string { return p.region }},
	} {
		known := map[string]bool{}
		for p := range d.places {
			known[part.of(p)] = true
		}
		if part.name == "" || known[part.name] || heardOf(m, part.name) {
			continue
		}
		for _, near := range plain.SortedNames(known) {
			if slip(part.name, near) {
				return model.CannotTell("deploy = { envs = { [\""+part.name+"\"] = {} } }, if it is new",
					"nothing is known of the %s %q; did you mean %q? known: %s", part.kind, part.name, near, strings.Join(plain.SortedNames(known), ", "))
			}
		}
	}
	return nil
}

// heardOf reports whether another module knows something of that name.
func heardOf(m effect.Moment, name string) bool {
	if m.World == nil {
		return false
	}
	for _, table := range []string{"weights", "servers"} {
		if _, known := plain.Table(m.World("traffic"), table)[name]; known {
			return true
		}
	}
	target, known := m.World("health")[name].(map[string]any)
	return known && target["assumed"] != true
}

// slip reports whether a word is another one with a letter left out, doubled,
// exchanged within, or swapped with its neighbour. Names that differ in a digit,
// or in how they begin or end, are siblings: eu-1 and eu-2, red and red-b.
func slip(word, other string) bool {
	a, b := []rune(word), []rune(other)
	if min(utf8.RuneCountInString(word), utf8.RuneCountInString(other)) < 4 || word == other {
		return false
	}
	from := 0
	for from < min(len(a), len(b)) && a[from] == b[from] {
		from++
	}
	till := 0
	for till < min(len(a), len(b))-from && a[len(a)-1-till] == b[len(b)-1-till] {
		till++
	}
	was, is := string(b[from:len(b)-till]), string(a[from:len(a)-till])
	if strings.ContainsAny(was+is, "0123456789-_.") {
		return false
	}
	swapped := len(was) == 2 && len(is) == 2 && was[0] == is[1] && was[1] == is[0]
	return swapped || from > 0 && till > 0 && utf8.RuneCountInString(was) <= 1 && utf8.RuneCountInString(is) <= 1
}
