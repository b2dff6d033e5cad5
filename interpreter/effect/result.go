package effect

import (
	"fmt"
	"maps"
	"slices"
)

// MaxResult bounds what one effect may return, in bytes, as it takes them in
// memory: a number weighs as much as a text of a few letters, a table more.
const MaxResult = 16 << 20

// What values weigh beside their texts.
const (
	valueWeight = 16
	listWeight  = 32
	keyWeight   = 32
	tableWeight = 64
)

// CheckResult holds a value that a backend returned against Returns, and gives
// it back in canonical form. What is not declared is left out; dropped names it
// ("servers[1].colour"). An op that declares no Returns may return any plain
// data. partial is for an observation: a backend that sees that a call was
// applied need not know all that the call returned. The error is a *FieldError.
//
// Fields that are declared secret stay plain texts here.
func (o *Op) CheckResult(value any, partial bool) (result any, dropped []string, err error) {
	if left := weigh(value, MaxResult, 0); left < 0 {
		return nil, nil, &FieldError{Problem: fmt.Sprintf("is larger than %d MiB, or nested deeper than %d", MaxResult>>20, maxDepth),
			Hint: "let the op return less: a part, a count, or the name of a file"}
	}
	if len(o.Returns) == 0 {
		return value, nil, nil
	}
	if value == nil {
		value = map[string]any{}
	}
	table, ok := asMap(value)
	if !ok {
		return nil, nil, (&Field{Type: Object, Fields: o.Returns}).wants(value)
	}
	fields := o.Returns
	if partial || !bare(fields) {
		fields = returned(fields, partial)
	}
	kept, dropped := declared(fields, table, "", nil)
	opaque := map[string]any{} // secrets that a model made so already
	for i := range o.Returns {
		name := o.Returns[i].Name
		if s, ok := kept[name].(Secret); ok && o.Returns[i].Secret {
			opaque[name], fields[i].Required = s, false
			delete(kept, name)
		}
	}
	out, err := CheckFields(fields, nil, kept)
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(out, opaque)
	return out, dropped, nil
}

// bare reports whether nothing in fields is secret or has a default: they say of
// a result what they say of an argument.
func bare(fields []Field) bool {
	return !slices.ContainsFunc(fields, func(f Field) bool {
		return f.Secret || f.Default != nil || !bare(f.Fields) || f.Elem != nil && !bare([]Field{*f.Elem})
	})
}

// returned is how results are held against declarations: what is secret is made
// opaque later, and nothing is filled in that nobody said.
func returned(fields []Field, partial bool) []Field {
	out := slices.Clone(fields)
	for i := range out {
		f := &out[i]
		f.Secret, f.Default = false, nil
		f.Required = f.Required && !partial
		f.Fields = returned(f.Fields, partial)
		if f.Elem != nil {
			f.Elem = &returned([]Field{*f.Elem}, partial)[0]
		}
	}
	return out
}

// declared leaves out of a table what fields do not name, inside it too.
func declared(fields []Field, table map[string]any, path string, dropped []string) (map[string]any, []string) {
	out := make(map[string]any, len(table))
	for _, key := range sortedKeys(table) {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == key })
		if i < 0 {
			dropped = append(dropped, path+key)
			continue
		}
		out[key], dropped = declaredIn(&fields[i], table[key], path+key, dropped)
	}
	return out, dropped
}

func declaredIn(f *Field, v any, path string, dropped []string) (any, []string) {
	switch v := v.(type) {
	case map[string]any:
		if f.Type == Object {
			return declared(f.Fields, v, path+".", dropped)
		}
		if f.Type == Map && f.Elem != nil {
			out := make(map[string]any, len(v))
			for _, key := range sortedKeys(v) {
				out[key], dropped = declaredIn(f.Elem, v[key], path+"."+key, dropped)
			}
			return out, dropped
		}
	case []any:
		if f.Type == List && f.Elem != nil {
			out := make([]any, len(v))
			for i, e := range v {
				out[i], dropped = declaredIn(f.Elem, e, fmt.Sprintf("%s[%d]", path, i+1), dropped)
			}
			return out, dropped
		}
	}
	return v, dropped
}

// weigh takes the size of a value from what is left; below zero it is too
// large, or too deep.
func weigh(v any, left, depth int) int {
	if depth > maxDepth {
		return -1
	}
	left -= valueWeight
	switch v := v.(type) {
	case string:
		left -= len(v)
	case Secret:
		left -= len(v.Reveal())
	case []any:
		left -= listWeight
		for _, e := range v {
			if left < 0 {
				return left
			}
			left = weigh(e, left, depth+1)
		}
	case map[string]any:
		left -= tableWeight
		for k, e := range v {
			if left < 0 {
				return left
			}
			left = weigh(e, left-keyWeight-len(k), depth+1)
		}
	}
	return left
}

// Weight returns what an encoded value weighs against MaxResult, without
// decoding it: a short text can hold very many values. What is no JSON has some
// weight, too.
func Weight(data []byte) int {
	weight, inText := len(data)+valueWeight, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == ',':
			weight += valueWeight
		case c == ':':
			weight += keyWeight
		case c == '[':
			weight += valueWeight + listWeight
		case c == '{':
			weight += valueWeight + tableWeight
		}
	}
	return weight
}
