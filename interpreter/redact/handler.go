package redact

import (
	"context"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Handler keeps the values of secrets out of everything that comes back from
// below: results, errors, progress. It learns those that it meets, in arguments
// and in results.
type Handler struct {
	Known *Known
	Next  effect.Handler
}

// Field tells a script that its result is not what the backend returned:
// something in it was a secret.
const Field = "redacted"

// Do hands the call on and scrubs what returns.
func (h Handler) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	h.Known.Learn(Collect(call.Args)...)
	scrub := h.Known.Scrubber()
	if call.Withhold {
		call.Progress = nil
	}
	if progress := call.Progress; progress != nil && !scrub.Empty() {
		call.Progress = func(line string) { progress(scrub.Cut(line)) }
	}
	res, err := h.Next.Do(ctx, call)
	res = h.clean(call, res)
	if call.Withhold {
		res = withheld(call, res)
	}
	switch {
	case err == nil || effect.AsStop(err) != nil:
		return res, err
	case call.Withhold:
		return res, withheldError(effect.AsError(err))
	}
	return res, h.Known.Scrubber().Error(effect.AsError(err))
}

// clean scrubs a result. What the op declares as a secret stays: the Recorder
// makes it opaque.
func (h Handler) clean(call effect.Call, res effect.Result) effect.Result {
	var declared []effect.Field
	if call.Op != nil {
		declared = call.Op.Returns
	}
	table, isTable := res.Value.(map[string]any)
	if isTable {
		h.returned(call.Op, table)
	}
	scrub := h.Known.Scrubber()
	if !scrub.Empty() {
		changed := false
		if isTable && len(declared) > 0 {
			res.Value, changed = scrub.declared(declared, table)
		} else {
			res.Value, changed = scrub.Value(res.Value)
		}
		if changed {
			call.Report("a secret was taken out of the result of %s; what the script sees is not what came", call.Op)
		}
		res.Redacted = res.Redacted || changed
		c := &res.Predicted
		c.Target, c.From, c.To = scrub.Text(c.Target), scrub.Text(c.From), scrub.Text(c.To)
	}
	return res
}

// returned learns the secrets that an op returns.
func (h Handler) returned(op *effect.Op, table map[string]any) {
	if op == nil {
		return
	}
	for i := range op.Returns {
		f := &op.Returns[i]
		if text, ok := table[f.Name].(string); ok && f.Secret {
			h.Known.Learn(effect.NewSecret(op.String()+"."+f.Name, text))
		}
	}
}

// declared is Value for a table of declared fields. Those declared as secrets
// stay as they are, and so do the numbers of fields that are declared as such:
// a count that happens to be some secret's digits is a count.
func (s *Scrubber) declared(fields []effect.Field, table map[string]any) (clean map[string]any, changed bool) {
	clean = maps.Clone(table)
	for name, v := range table {
		i := slices.IndexFunc(fields, func(f effect.Field) bool { return f.Name == name })
		if i < 0 {
			delete(clean, name)
			key, kc := s.Replace(name)
			value, vc := s.Value(v)
			clean[key], changed = value, changed || kc || vc
			continue
		}
		if fields[i].Secret {
			continue
		}
		value, c := s.field(&fields[i], v)
		clean[name], changed = value, changed || c
	}
	return clean, changed
}

// field is Value for what a field declares.
func (s *Scrubber) field(f *effect.Field, v any) (clean any, changed bool) {
	switch v := v.(type) {
	case float64:
		if f.Type != effect.Any {
			return v, false
		}
	case map[string]any:
		if f.Type == effect.Object {
			return s.declared(f.Fields, v)
		}
		if f.Type == effect.Map && f.Elem != nil {
			out := make(map[string]any, len(v))
			for k, e := range v {
				key, kc := s.Replace(k)
				value, vc := s.field(f.Elem, e)
				out[key], changed = value, changed || kc || vc
			}
			return out, changed
		}
	case []any:
		if f.Type == effect.List && f.Elem != nil {
			out := make([]any, len(v))
			for i := range v {
				var c bool
				out[i], c = s.field(f.Elem, v[i])
				changed = changed || c
			}
			return out, changed
		}
	}
	return s.Value(v)
}
