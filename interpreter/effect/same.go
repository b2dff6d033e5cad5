package effect

import "reflect"

// Same reports whether two values of a script, as Check returns them, are the same:
// what reflect.DeepEqual does, without allocations.
func Same(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && a == s
	case float64:
		f, ok := b.(float64)
		return ok && a == f
	case bool:
		t, ok := b.(bool)
		return ok && a == t
	case []any:
		list, ok := b.([]any)
		if !ok || len(a) != len(list) || (a == nil) != (list == nil) {
			return false
		}
		for i := range a {
			if !Same(a[i], list[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		table, ok := b.(map[string]any)
		if !ok || len(a) != len(table) || (a == nil) != (table == nil) {
			return false
		}
		for name, v := range a {
			if w, has := table[name]; !has || !Same(v, w) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}
