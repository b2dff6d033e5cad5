package probe

import (
	"fmt"
	"time"
)

// flow is what happened between two readings of a page.
type flow struct {
	seconds  float64
	counted  bool // requests and failed are known
	requests float64
	failed   float64
	latency  histogram // empty if it is not known
}

// between compares two readings. What cannot be told is left out of the flow
// and said in notes.
func between(first, last *reading) (f flow, notes []string) {
	f.seconds = last.at.Sub(first.at).Seconds()
	if f.seconds < time.Microsecond.Seconds() {
		return f, []string{"no time passed between the readings"}
	}
	if first.started != last.started {
		return f, []string{"the service was restarted within the window"}
	}
	notes = append(notes, last.notes...)
	var ok bool
	if len(last.requests) > 0 || len(first.requests) > 0 {
		f.requests, ok = grown(first.requests, last.requests)
		if ok {
			f.failed, ok = grown(first.failed, last.failed)
		}
		if !ok {
			return flow{seconds: f.seconds}, append(notes, "the counters were reset within the window")
		}
		f.counted = true
	}
	for k := range first.latency {
		if _, still := last.latency[k]; !still {
			return flow{seconds: f.seconds}, append(notes, "the histograms were reset within the window")
		}
	}
	var sum histogram
	for k, h := range last.latency {
		delta, ok := h.since(first.latency[k])
		if !ok {
			return flow{seconds: f.seconds}, append(notes, "the histograms were reset within the window")
		}
		var err error
		if sum, err = sum.plus(delta); err != nil {
			return f, append(notes, fmt.Sprintf("the histogram cannot be used: %v", err))
		}
	}
	f.latency = sum
	return f, notes
}

// grown adds up by how much the counters grew. A counter that went down or
// away was reset: then nothing is known.
func grown(first, last map[string]float64) (float64, bool) {
	sum := 0.0
	for k, was := range first {
		if is, still := last[k]; !still || is < was {
			return 0, false
		}
	}
	for k, is := range last {
		sum += is - first[k]
	}
	return sum, true
}
