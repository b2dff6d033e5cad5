package effect

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// maxNesting bounds the nesting of JSON: an escaped map counts twice.
const maxNesting = 2 * (maxDepth + 1)

// Decode reads what Encode wrote. Secrets come back as SecretDigest.
func Decode(data []byte) (any, error) {
	var v any
	err := json.Unmarshal(data, &v)
	if err == nil {
		v, err = fromPlain(v, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("decode value: %w", err)
	}
	return v, nil
}

// fromPlain puts values in the place of what stands for them in JSON.
func fromPlain(v any, depth int) (_ any, err error) {
	if depth > maxNesting {
		return nil, errors.New("nested too deep")
	}
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			if v[i], err = fromPlain(e, depth+1); err != nil {
				return nil, err
			}
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
			return nil, fmt.Errorf("$bytes: %w", err)
		}
		return string(b), nil
	}
	if name, ok := m["$secret"].(string); ok && len(m) == 2 {
		digest, ok := m["digest"].(string)
		if !ok {
			return nil, errors.New("$secret without a digest")
		}
		return SecretDigest{name, digest}, nil
	}
	if inner, ok := m["$map"].(map[string]any); ok && len(m) == 1 {
		m, depth = inner, depth+1
	}
	for k, e := range m {
		switch e.(type) {
		case []any, map[string]any:
			d, err := fromPlain(e, depth+1)
			if err != nil {
				return nil, err
			}
			m[k] = d
		}
	}
	return m, nil
}
