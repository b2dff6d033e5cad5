package effect

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// maxDepth bounds nesting, so that a hostile document cannot exhaust the stack.
const maxDepth = 64

// Sealed stands in a decoded value where a secret was: its keyed digest.
type Sealed struct {
	Name   string
	Digest string
}

// String returns what a reader may see of the secret.
func (s Sealed) String() string { return "[secret " + s.Name + "]" }

// Encode returns v as canonical JSON: object keys sorted, numbers in shortest
// form, equal values as equal bytes. Strings that are not UTF-8 become
// {"$bytes": base64}; secrets become {"$secret": name, "digest": seal(s)}. A
// value with a secret is refused when seal is nil. NaN, infinities, depth
// beyond 64 and foreign Go types are errors.
func Encode(v any, seal func(Secret) string) ([]byte, error) {
	plain, err := toPlain(v, seal, 0)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(plain); err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// Decode reads what Encode wrote. Secrets come back as Sealed.
func Decode(data []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("decode value: %w", err)
	}
	if dec.More() {
		return nil, errors.New("decode value: text after the value")
	}
	return fromPlain(v, 0)
}

func toPlain(v any, seal func(Secret) string, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("encode value: nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case nil, bool:
		return v, nil
	case string:
		if utf8.ValidString(v) {
			return v, nil
		}
		return map[string]any{"$bytes": base64.StdEncoding.EncodeToString([]byte(v))}, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("encode value: %v is not a number that can be recorded", v)
		}
		if v == 0 {
			return 0.0, nil // one zero, not two
		}
		return v, nil
	case int:
		return float64(v), nil
	case Secret:
		if seal == nil {
			return nil, fmt.Errorf("encode value: %s may not stand here", v)
		}
		return map[string]any{"$secret": v.name, "digest": seal(v)}, nil
	case Sealed:
		return map[string]any{"$secret": v.Name, "digest": v.Digest}, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			p, err := toPlain(e, seal, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = p
		}
		return out, nil
	case map[string]any:
		return mapToPlain(v, seal, depth)
	}
	return nil, fmt.Errorf("encode value: a %T cannot be recorded", v)
}

func mapToPlain(m map[string]any, seal func(Secret) string, depth int) (any, error) {
	out := make(map[string]any, len(m))
	escape := false
	for k, e := range m {
		p, err := toPlain(e, seal, depth+1)
		if err != nil {
			return nil, err
		}
		if !utf8.ValidString(k) {
			return nil, fmt.Errorf("encode value: the key %q is not UTF-8", k)
		}
		out[k] = p
		escape = escape || k != "" && k[0] == '$'
	}
	if escape { // a user's own "$bytes" must not be taken for ours
		return map[string]any{"$map": out}, nil
	}
	return out, nil
}

func fromPlain(v any, depth int) (any, error) {
	if depth > 2*maxDepth {
		return nil, fmt.Errorf("decode value: nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			d, err := fromPlain(e, depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = d
		}
		return v, nil
	case map[string]any:
		return mapFromPlain(v, depth)
	}
	return v, nil
}

func mapFromPlain(m map[string]any, depth int) (any, error) {
	if s, ok := m["$bytes"].(string); ok && len(m) == 1 {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return nil, fmt.Errorf("decode value: $bytes: %w", err)
		}
		return string(b), nil
	}
	if name, ok := m["$secret"].(string); ok && len(m) == 2 {
		digest, ok := m["digest"].(string)
		if !ok {
			return nil, errors.New("decode value: $secret without a digest")
		}
		return Sealed{name, digest}, nil
	}
	if inner, ok := m["$map"].(map[string]any); ok && len(m) == 1 {
		m = inner
	}
	for k, e := range m {
		d, err := fromPlain(e, depth+1)
		if err != nil {
			return nil, err
		}
		m[k] = d
	}
	return m, nil
}
