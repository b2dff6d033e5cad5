package probe

import (
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/plugins/internal/health"
)

// flow is what happened between two readings of a page.
type flow struct {
	seconds  float64
	requests float64
	failed   float64
	latency  histogram

	noRequests, noLatency *health.Gap // why nothing is known of them, nil if it is
}

// unseen is the flow of which nothing is known.
func unseen(why string) flow {
	g := &health.Gap{Why: why}
	return flow{noRequests: g, noLatency: g}
}

// between compares two readings.
func between(first, last *reading) flow {
	f := flow{seconds: last.at.Sub(first.at).Seconds()}
	if f.seconds < time.Microsecond.Seconds() {
		return unseen("no time passed between the readings")
	}
	if first.started != last.started {
		return unseen("the service was restarted within the window")
	}
	f.countRequests(first, last)
	f.sumLatency(first, last)
	return f
}

func (f *flow) countRequests(first, last *reading) {
	// A counter that appears within the window is new; one that was not a
	// number before is not.
	if f.noRequests = last.noRequests; f.noRequests == nil && len(first.requests) > 0 {
		f.noRequests = first.noRequests
	}
	if f.noRequests != nil {
		return
	}
	var ok bool
	if f.requests, ok = grown(first.requests, last.requests); ok {
		f.failed, ok = grown(first.failed, last.failed)
	}
	if !ok {
		f.noRequests = &health.Gap{Why: "the counters were reset within the window"}
	}
}

func (f *flow) sumLatency(first, last *reading) {
	if f.noLatency = last.noLatency; f.noLatency == nil && len(first.latency) > 0 {
		f.noLatency = first.noLatency
	}
	if f.noLatency != nil {
		return
	}
	reset := &health.Gap{Why: "the histograms were reset within the window"}
	for k := range first.latency {
		if _, still := last.latency[k]; !still {
			f.noLatency = reset
			return
		}
	}
	for k, h := range last.latency {
		delta, ok := h.since(first.latency[k])
		if !ok {
			f.noLatency = reset
			return
		}
		sum, err := f.latency.plus(delta)
		if err != nil {
			f.noLatency = &health.Gap{Why: fmt.Sprintf("the histogram cannot be used: %v", err)}
			return
		}
		f.latency = sum
	}
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
