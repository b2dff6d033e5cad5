package interpreter

import (
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// sighting is what was measured of a target in a window of time.
type sighting struct {
	from, to time.Duration // since the start
	values   map[string]any
}

// metrics are what health.measure returns.
func metrics() []string {
	return []string{"p50_latency", "p95_latency", "p99_latency", "error_rate", "throughput", "uptime", "samples"}
}

// health returns the state of the model of health: for each target that the
// run looked at, what it saw at that time since the start.
func (p *Past) health(start time.Time) map[string]any {
	measured, checked := map[string][]sighting{}, map[string][]sighting{}
	for _, o := range p.outcomes {
		env, ok := o.args["env"].(string)
		if !ok {
			continue
		}
		s := sighting{from: o.began.Sub(start), to: o.end.Sub(start)}
		switch o.op {
		case "health.measure":
			if window, ok := o.args["window"].(float64); ok {
				s.from = s.to - effect.Seconds(window)
			}
			if o.err == nil {
				s.values, _ = o.value.(map[string]any)
			}
			measured[env] = append(measured[env], s)
		case "health.check":
			s.values = map[string]any{"healthy": o.err == nil}
			checked[env] = append(checked[env], s)
		}
	}
	state := map[string]any{}
	for env, list := range measured {
		target := map[string]any{}
		for _, metric := range metrics() {
			target[metric] = p.seen(env, metric, list)
		}
		state[env] = target
	}
	for env, list := range checked {
		target, _ := state[env].(map[string]any)
		if target == nil {
			target = map[string]any{}
			state[env] = target
		}
		target["healthy"] = p.seen(env, "", list)
	}
	return state
}

// seen returns a value of a target as a function of time. It is nil where
// nothing was measured. An empty metric asks for the checks, which nobody
// misses at the end of the record.
func (p *Past) seen(env, metric string, list []sighting) effect.Func {
	end := list[len(list)-1].to
	key := metric
	if key == "" {
		key = "healthy"
	}
	return func(m effect.Moment) (any, error) {
		now := m.Now.Sub(m.Start)
		// Some slack: the same window ends a little earlier or later.
		if slack := 2 * (list[len(list)-1].to - list[len(list)-1].from); metric != "" && now > end+slack {
			p.notes.add(fmt.Sprintf("health of %s after %s, where its record ends: the last values are taken to hold", env,
				effect.FormatDuration(end.Round(time.Second))))
		}
		return nearest(list, now).values[key], nil
	}
}

// nearest returns the sighting that ended nearest to a moment: a measurement
// that ends a little later than it did in the record is still the same one.
func nearest(list []sighting, now time.Duration) sighting {
	best := list[0]
	for _, s := range list[1:] {
		if (now - s.to).Abs() < (now - best.to).Abs() {
			best = s
		}
	}
	return best
}
