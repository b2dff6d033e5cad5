package traffic

import (
	"maps"
	"math"
	"math/rand/v2"
	"testing"
)

// TestKeptOverAndOver makes splits one after the other, each by what the one before
// led to. Up to half of the traffic beside weights of 100 to 256 together, the others
// never move. Elsewhere each split moves what one of the others takes of the whole by
// half a percent point at most, in parts of a whole by a hundredth; a share that was
// there before, made again at once, moves nothing.
func TestKeptOverAndOver(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 5))
	type way struct {
		split func(Kept) (map[string]int, bool)
		most  float64
	}
	weights := way{func(k Kept) (map[string]int, bool) { w, e := k.Weights(100, nil); return w, e == nil }, setTolerance}
	parts := way{func(k Kept) (map[string]int, bool) { w, e := k.Shares(10000); return w, e == nil }, 0.01}
	made, rounded := 0, 0
	for range 300 {
		for _, w := range []way{weights, parts} {
			others := map[string]int{"a": random.IntN(100), "b": 1 + random.IntN(60), "c": 1 + random.IntN(96)}
			sum := others["a"] + others["b"] + others["c"]
			small := random.IntN(2) == 0 && sum >= 100
			first := maps.Clone(others)
			for range 20 {
				share := float64(random.IntN(100))
				if small {
					share = float64(random.IntN(51))
				}
				k := Kept{Pool: "pool web", Named: map[string]float64{"g": share}, Others: others}
				got, ok := w.split(k)
				if !ok {
					continue
				}
				made++
				now := maps.Clone(got)
				delete(now, "g")
				if again, ok := w.split(Kept{Pool: k.Pool, Named: k.Named, Others: now}); !ok || !maps.Equal(again, got) {
					t.Fatalf("%v becomes %v, and once more %v", k, got, again)
				}
				if small && w.most == setTolerance && !maps.Equal(now, first) {
					t.Fatalf("%v becomes %v: the others were %v", k, got, first)
				}
				before, after := k.counting(), Kept{Others: now}.counting()
				for name, weight := range now {
					was, is := float64(others[name])/float64(before), float64(weight)/float64(after+got["g"])
					miss := math.Abs(100*is - (100-share)*was)
					if now[name]*before != others[name]*after { // its part of them has changed
						rounded++
					}
					if miss > w.most+same {
						t.Fatalf("%v becomes %v: %s misses its share of the whole by %v points", k, got, name, miss)
					}
				}
				others = now
			}
		}
	}
	if made < 8000 || rounded < 1000 {
		t.Errorf("%d splits were made, %d shares rounded", made, rounded)
	}
}
