package simulate

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Work is a stretch of a plan in which the run does not wait for a moment that its
// script names.
type Work struct {
	From, To float64 // seconds since the start
	Changes  bool    // something is written in it
}

// Took is how long it lasts, in seconds.
func (w Work) Took() float64 { return w.To - w.From }

// Work returns the stretches that are left of the plan without waits for a moment:
// those of window { outside = "wait" } and sleep { until_ = … }, wherever nothing
// else goes on beside them. The first begins with the plan. A wait for a time, as
// of a gate, is part of the work.
func (p *Plan) Work() []Work {
	busy := []Work{{}, {From: p.Took, To: p.Took}}
	waits := []Work{}
	for i := range p.Effects {
		e := &p.Effects[i]
		w := Work{From: e.At, To: e.At + e.Took, Changes: e.changes()}
		if e.untilMoment() {
			waits = append(waits, w)
		} else {
			busy = append(busy, w)
		}
	}
	byBeginning := func(a, b Work) int {
		switch {
		case a.From < b.From:
			return -1
		case a.From > b.From:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(busy, byBeginning)
	slices.SortStableFunc(waits, byBeginning)
	work := busy[:1:1]
	for _, next := range busy[1:] {
		last := &work[len(work)-1]
		from, to, idle := last.To, next.From, false
		for _, w := range waits { // the wait that fills what lies between, but for moments
			if from < to && w.From < to && from < w.To {
				if !idle {
					last.To, idle = max(last.To, w.From), true
				}
				from = max(from, w.To)
			}
		}
		if idle {
			next.From = min(from, next.From)
			work = append(work, next)
			continue
		}
		last.To, last.Changes = max(last.To, next.To), last.Changes || next.Changes
	}
	return work
}

// changes says whether the effect changes something outside of the run.
func (p *Planned) changes() bool {
	return p.Class.Writes() && !strings.HasPrefix(p.Op, effect.ControlModule+".")
}

// untilMoment says whether the effect is a wait for a moment.
func (p *Planned) untilMoment() bool {
	if p.Op != effect.OpSleep || !bytes.Contains(p.Args, []byte(`"until_"`)) {
		return false
	}
	var args struct {
		Until any `json:"until_"`
	}
	return json.Unmarshal(p.Args, &args) == nil && args.Until != nil
}
