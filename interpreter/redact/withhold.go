package redact

import (
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Where a secret is not known that may stand in what an effect returns, nothing
// can be taken out of it. Then the texts are withheld: what could hold a secret is
// left out of the result. What is kept could not:
//
//   - numbers and words of a list (enum) that are declared as such, true and false
//   - texts of fewer than Least bytes, which are not looked for otherwise either
//   - texts that the call came with
//
// A list or table of any keys is kept or left out as a whole: one with fewer
// elements would say something else.

// withheld returns a result without what could show a secret.
func withheld(call effect.Call, res effect.Result) effect.Result {
	w := withholding{}
	w.learn(call.Args)
	var ok bool
	if table, isTable := res.Value.(map[string]any); isTable && call.Op != nil && len(call.Op.Returns) > 0 {
		res.Value, ok = w.declared(call.Op.Returns, table)
	} else if ok = w.plain(res.Value); !ok {
		res.Value = nil
	}
	res.Redacted = res.Redacted || !ok
	res.Predicted = effect.Prediction{}
	return res
}

// withheldError returns an error of which the code is left.
func withheldError(e *effect.Error) *effect.Error {
	c := *e
	c.Message = "what it says is withheld, because it could show a secret that cannot be had now"
	c.Hint = "see that the run's secrets can be asked for, and try again"
	return &c
}

// withholding are the texts that a call came with.
type withholding map[string]bool

// learn takes note of texts, secrets apart.
func (w withholding) learn(v any) {
	switch v := v.(type) {
	case string:
		w[v] = true
	case []any:
		for _, e := range v {
			w.learn(e)
		}
	case map[string]any:
		for k, e := range v {
			w[k] = true
			w.learn(e)
		}
	}
}

func (w withholding) text(s string) bool { return len(s) < Least || w[s] }

// declared returns the declared fields that can be kept, and whether all can. What
// is declared as a secret stays: the Recorder makes it opaque.
func (w withholding) declared(fields []effect.Field, table map[string]any) (kept map[string]any, all bool) {
	kept, all = map[string]any{}, true
	for name, v := range table {
		i := slices.IndexFunc(fields, func(f effect.Field) bool { return f.Name == name })
		switch {
		case i >= 0 && fields[i].Secret:
			kept[name] = v
			continue
		case i >= 0 && fields[i].Type == effect.Object:
			if inner, ok := v.(map[string]any); ok {
				part, whole := w.declared(fields[i].Fields, inner)
				kept[name], all = part, all && whole
				continue
			}
		}
		if i >= 0 && w.field(&fields[i], v) {
			kept[name] = v
		} else {
			all = false
		}
	}
	return kept, all
}

// field reports whether a value of a declared field can be kept.
func (w withholding) field(f *effect.Field, v any) bool {
	switch v := v.(type) {
	case float64:
		return f.Type != effect.Any
	case string:
		return f.Type == effect.Enum && slices.Contains(f.Enum, v) || w.text(v)
	case []any:
		if f.Type == effect.List && f.Elem != nil {
			return !slices.ContainsFunc(v, func(e any) bool { return !w.field(f.Elem, e) })
		}
	case map[string]any:
		if f.Type == effect.Object {
			_, all := w.declared(f.Fields, v)
			return all
		}
		if f.Type == effect.Map && f.Elem != nil {
			for k, e := range v {
				if !w.text(k) || !w.field(f.Elem, e) {
					return false
				}
			}
			return true
		}
	}
	return w.plain(v)
}

// plain reports whether a value that nothing is declared of can be kept.
func (w withholding) plain(v any) bool {
	switch v := v.(type) {
	case string:
		return w.text(v)
	case float64:
		return false // the digits of one, perhaps
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !w.plain(e) })
	case map[string]any:
		for k, e := range v {
			if !w.text(k) || !w.plain(e) {
				return false
			}
		}
	}
	return true
}
