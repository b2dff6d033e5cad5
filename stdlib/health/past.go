package health

import (
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// sighting is what was measured of a target in a window of time.
type sighting struct {
	from, to time.Duration // since the start
	values   map[string]any
}

// Remember implements effect.Rememberer: for each target that the run looked
// at, what it saw at that time since the start.
func (h *Model) Remember(p effect.Past) error {
	measures, checks := map[string][]sighting{}, map[string][]sighting{}
	for _, o := range p.Outcomes {
		env := plain.Str(o.Args, "env")
		s := sighting{from: o.Began, to: o.End}
		switch o.Op {
		case "measure":
			if window, ok := o.Args["window"].(float64); ok {
				s.from = s.to - effect.Seconds(window)
			}
			if o.Err == nil {
				if v, ok := o.Value.(map[string]any); ok {
					s.values = saidToo(v, plain.Table(v, "metrics"))
				}
			}
			measures[env] = append(measures[env], s)
		case "check":
			s.values = map[string]any{"healthy": o.Err == nil}
			checks[env] = append(checks[env], s)
		}
	}
	state := map[string]any{}
	for env, list := range measures {
		target := map[string]any{}
		for _, metric := range measured() {
			target[metric.Name] = seen(p, env, metric.Name, list)
		}
		own := map[string]any{}
		for _, s := range list {
			for name := range plain.Table(s.values, "metrics") {
				own[name] = seen(p, env, name, list)
			}
		}
		target["metrics"] = own
		state[env] = target
	}
	for env, list := range checks {
		target, _ := state[env].(map[string]any)
		if target == nil {
			target = map[string]any{}
			state[env] = target
		}
		target["healthy"] = seen(p, env, "", list)
	}
	return h.Load(state)
}

// seen returns a value of a target as a function of time. It is nil where
// nothing was measured. An empty metric asks for the checks, which nobody
// misses at the end of the record.
func seen(p effect.Past, env, metric string, list []sighting) effect.Func {
	end := list[len(list)-1].to
	key := metric
	if key == "" {
		key = "healthy"
	}
	return func(m effect.Moment) (any, error) {
		now := m.Now.Sub(m.Start)
		p.Again("health of " + env)
		// Some slack: the same window ends a little earlier or later.
		if slack := 2 * (list[len(list)-1].to - list[len(list)-1].from); metric != "" && now > end+slack {
			p.Missing(fmt.Sprintf("health of %s after %s, where its record ends: the last values are taken to hold", env,
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
