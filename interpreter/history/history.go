package history

import (
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// History is what the events of a run come to.
type History struct {
	// Effects stand in the order of their first events.
	Effects []*Effect
	// Order holds effects in the order in which they settled. Values have no
	// place in it, nor has what is Late. The first Main of it belong to the main
	// chunk.
	Order []*Effect
	Main  int
	// Marks holds the places of steps, log lines and other marks.
	Marks map[effect.Place]bool
	Steps Steps
	// Branchings holds how parallel{} began, by place, since its beginning is
	// recorded: nil for one of an earlier version.
	Branchings map[effect.Place]*Branching
	// Stopped holds branches that the failure of one beside them has stopped.
	Stopped map[effect.Place]bool
	// Exhausted holds functions of rollbacks that took too much. What they ask for
	// beyond the record is up to chance.
	Exhausted map[effect.Place]*effect.Error
	// Failed holds branches whose failure has stopped those beside them.
	Failed map[effect.Place]*effect.Error

	// Origin is the id that the script sees, if it is not the run's own: the past
	// of a fork has seen that of the run it was forked from.
	Origin   string
	Status   effect.Status
	Failure  *effect.Error // why it stands there, if the script failed
	Resumers []string      // who has taken the run up
	// Answers are those that were given since somebody last replaced what the run
	// goes by: its script, or its configuration.
	Answers []effect.Event
	// Request is the newest request for a rollback that has not started, unless
	// the run was canceled since.
	Request *effect.Event
	// Cancel is a cancellation that was asked for and not carried out.
	Cancel *effect.Event
	// Registered counts by line of control what on_rollback registers, until the
	// first rollback starts.
	Registered map[effect.Place]int
	// Attempts counts the rollbacks that have started, the first at RollbackAt.
	Attempts   int
	RollbackAt time.Time

	places map[effect.Place]*Effect
	spare  []Effect // allocated, not used yet

	entered   map[effect.Place]bool // see Entered, as of so many events
	enteredAt int
	events    int
}

// Of folds the events of a run. It keeps parts of them.
func Of(events []effect.Event) *History {
	h := &History{Marks: map[effect.Place]bool{}, Registered: map[effect.Place]int{},
		places: make(map[effect.Place]*Effect, len(events)/2), Status: effect.StatusRunning}
	for i := range events {
		h.Add(&events[i])
	}
	return h
}

// At returns the effect at a place, or nil.
func (h *History) At(place effect.Place) *Effect { return h.places[place] }

// Rolling reports whether a rollback has started.
func (h *History) Rolling() bool { return h.Attempts > 0 }

// Add folds one more event.
func (h *History) Add(ev *effect.Event) {
	b := &ev.Body
	switch ev.Kind {
	case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
		e := h.effect(ev)
		e.Intended = true
		e.Attempt, e.State, e.Sent = b.Attempt, Open, ev.At
	case effect.EffectDone, effect.EffectFailed: // of a read or a value, the only event
		h.close(h.effect(ev), ev)
	case effect.EffectObserved, effect.EffectResolved:
		if e := h.places[ev.Place]; e != nil {
			h.settle(e, ev)
		}
	case effect.RunCreated:
		h.Origin = b.Origin
	case effect.QuestionAnswered:
		h.Answers = append(h.Answers, *ev)
	case effect.SourceChanged:
		if Replaces(ev) { // people agreed to what was there before
			h.Answers = nil
		}
	case effect.RollbackRegistered:
		h.Marks[ev.Place] = true
		if !h.Rolling() {
			h.Registered[ev.Place.Line()]++
		}
	case effect.RollbackRequested:
		h.Request = ev
	case effect.RollbackStarted:
		if h.Request = nil; !h.Rolling() {
			h.RollbackAt = ev.At
		}
		h.Attempts++
	case effect.CancelRequested:
		h.Request = nil
		if !h.Status.Terminal() {
			h.Cancel = ev
		}
	case effect.StatusChanged:
		h.Status, h.Failure = b.Status, b.Error
		if b.Status.Terminal() {
			h.Cancel = nil
		} else if b.By != "" {
			h.Resumers = append(h.Resumers, b.By)
		}
	case effect.ParallelStarted:
		h.Marks[ev.Place] = true
		h.branching(ev)
	case effect.BranchLeft:
		h.Marks[ev.Place] = true
		h.branchLeft(ev)
	case effect.StepEntered, effect.StepLeft, effect.CheckpointReached, effect.Logged, effect.Gated:
		h.Marks[ev.Place] = true
	}
	h.Steps.Add(ev)
	h.events++
}

// effect returns the one at the event's place, which it begins if there is none.
func (h *History) effect(ev *effect.Event) *Effect {
	if e := h.places[ev.Place]; e != nil {
		return e
	}
	if len(h.spare) == 0 {
		h.spare = make([]Effect, min(max(len(h.Effects), 8), 1024))
	}
	e := &h.spare[0]
	h.spare = h.spare[1:]
	b := &ev.Body
	*e = Effect{N: len(h.Effects), Place: ev.Place, Op: b.Op, Args: b.Args, Class: b.Class, Recovery: b.Recovery, Where: b.Where,
		Began: ev.At, Sent: ev.At, Attempt: 1, Steps: h.Steps.Names(ev.Place), First: h.events, Last: -1}
	h.Effects = append(h.Effects, e)
	h.places[ev.Place] = e
	return e
}

// settle folds the word of a backend or an operator on an unknown outcome.
func (h *History) settle(e *Effect, ev *effect.Event) {
	switch Outcome(ev.Body.Outcome) {
	case OutcomeApplied, OutcomeForgone, OutcomeFailed:
		h.close(e, ev)
	case OutcomeNotApplied:
		e.State, e.Late = Resend, h.late(e)
	case OutcomeCutShort:
		e.CutShort = true
	}
}

func (h *History) close(e *Effect, ev *effect.Event) {
	if e.State == Closed {
		return
	}
	e.State, e.Value, e.Err, e.Ended, e.Last = Closed, ev.Body.Value, ev.Body.Error, ev.At, h.events
	if e.Late = h.late(e); e.Late || e.Class == effect.Value {
		return
	}
	h.Order = append(h.Order, e)
	if !h.Rolling() {
		h.Main = len(h.Order)
	}
}

// late reports whether an effect of the main chunk is settled after the rollback
// has started.
func (h *History) late(e *Effect) bool {
	return h.Rolling() && e.Intended && !e.Place.InRollback() && !e.Place.Asked()
}

// Open returns the effects that were begun and have no outcome, in the order of
// their intents; sleeps and questions, which are simply under way, are left out.
func (h *History) Open() []*Effect {
	var list []*Effect
	for _, e := range h.Effects {
		if e.State == Open && e.Intended && !e.Carried() {
			list = append(list, e)
		}
	}
	return list
}

// Questions returns the questions that have no answer yet, oldest first. Once a
// rollback is asked for, nobody waits for those of the main chunk; nor for one
// whose branch was stopped.
func (h *History) Questions() []*Effect { return h.waits(effect.Asks) }

// Sleeps returns the sleeps whose end is not recorded, oldest first: those that
// somebody waits for, as of Questions.
func (h *History) Sleeps() []*Effect {
	return h.waits(func(op string) bool { return op == effect.OpSleep })
}

func (h *History) waits(are func(op string) bool) []*Effect {
	var list []*Effect
	for _, e := range h.Effects {
		moot := (h.Rolling() || h.Request != nil) && !e.Place.InRollback() || e.Stopped
		if e.State == Open && are(e.Op) && !moot {
			list = append(list, e)
		}
	}
	return list
}

// Chosen reports whether people were asked on a line of control what becomes of a
// failure. The questions of the script itself are others.
func (h *History) Chosen(line effect.Place) bool {
	return slices.ContainsFunc(h.Effects, func(e *Effect) bool { return e.Op == effect.OpChoose && e.Place.Line() == line })
}

// Replaces reports whether an event says that somebody has replaced what the run
// goes by, its script or its configuration: not that it has found a file it requires.
func Replaces(ev *effect.Event) bool { return ev.Kind == effect.SourceChanged && ev.Body.By != "" }

// Began reports whether the run has come to an effect of the world, a sleep or a
// question.
func (h *History) Began() bool {
	for _, e := range h.Effects {
		if e.Class != effect.Value {
			return true
		}
	}
	return false
}

// Origin returns the id that the script of a run sees.
func Origin(run string, events []effect.Event) string {
	for i := range events {
		if events[i].Kind == effect.RunCreated && events[i].Body.Origin != "" {
			return events[i].Body.Origin
		}
	}
	return run
}
