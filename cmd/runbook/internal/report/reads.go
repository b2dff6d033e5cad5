package report

import (
	"encoding/json"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// readsBegan returns when reads began, by place. A journal has their ends only: what
// was recorded last before it on the same line of control, or of a runner that took
// the run up, is when there was nothing else to do.
func readsBegan(events []effect.Event) map[effect.Place]time.Time {
	began, last := map[effect.Place]time.Time{}, map[effect.Place]time.Time{}
	turns := turns{}
	var up, any time.Time
	for i := range events {
		ev := &events[i]
		line := ev.Place.Line()
		if ev.Kind == effect.EffectDone || ev.Kind == effect.EffectFailed {
			from, known := last[line]
			if !known {
				from, known = turns.of(line)
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
			turns.opened(ev)
		case effect.BranchLeft:
			turns.left(ev)
		case effect.RunCreated, effect.StatusChanged:
			up = ev.At
		}
		last[line], any = ev.At, ev.At
	}
	return began
}

// turns are when branches of a parallel{} began, by its place: as many as its limit
// with it, and the next of the others as one leaves.
type turns map[effect.Place]*turn

type turn struct {
	opened  time.Time
	waiting []effect.Place // for another to leave, in their order
	began   map[effect.Place]time.Time
}

func (t turns) opened(ev *effect.Event) {
	var args struct {
		Branches []effect.Place `json:"branches"`
		Limit    int            `json:"limit"`
	}
	one := &turn{opened: ev.At, began: map[effect.Place]time.Time{}}
	if json.Unmarshal(ev.Body.Args, &args) == nil && args.Limit > 0 && args.Limit < len(args.Branches) {
		one.waiting = args.Branches[args.Limit:]
	}
	t[ev.Place] = one
}

func (t turns) left(ev *effect.Event) {
	if one := t[ev.Place.Parent()]; one != nil && len(one.waiting) > 0 {
		one.began[one.waiting[0]] = ev.At
		one.waiting = one.waiting[1:]
	}
}

// of returns when a branch began; known is false of what is none.
func (t turns) of(line effect.Place) (at time.Time, known bool) {
	one := t[line.Parent()]
	if one == nil {
		return at, false
	}
	if at, waited := one.began[line]; waited {
		return at, true
	}
	return one.opened, true
}
