package health

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

const (
	// fewest is how many samples either target needs: with fewer the normal
	// approximation of the test is no good, and there is little that it could find.
	fewest = 10
	// level is how likely a watch is to call a target worse that is not, by one
	// metric, over all its looks.
	level = 0.01
)

// comparison is what the samples of one metric say of a target beside a
// baseline.
type comparison struct {
	metric         string
	samples, base  int
	median, beside float64 // of the target, of the baseline
	p              float64 // that chance alone makes it look so much worse
	worse          bool
	why            string // nothing is known; "" if it is
	lasting        bool   // and never will be, in a watch as long as this one
}

// compare holds samples of a metric against those of a baseline: whether they
// are worse, in the direction of the threshold, by more than a margin (a share:
// 0.1). of is how many looks a watch takes in all, among which the level is divided.
func compare(t threshold, is, base []float64, margin float64, of int) comparison {
	c := comparison{metric: t.metric, samples: len(is), base: len(base), p: 1}
	if len(is) > 0 && len(base) > 0 {
		c.median, c.beside = median(is), median(base)
	}
	if len(is) < fewest || len(base) < fewest {
		c.why = fmt.Sprintf("%d and %d samples, too few to compare (%d each)", len(is), len(base), fewest)
		return c
	}
	if few, many := min(len(is), len(base)), max(len(is), len(base)); 2*few < many {
		c.why = fmt.Sprintf("%d and %d samples, one has too many gaps to compare", len(is), len(base))
		return c
	}
	least := make([]float64, len(base)) // the worst that is put up with
	for i, x := range base {
		if least[i] = x + math.Abs(x)*margin; !t.below() {
			least[i] = x - math.Abs(x)*margin
		}
	}
	if t.below() {
		c.p = greater(is, least)
	} else {
		c.p = greater(least, is)
	}
	c.worse = c.p < level/float64(max(of, 1))
	return c
}

// greater returns the one-sided p-value of the Mann-Whitney U test that values of
// a are not greater than those of b: by the normal approximation, corrected for
// ties and continuity.
func greater(a, b []float64) float64 {
	n, m := float64(len(a)), float64(len(b))
	all := slices.Concat(a, b)
	slices.Sort(all)
	rank := map[float64]float64{} // the mean rank of equal values
	ties := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		rank[all[i]] = float64(i+j+1) / 2
		same := float64(j - i)
		ties += same*same*same - same
		i = j
	}
	ranks := 0.0
	for _, x := range a {
		ranks += rank[x]
	}
	u := ranks - n*(n+1)/2
	variance := n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1)))
	if variance <= 0 { // all are equal
		return 1
	}
	return math.Erfc((u-n*m/2-0.5)/math.Sqrt(2*variance)) / 2
}

func median(xs []float64) float64 {
	sorted := slices.Sorted(slices.Values(xs))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func numbers(v any) []float64 {
	list, _ := v.([]any)
	var out []float64
	for _, e := range list {
		if x, ok := e.(float64); ok {
			out = append(out, x)
		}
	}
	return out
}

// value is the comparison as a gate's record has it.
func (c comparison) value() map[string]any {
	v := map[string]any{"metric": c.metric, "samples": float64(c.samples), "baseline_samples": float64(c.base), "worse": c.worse}
	if c.samples > 0 && c.base > 0 {
		v["median"], v["baseline_median"] = c.median, c.beside
	}
	if c.why == "" {
		v["p"] = c.p
	} else {
		v["no_data"] = c.why
	}
	return v
}

// Compared says in words what a gate's record holds of comparisons, one line each:
// "p99_latency 90ms beside 50ms of blue (12 and 12 samples, p 2.1e-05): worse".
func Compared(gate map[string]any) []string {
	list, _ := gate["compared"].([]any)
	slo, baseline := plain.Table(gate, "slo"), plain.Str(gate, "baseline")
	var out []string
	for _, v := range list {
		c, _ := v.(map[string]any)
		metric := plain.Str(c, "metric")
		if why := plain.Str(c, "no_data"); why != "" {
			out = append(out, fmt.Sprintf("%s beside %s: %s", metric, baseline, why))
			continue
		}
		text := fmt.Sprintf("%s %s beside %s of %s (%v and %v samples, p %.2g)", metric, FormatMetric(metric, plain.Str(slo, metric), plain.Num(c, "median")),
			FormatMetric(metric, plain.Str(slo, metric), plain.Num(c, "baseline_median")), baseline, plain.Num(c, "samples"), plain.Num(c, "baseline_samples"), plain.Num(c, "p"))
		if c["worse"] == true {
			text += ": worse"
		}
		out = append(out, text)
	}
	return out
}

// compares are what is compared unless a watch says so: what does not depend on how
// much traffic a target has.
var compares = []string{"p50_latency", "p95_latency", "p99_latency", "error_rate"}

// compared returns the thresholds whose metrics a watch compares: those that
// args name, or those that are compared by themselves.
func compared(slo []threshold, args map[string]any) ([]threshold, error) {
	baseline, names := plain.Str(args, "baseline"), plain.List(args["compare"])
	if baseline == "" {
		if len(names) > 0 {
			return nil, &effect.FieldError{Path: "compare", Problem: "needs a baseline", Hint: `add baseline = "blue"`}
		}
		return nil, nil
	}
	if baseline == args["env"] {
		return nil, &effect.FieldError{Path: "baseline", Problem: "is the target itself", Hint: "name the target that it is compared with"}
	}
	var list []threshold
	for _, t := range slo {
		if slices.Contains(names, t.metric) || len(names) == 0 && slices.Contains(compares, t.metric) {
			list = append(list, t)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(slo, func(t threshold) bool { return t.metric == name }) {
			return nil, &effect.FieldError{Path: "compare", Problem: fmt.Sprintf("slo has no threshold for %q, which says in which direction it is worse", name),
				Hint: fmt.Sprintf(`add slo = { %s = "< …" }`, name)}
		}
	}
	if len(list) == 0 {
		return nil, &effect.FieldError{Path: "baseline", Problem: "slo holds nothing that is compared by itself (" + strings.Join(compares, ", ") + ")",
			Hint: `name metrics of slo: compare = { "queue" }`}
	}
	return list, nil
}

// held compares what a measurement brought of the samples of both targets.
func (w *watcher) held(measurement map[string]any) []comparison {
	got := map[string]map[string]any{}
	list, _ := measurement["compared"].([]any)
	for _, v := range list {
		if v, ok := v.(map[string]any); ok {
			got[plain.Str(v, "metric")] = v
		}
	}
	looks := int(math.Ceil(w.during / w.args["every"].(float64)))
	var out []comparison
	for _, t := range w.compared {
		v := got[t.metric]
		c := compare(t, numbers(v["samples"]), numbers(v["baseline_samples"]), plain.Num(w.args, "margin")/100, looks)
		if why := plain.Str(v, "why"); why != "" && c.why != "" {
			c.why += ": " + why
		}
		if step := plain.Num(v, "step"); step > 0 && step*fewest > w.during {
			c.why = fmt.Sprintf("a sample takes %s, of which %s hold fewer than %d", effect.FormatDuration(effect.Seconds(step)),
				effect.FormatDuration(effect.Seconds(w.during)), fewest)
			c.lasting, c.worse = true, false
		}
		out = append(out, c)
	}
	return out
}

// beside returns what is broken by comparison; at the end of a watch that is also
// what there were too few samples for.
func (w *watcher) beside(list []comparison, end bool) (broken []string, code effect.Code) {
	for i, c := range list {
		t := w.compared[i]
		switch {
		case c.worse:
			code = effect.CodeUnhealthy
			broken = append(broken, fmt.Sprintf("beside %s %s is worse: %s against %s (medians of %d and %d samples, p %.2g)", w.args["baseline"], c.metric,
				FormatMetric(c.metric, t.text, c.median), FormatMetric(c.metric, t.text, c.beside), c.samples, c.base, c.p))
		case c.lasting:
			broken = append(broken, fmt.Sprintf("beside %s %s cannot be compared: %s", w.args["baseline"], c.metric, c.why))
			if code != effect.CodeUnhealthy {
				code = effect.CodeInvalid
			}
		case c.why != "" && end:
			broken = append(broken, fmt.Sprintf("beside %s %s has no data: %s", w.args["baseline"], c.metric, c.why))
			if code == "" {
				code = effect.CodeNoData
			}
		}
	}
	return broken, code
}
