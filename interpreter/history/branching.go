package history

import (
	"encoding/json"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// OutcomeStopped is the outcome of a branch that the failure of one beside it
// has stopped.
const OutcomeStopped Outcome = "stopped"

// OutcomeExhausted is the outcome of a function of a rollback that took more than
// a script may.
const OutcomeExhausted Outcome = "exhausted"

// Branching is how a parallel{} began. In journals of versions that recorded
// none, all branches began at once and ran to their ends.
type Branching struct {
	FailFast bool `json:"fail_fast"` // the failure of one stops the others
	Limit    int  `json:"limit"`     // of branches at work at once; 0: none
}

func (h *History) branching(ev *effect.Event) {
	b := &Branching{}
	if json.Unmarshal(ev.Body.Value, b) != nil {
		return // as one of an earlier version
	}
	if h.Branchings == nil {
		h.Branchings = map[effect.Place]*Branching{}
	}
	h.Branchings[ev.Place] = b
}

func (h *History) branchLeft(ev *effect.Event) {
	if Outcome(ev.Body.Outcome) == OutcomeStopped {
		if h.Stopped == nil {
			h.Stopped = map[effect.Place]bool{}
		}
		h.Stopped[ev.Place] = true
		for _, e := range h.Effects {
			if e.State != Closed && e.Carried() && e.Place.Within(ev.Place) {
				e.Stopped = true
			}
		}
	}
	if Outcome(ev.Body.Outcome) == OutcomeExhausted {
		if h.Exhausted == nil {
			h.Exhausted = map[effect.Place]*effect.Error{}
		}
		h.Exhausted[ev.Place] = ev.Body.Error
	}
	if b := h.Branchings[ev.Place.Parent()]; b != nil && b.FailFast && ev.Body.Error != nil {
		if h.Failed == nil {
			h.Failed = map[effect.Place]*effect.Error{}
		}
		h.Failed[ev.Place] = ev.Body.Error
	}
}

// Entered reports whether anything is recorded inside the parallel{} at a place.
func (h *History) Entered(parallel effect.Place) bool {
	if h.entered == nil || h.enteredAt != h.events {
		h.entered, h.enteredAt = map[effect.Place]bool{}, h.events
		for place := range h.places {
			h.enter(place)
		}
		for place := range h.Marks {
			h.enter(place)
		}
	}
	return h.entered[parallel]
}

func (h *History) enter(place effect.Place) {
	for place = place.Parent(); place != "" && !h.entered[place]; place = place.Parent() {
		h.entered[place] = true
	}
}
