package redact

import (
	"maps"
	"slices"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Scrubber replaces the values of a set of secrets by their names. A nil one
// knows none. It does not change and is safe for concurrent use.
type Scrubber struct {
	finders []*automaton
	labels  []string
	exact   map[string]int32 // labels by value, for numbers
}

// New returns a scrubber for the secrets. Those of fewer than Least bytes are
// left out.
func New(secrets ...effect.Secret) *Scrubber {
	s := &Scrubber{exact: map[string]int32{}}
	text, b64, hexed := newAutomaton(asIs), newAutomaton(asBase64), newAutomaton(asHex)
	done := map[string]bool{}
	for _, secret := range secrets {
		whole, lines := pieces(secret.Reveal())
		if len(whole) < Least || done[whole] {
			continue
		}
		done[whole] = true
		label := int32(len(s.labels))
		s.labels = append(s.labels, secret.String())
		s.exact[whole] = label
		for _, form := range written(whole) {
			text.add(form, label)
		}
		if lines == nil {
			lines = []string{whole}
		}
		for _, line := range lines {
			for _, form := range written(line) {
				text.add(form, label)
			}
			for _, core := range inBase64(line) {
				b64.add(core, label)
			}
			hexed.add(inHex(line), label)
		}
	}
	if len(s.labels) > 0 {
		s.finders = []*automaton{text, b64, hexed}
	}
	for _, a := range s.finders {
		a.link()
	}
	return s
}

// NewParts returns a scrubber for parts of one secret, such as the words of a
// URL that holds a token: whatever their case, and also in the forms that New
// looks for. label stands in their place. Parts may be of any length but zero.
func NewParts(label string, parts ...string) *Scrubber {
	s := &Scrubber{labels: []string{label}}
	text, b64, hexed := newAutomaton(folded), newAutomaton(asBase64), newAutomaton(asHex)
	for _, part := range parts {
		for _, form := range written(part) {
			text.add(lower(form), 0)
		}
		if len(part) < Least {
			continue
		}
		for _, core := range inBase64(part) {
			b64.add(core, 0)
		}
		hexed.add(inHex(part), 0)
	}
	s.finders = []*automaton{text, b64, hexed}
	for _, a := range s.finders {
		a.link()
	}
	return s
}

func lower(s string) string {
	out := []byte(s)
	for i := range out {
		out[i], _ = folded(out[i])
	}
	return string(out)
}

// Empty reports whether the scrubber looks for nothing.
func (s *Scrubber) Empty() bool { return s == nil || len(s.finders) == 0 }

// Text returns a text without the secrets.
func (s *Scrubber) Text(text string) string {
	text, _ = s.Replace(text)
	return text
}

// Replace returns a text without the secrets, and whether there were any.
func (s *Scrubber) Replace(text string) (clean string, changed bool) {
	if s.Empty() || len(text) == 0 {
		return text, false
	}
	st := s.Stream()
	out := append(slices.Clone(st.Write([]byte(text))), st.Close()...)
	if !st.Changed() {
		return text, false
	}
	return string(out), true
}

// Cut is Text for a text whose end may have been cut off: the beginning of a
// secret at its end is replaced as well, from Least bytes on.
func (s *Scrubber) Cut(text string) string {
	if s.Empty() || len(text) == 0 {
		return text
	}
	st := s.Stream()
	out := slices.Clone(st.Write([]byte(text)))
	st.cut()
	return string(append(out, st.Close()...))
}

// Value returns plain data without the secrets, keys of tables included, and
// whether there were any. v itself is not changed. A number that a secret
// spells becomes the secret's name.
func (s *Scrubber) Value(v any) (clean any, changed bool) {
	if s.Empty() {
		return v, false
	}
	switch v := v.(type) {
	case string:
		return s.Replace(v)
	case float64:
		if label, ok := s.exact[strconv.FormatFloat(v, 'f', -1, 64)]; ok {
			return s.labels[label], true
		}
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var c bool
			out[i], c = s.Value(v[i])
			changed = changed || c
		}
		return out, changed
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			key, kc := s.Replace(k)
			value, vc := s.Value(e)
			out[key] = value
			changed = changed || kc || vc
		}
		return out, changed
	}
	return v, false
}

// Error returns an error without the secrets; nil for nil.
func (s *Scrubber) Error(e *effect.Error) *effect.Error {
	if s.Empty() || e == nil {
		return e
	}
	c := *e
	c.Message, c.Hint = s.Text(c.Message), s.Text(c.Hint)
	c.Code, c.Op = effect.Code(s.Text(string(c.Code))), s.Text(c.Op)
	return &c
}

// Collect returns the secrets in v, which may be nested, in the order of the
// names that lead to them.
func Collect(v any) []effect.Secret {
	if !holds(v) { // most do not
		return nil
	}
	return collect(v, nil)
}

// holds reports whether there is a secret in v.
func holds(v any) bool {
	switch v := v.(type) {
	case effect.Secret:
		return true
	case []any:
		return slices.ContainsFunc(v, holds)
	case map[string]any:
		for _, e := range v {
			if holds(e) {
				return true
			}
		}
	}
	return false
}

func collect(v any, into []effect.Secret) []effect.Secret {
	switch v := v.(type) {
	case effect.Secret:
		into = append(into, v)
	case []any:
		for _, e := range v {
			into = collect(e, into)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			into = collect(v[name], into)
		}
	}
	return into
}
