package simulate

import (
	"fmt"
	"reflect"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// waitsOut is the invariant of StillGoing. Nothing else is held against a run that is
// told what is not the case.
const waitsOut = "a wait that runs out is not one that ends well"

// How long what is waited for goes on, at most: a wait without a limit ends then.
const (
	goesOnFor   = 24 * time.Hour
	goesOnReads = 2000
)

// lastRead is what a line read last, among reads between which nothing is changed.
type lastRead struct {
	place effect.Place
	value any
	ends  bool // it is told something else than in the turn before
}

// holding is an answer that a line goes on being told.
type holding struct {
	answer any
	since  time.Time
	told   int
}

func lineOf(call effect.Call) string { return fmt.Sprint(call.Op, call.Args, call.Where) }

// holdBack lets the line of a read be told an answer from now on; w.mu is held.
func (w *World) holdBack(call effect.Call, answer any) {
	if w.holding == nil {
		w.holding = map[string]*holding{}
	}
	w.holding[lineOf(call)] = &holding{answer: answer, since: w.timeline.Now()}
}

// heldBack returns what the line of a read is told as long as what it waits for goes
// on; w.mu is held.
func (w *World) heldBack(call effect.Call) (answer any, ok bool) {
	if len(w.holding) == 0 || call.Class != effect.Read {
		return nil, false
	}
	h := w.holding[lineOf(call)]
	if h == nil || h.told >= goesOnReads || w.timeline.Now().Sub(h.since) > goesOnFor {
		return nil, false
	}
	h.told++
	return h.answer, true
}

// waitsEnd finds runs that wait for something, for so long and no longer, and go on as
// if it had come about.
func waitsEnd(v *effect.View, end effect.Ending) string {
	past := v.Past()
	for i, e := range past {
		if Kind(e.Fault) != StillGoing || e.Err != nil {
			continue
		}
		last, ok := effect.LastTurn(past[i:])
		if !ok {
			continue // who reads no further does not wait for it
		}
		if !reflect.DeepEqual(last.Value, e.Value) {
			continue // it waited until it was told
		}
		first, looked, same := v.UnmovedSince(e, last, end)
		if !same || looked {
			continue
		}
		return fmt.Sprintf("%s is told the same for %s, until the wait is over, and the run goes on as if it had been told what it waits for, with %s: fail where the time is up",
			e, effect.FormatDuration(last.At.Sub(e.At)), first)
	}
	return ""
}
