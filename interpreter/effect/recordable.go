package effect

import (
	"math"
	"unicode/utf8"
)

// recordable reports whether Encode would take v without a digest of secrets. It
// writes nothing down, which each argument and result of any type would cost.
func recordable(v any, depth int) bool {
	if depth > maxDepth {
		return false
	}
	switch v := v.(type) {
	case nil, bool, string, int, SecretDigest:
		return true
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		for _, e := range v {
			if !recordable(e, depth+1) {
				return false
			}
		}
		return true
	case map[string]any:
		for k, e := range v {
			if !utf8.ValidString(k) || !recordable(e, depth+1) {
				return false
			}
		}
		return true
	}
	return false // a secret among them
}
