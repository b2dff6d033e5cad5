package effect

import (
	"reflect"
	"testing"
	"time"
)

func TestSameIsWhatDeepEqualSays(t *testing.T) {
	values := []any{nil, "", "1", 1.0, 2.0, true, false, []any(nil), []any{}, []any{1.0}, []any{1.0, nil}, []any{"1"},
		map[string]any(nil), map[string]any{}, map[string]any{"a": nil}, map[string]any{"b": nil}, map[string]any{"a": []any{1.0}},
		map[string]any{"a": []any{2.0}}, map[string]any{"a": map[string]any{"b": true}}, time.Second, []string{"1"}, NewSecret("a", "b"), SecretDigest{Name: "a"}}
	for i, a := range values {
		for k, b := range values {
			if got, want := Same(a, b), reflect.DeepEqual(a, b); got != want || got != (i == k) {
				t.Errorf("Same(%#v, %#v) is %t, DeepEqual says %t", a, b, got, want)
			}
		}
	}
	deep := map[string]any{"a": []any{1.0, "x", map[string]any{"b": true}}}
	if n := testing.AllocsPerRun(10, func() { Same(deep, deep) }); n > 0 {
		t.Errorf("it allocates %v times", n)
	}
}
