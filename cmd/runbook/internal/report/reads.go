package report

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// readsBegan returns when reads began, by place. A journal has their ends only: what
// was recorded last before it on the same line of control, or of a runner that took
// the run up, is when there was nothing else to do.
func readsBegan(events []effect.Event) map[effect.Place]time.Time {
	began, last, branching := map[effect.Place]time.Time{}, map[effect.Place]time.Time{}, map[effect.Place]time.Time{}
	var up, any time.Time
	for i := range events {
		ev := &events[i]
		line := ev.Place.Line()
		if ev.Kind == effect.EffectDone || ev.Kind == effect.EffectFailed {
			from, known := last[line]
			if !known {
				from, known = branching[line.Parent()]
			}
			if !known { // the first function of a rollback
				from = any
			}
			if began[ev.Place] = from; from.Before(up) {
				began[ev.Place] = up
			}
		}
		switch ev.Kind {
		case effect.ParallelStarted:
			branching[ev.Place] = ev.At
		case effect.RunCreated, effect.StatusChanged:
			up = ev.At
		}
		last[line], any = ev.At, ev.At
	}
	return began
}
