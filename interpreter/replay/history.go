package replay

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// state says what the journal knows of an effect.
type state int

const (
	open   state = iota // intended, outcome unknown
	resend              // intended, certainly not applied: to be sent again
	closed              // has its outcome
)

// record is what the journal holds of one effect.
type record struct {
	place    string
	op       string
	args     json.RawMessage
	class    effect.Class
	recovery effect.Recovery
	where    effect.Position
	began    time.Time
	attempt  int
	state    state
	value    json.RawMessage
	err      *effect.Error
	claimed  bool
}

// history is a run's journal, folded by place.
type history struct {
	records map[string]*record
	marks   map[string]bool
	begun   []*record // writes to the world that have an intent, in the order of the first ones
	order   []string  // the places of outcomes, as they settled; values left out
	main    int       // how many of order belong to the main chunk
	rolling bool      // a rollback has started
}

func fold(events []effect.Event) *history {
	h := &history{records: map[string]*record{}, marks: map[string]bool{}}
	for i := range events {
		h.add(&events[i])
	}
	if !h.rolling {
		h.main = len(h.order)
	}
	return h
}

func (h *history) add(ev *effect.Event) {
	b := &ev.Body
	switch ev.Kind {
	case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
		r := h.records[ev.Place]
		if r == nil {
			r = &record{place: ev.Place, op: b.Op, args: b.Args, class: b.Class, recovery: b.Recovery, where: b.Where, began: ev.At}
			h.records[ev.Place] = r
			if ev.Kind == effect.EffectIntended {
				h.begun = append(h.begun, r)
			}
		}
		r.attempt, r.state = b.Attempt, open
	case effect.EffectDone, effect.EffectFailed:
		r := h.records[ev.Place]
		if r == nil { // a read or a value: its only event
			r = &record{place: ev.Place, op: b.Op, args: b.Args, class: b.Class, where: b.Where, began: ev.At, attempt: 1}
			h.records[ev.Place] = r
		}
		h.close(r, b.Value, b.Error)
	case effect.EffectObserved, effect.EffectResolved:
		if r := h.records[ev.Place]; r != nil {
			h.settle(r, b)
		}
	case effect.RollbackStarted:
		if !h.rolling {
			h.rolling, h.main = true, len(h.order)
		}
	case effect.StepEntered, effect.StepLeft, effect.CheckpointReached, effect.RollbackRegistered,
		effect.Logged, effect.Gated, effect.BranchLeft:
		h.marks[ev.Place] = true
	}
}

// settle folds the word of a backend or an operator on an unknown outcome.
func (h *history) settle(r *record, b *effect.Body) {
	switch Outcome(b.Outcome) {
	case OutcomeApplied, OutcomeForgone, OutcomeFailed:
		h.close(r, b.Value, b.Error)
	case OutcomeNotApplied:
		r.state = resend
	}
}

func (h *history) close(r *record, value json.RawMessage, err *effect.Error) {
	if r.state == closed {
		return
	}
	r.state, r.value, r.err = closed, value, err
	if r.class != effect.Value {
		h.order = append(h.order, r.place)
	}
}

// Outcome says how an unknown outcome was settled.
type Outcome string

const (
	OutcomeApplied    Outcome = "applied"     // it happened
	OutcomeNotApplied Outcome = "not_applied" // it did not; it will be carried out again
	OutcomeFailed     Outcome = "failed"      // it did not and shall not; the script sees an error
	OutcomeUnknown    Outcome = "unknown"     // the backend cannot tell
	OutcomeForgone    Outcome = "forgone"     // nobody asks; the run goes on
)

// Open is an effect whose outcome is not known.
type Open struct {
	Place    string
	Op       string
	Args     json.RawMessage
	Where    effect.Position
	Recovery effect.Recovery
	Since    time.Time
	Attempt  int
}

// Opens returns the effects of a journal that were begun and have no outcome,
// in the order of their intents; sleeps and questions, which are simply under
// way, are left out.
func Opens(events []effect.Event) []Open {
	h := fold(events)
	var list []Open
	for i := range events { // in the journal's order
		r := h.records[events[i].Place]
		if r == nil || r.state != open || r.claimed || strings.HasPrefix(r.op, effect.ControlModule+".") {
			continue
		}
		r.claimed = true
		list = append(list, Open{r.place, r.op, r.args, r.where, r.recovery, r.began, r.attempt})
	}
	return list
}
