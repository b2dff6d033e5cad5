package probe

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	dto "github.com/prometheus/client_model/go"
)

// histogram counts observations below edges. cumulative has one entry more
// than edges: all observations.
type histogram struct {
	edges      []float64 // finite, ascending
	cumulative []float64
	sum        float64 // of all observed values; NaN if it is not known
}

// mostCount is the largest count that a float64 holds exactly. What is no
// number on the page comes out of the parser beyond it.
const mostCount = 1 << 53

// newHistogram reads a histogram. The second value says what is wrong with
// it, "" if nothing is; a NaN of the sum only takes overflow away.
func newHistogram(h *dto.Histogram) (histogram, string) {
	var out histogram
	buckets := slices.Clone(h.GetBucket())
	slices.SortFunc(buckets, func(a, b *dto.Bucket) int { return cmp.Compare(a.GetUpperBound(), b.GetUpperBound()) })
	total, known := h.GetSampleCount(), h.SampleCount != nil
	for _, b := range buckets {
		switch edge := b.GetUpperBound(); {
		case math.IsInf(edge, 1):
			total, known = max(total, b.GetCumulativeCount()), true
		case !math.IsInf(edge, 0) && !math.IsNaN(edge):
			out.edges = append(out.edges, edge)
			out.cumulative = append(out.cumulative, float64(b.GetCumulativeCount()))
		}
	}
	out.cumulative = append(out.cumulative, float64(total))
	out.sum = math.NaN()
	if h.SampleSum != nil {
		out.sum = h.GetSampleSum()
	}
	switch {
	case !known:
		return out, "has neither a bucket +Inf nor a count: what is beyond its last bucket is not known"
	case !slices.IsSorted(out.cumulative) || out.cumulative[len(out.edges)] > mostCount:
		return out, "does not count upwards"
	}
	return out, ""
}

// total returns the number of observations.
func (h histogram) total() float64 {
	if len(h.cumulative) == 0 {
		return 0
	}
	return h.cumulative[len(h.cumulative)-1]
}

// since returns what was observed after earlier. It returns false if a count
// went down or the edges differ: the service was restarted in between.
func (h histogram) since(earlier histogram) (histogram, bool) {
	if len(earlier.cumulative) == 0 { // the series is new
		return h, true
	}
	if !slices.Equal(h.edges, earlier.edges) {
		return histogram{}, false
	}
	out := histogram{edges: h.edges, cumulative: make([]float64, len(h.cumulative)), sum: h.sum - earlier.sum}
	for i := range out.cumulative {
		if out.cumulative[i] = h.cumulative[i] - earlier.cumulative[i]; out.cumulative[i] < 0 {
			return histogram{}, false
		}
	}
	return out, true
}

// plus adds up the observations of two series.
func (h histogram) plus(other histogram) (histogram, error) {
	if len(h.cumulative) == 0 {
		return other, nil
	}
	if !slices.Equal(h.edges, other.edges) {
		return histogram{}, fmt.Errorf("its series have different buckets")
	}
	out := histogram{edges: h.edges, cumulative: slices.Clone(h.cumulative), sum: h.sum + other.sum}
	for i := range out.cumulative {
		out.cumulative[i] += other.cumulative[i]
	}
	return out, nil
}

// quantile estimates the value below which the fraction q of the observations
// lies, interpolating within a bucket as Prometheus' histogram_quantile does.
//
// Where Prometheus returns the highest finite edge for a quantile beyond it,
// which is the least that the value can be and may look healthy, quantile
// returns the most that it can be, see overflow. It returns false when it has
// no answer: without observations, or beyond the edges without a sum.
func (h histogram) quantile(q float64) (float64, bool) {
	total := h.total()
	if total <= 0 || len(h.edges) == 0 {
		return 0, false
	}
	rank := q * total
	i := 0
	for i < len(h.edges) && h.cumulative[i] < rank {
		i++
	}
	if i == len(h.edges) {
		return h.overflow(rank)
	}
	low, below := 0.0, 0.0
	switch {
	case i > 0:
		low, below = h.edges[i-1], h.cumulative[i-1]
	case h.edges[0] <= 0:
		return h.edges[0], true
	}
	in := h.cumulative[i] - below
	if in <= 0 {
		return h.edges[i], true
	}
	return low + (h.edges[i]-low)*(rank-below)/in, true
}

// overflow bounds from above the value at a rank beyond the highest finite
// edge. Whatever the other observations took at the least is taken off the
// sum; what is left was spent by those beyond the edge, and those below the
// rank spent at least the edge each.
func (h histogram) overflow(rank float64) (float64, bool) {
	last := len(h.edges) - 1
	left, below := h.sum, 0.0
	for i, edge := range h.edges {
		low := min(edge, 0)
		if i > 0 {
			low = h.edges[i-1]
		}
		left -= low * (h.cumulative[i] - below)
		below = h.cumulative[i]
	}
	edge := h.edges[last]
	place := max(math.Ceil(rank)-below, 1) // among those beyond the edge, from 1
	value := (left - (place-1)*edge) / (h.total() - below - place + 1)
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, false
	}
	return max(value, math.Nextafter(edge, math.Inf(1))), true
}
