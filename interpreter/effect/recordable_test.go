package effect

import (
	"math"
	"testing"
)

// TestRecordableIsWhatEncodeTakes: the two agree on every kind of value, at every
// depth, so that nothing passes a check that cannot be recorded afterwards.
func TestRecordableIsWhatEncodeTakes(t *testing.T) {
	nested := func(depth int, v any) any {
		for range depth {
			v = []any{map[string]any{"in": v}}
		}
		return v
	}
	values := []any{nil, true, "text", "\xff", 1, 1.5, math.Copysign(0, -1), math.NaN(), math.Inf(-1), math.MaxFloat64, NewSecret("token", "s3cret"),
		SecretDigest{Name: "token", Digest: "sha256:1"}, []any{}, map[string]any{}, map[string]any{"\xff": 1}, map[string]any{"$bytes": "x"},
		[]string{"foreign"}, map[string]string{"foreign": "x"}, struct{}{}, int64(1), nested(31, 1), nested(32, 1), nested(32, []any{}), nested(33, 1)}
	yes := 0
	for _, v := range values {
		for _, in := range []any{v, []any{1, v}, map[string]any{"a": "b", "v": v}} {
			_, err := Encode(in, nil)
			if got := recordable(in, 0); got != (err == nil) {
				t.Errorf("%T %.80v is recordable: %t; Encode says %v", v, in, got, err)
			}
			if err == nil {
				yes++
			}
		}
	}
	if yes == 0 || yes == 3*len(values) {
		t.Errorf("%d of %d values can be recorded", yes, 3*len(values))
	}
}
