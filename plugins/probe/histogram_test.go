package probe

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// observe counts values as a histogram does.
func observe(edges []float64, values ...float64) histogram {
	h := histogram{edges: edges, cumulative: make([]float64, len(edges)+1)}
	for _, v := range values {
		for i, e := range edges {
			if v <= e {
				h.cumulative[i]++
			}
		}
		h.cumulative[len(edges)]++
		h.sum += v
	}
	return h
}

func TestQuantile(t *testing.T) {
	edges := []float64{0.1, 0.2, 0.5}
	tests := []struct {
		name   string
		h      histogram
		q      float64
		want   float64
		absent bool
	}{
		{"no observation", observe(edges), 0.5, 0, true},
		{"no buckets", observe(nil, 1, 2), 0.5, 0, true},
		{"first bucket", observe(edges, 0.05, 0.05, 0.05, 0.05), 0.5, 0.05, false},
		{"second bucket", observe(edges, 0.05, 0.15, 0.15, 0.15), 0.5, 0.1 + 0.1/3, false},
		{"on an edge", observe(edges, 0.05, 0.05, 0.3, 0.3), 0.5, 0.1, false},
		{"across an empty bucket", observe(edges, 0.05, 0.3), 0.75, 0.35, false},
		{"all beyond", observe(edges, 2, 2, 2, 2), 0.5, (8 - 0.5) / 3, false},
		{"the largest beyond", observe(edges, 0.05, 0.05, 0.05, 4), 0.99, 4.15, false},
		{"negative edge", observe([]float64{-1, 1}, -2, -2), 0.5, -1, false},
	}
	for _, test := range tests {
		got, ok := test.h.quantile(test.q)
		if ok == test.absent || ok && math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%s: got %v, %v, want %v", test.name, got, ok, test.want)
		}
	}
	unknown := observe(edges, 2)
	unknown.sum = math.NaN()
	if v, ok := unknown.quantile(0.5); ok {
		t.Errorf("beyond the edges and without a sum: got %v", v)
	}
	exact := observe(edges, 0.5, 0.6)
	exact.sum = 0 // a page that lies must not make a value healthy
	if v, _ := exact.quantile(0.99); v <= 0.5 {
		t.Errorf("beyond the last edge: got %v", v)
	}
}

// The estimate lies in the bucket of the true quantile; beyond the edges it is
// never below the truth.
func TestQuantileAgainstTheTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	edges := []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1}
	for range 2000 {
		values := make([]float64, 1+rng.IntN(300))
		for i := range values {
			values[i] = math.Exp(rng.NormFloat64()*1.5 - 3)
		}
		h := observe(edges, values...)
		slices.Sort(values)
		for _, q := range []float64{0.01, 0.5, 0.95, 0.99, 1} {
			truth := values[max(int(math.Ceil(q*float64(len(values))))-1, 0)]
			got, ok := h.quantile(q)
			if !ok {
				t.Fatalf("no quantile of %v", values)
			}
			i, _ := slices.BinarySearch(edges, truth)
			switch {
			case i == len(edges):
				if got < truth-1e-9 {
					t.Fatalf("q=%v: %v is below the truth %v", q, got, truth)
				}
			case got > edges[i]+1e-9 || i > 0 && got < edges[i-1]-1e-9:
				t.Fatalf("q=%v: %v is not in the bucket of %v", q, got, truth)
			}
		}
	}
}

func TestHistogramSince(t *testing.T) {
	edges := []float64{0.1, 1}
	before := observe(edges, 0.05, 0.5)
	after := observe(edges, 0.05, 0.5, 0.5, 2)
	d, ok := after.since(before)
	if !ok || !slices.Equal(d.cumulative, []float64{0, 1, 2}) || math.Abs(d.sum-2.5) > 1e-12 {
		t.Errorf("got %v, %v", d, ok)
	}
	if _, ok := before.since(after); ok {
		t.Error("a reset is not seen")
	}
	if _, ok := observe([]float64{0.1, 2}, 1, 1, 1).since(before); ok {
		t.Error("other buckets are not seen")
	}
	if d, ok := after.since(histogram{}); !ok || d.total() != 4 {
		t.Error("a new series does not count")
	}
	if _, err := before.plus(observe([]float64{1}, 1)); err == nil {
		t.Error("series with different buckets are added")
	}
}
