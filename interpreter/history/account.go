package history

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Account is a History told in full, for readers: when each step was entered
// and left, what gates measured, what people said, how the status changed. A
// replay needs none of it.
type Account struct {
	*History
	Created effect.Event // the run's first event
	Last    time.Time    // of the newest event
	Visits  []*Visit     // in the order in which they were entered
	Gates   []Gate
	Notes   []Note
	Words   []Word
	Turns   []Turn

	inside map[effect.Place][]*Visit // by line of control
}

// Visit is one stay in a step, or one function of a rollback.
type Visit struct {
	Step
	Depth    int // how many visits stand around it
	Left     time.Time
	Ended    bool
	Err      *effect.Error
	Rollback bool // a function that on_rollback registered
}

// Gate is one measurement of a gate, as its composite recorded it.
type Gate struct {
	At     time.Time
	Place  effect.Place // of the composite
	Where  effect.Position
	Values map[string]any
}

// Note is a line of the log, or a checkpoint.
type Note struct {
	At    time.Time
	Place effect.Place
	Level string // "checkpoint" for one
	Text  string
}

// What a Word is about.
const (
	WordAnswer     = "answer"       // to a question
	WordObserved   = "observed"     // the backend's, on an unknown outcome
	WordResolved   = "resolved"     // an operator's, or the op's recovery, on the same
	WordRollback   = "rollback"     // asked for
	WordCancel     = "cancellation" // asked for
	WordResumed    = "resumed"      // taken up again
	WordScript     = "script"       // replaced by an edited one
	WordForked     = "forked"       // begun again as another run
	WordAcceptance = "record"       // goes on from a record that was changed
)

// Word is what somebody said about the run.
type Word struct {
	At      time.Time
	About   string // one of the constants above
	Place   effect.Place
	By      string
	User    string // the operating system's user behind By
	Via     string // how it is known who By is
	Roles   []string
	Outcome string
	Reason  string
	Text    string         // the source that was replaced, the other run of a fork
	Item    string         // the number of a checklist's item
	Shown   map[string]any // the evidence that was named with an answer: file, size, sha256
}

// Turn is a change of status.
type Turn struct {
	At     time.Time
	Status effect.Status
	By     string
	Reason string
	Err    *effect.Error
	Before time.Time // of the event before it: a runner that died was last heard of then
}

// Tell folds the events of a run in full. It keeps parts of them.
func Tell(events []effect.Event) *Account {
	a := &Account{History: Of(nil), inside: map[effect.Place][]*Visit{}}
	for i := range events {
		a.Add(&events[i])
	}
	return a
}

// Add folds one more event.
func (a *Account) Add(ev *effect.Event) {
	b := &ev.Body
	word := func(about, outcome, text string) {
		a.Words = append(a.Words, Word{At: ev.At, About: about, Place: ev.Place, By: b.By, User: b.User, Via: b.Via, Roles: b.Roles, Outcome: outcome, Reason: b.Reason, Text: text})
	}
	switch ev.Kind {
	case effect.RunCreated:
		a.Created = *ev
	case effect.StepEntered:
		a.enter(ev.Place.Line(), &Visit{Step: Step{b.Name, ev.Place, ev.At}, Depth: len(a.around(ev.Place))})
	case effect.StepLeft:
		a.leave(ev.Place.Line(), ev)
	case effect.BranchLeft:
		if ev.Place.InRollback() {
			a.rolled(ev)
		}
		delete(a.inside, ev.Place)
	case effect.RollbackStarted:
		clear(a.inside)
	case effect.Gated:
		if v, err := effect.Decode(b.Value); err == nil {
			values, _ := v.(map[string]any)
			place, _ := ev.Place.Composite()
			a.Gates = append(a.Gates, Gate{ev.At, place, b.Where, values})
		}
	case effect.Logged:
		a.Notes = append(a.Notes, Note{ev.At, ev.Place, b.Name, b.Text + fieldsOf(b.Value)})
	case effect.CheckpointReached:
		a.Notes = append(a.Notes, Note{ev.At, ev.Place, "checkpoint", b.Name})
	case effect.QuestionAnswered:
		word(WordAnswer, b.Outcome, b.Text)
		w := &a.Words[len(a.Words)-1]
		w.Item = b.Name
		if v, err := effect.Decode(b.Value); err == nil && b.Hash != "" {
			w.Shown, _ = v.(map[string]any)
		}
	case effect.EffectObserved:
		word(WordObserved, b.Outcome, b.Op)
	case effect.EffectResolved:
		word(WordResolved, b.Outcome, b.Op)
	case effect.RollbackRequested:
		word(WordRollback, "", "")
	case effect.CancelRequested:
		word(WordCancel, "", "")
	case effect.SourceChanged:
		if b.By != "" {
			word(WordScript, "", b.Name)
		}
	case effect.Forked:
		word(WordForked, "", b.Run)
	case effect.RecordAccepted:
		word(WordAcceptance, "", "")
	case effect.StatusChanged:
		a.Turns = append(a.Turns, Turn{ev.At, b.Status, b.By, b.Reason, b.Error, a.Last})
		if b.By != "" && !b.Status.Terminal() {
			word(WordResumed, "", "")
		}
	}
	a.Last = ev.At
	a.History.Add(ev)
}

func (a *Account) enter(line effect.Place, v *Visit) {
	a.Visits = append(a.Visits, v)
	a.inside[line] = append(slices.Clip(a.inside[line]), v)
}

func (a *Account) leave(line effect.Place, ev *effect.Event) {
	if n := len(a.inside[line]); n > 0 {
		v := a.inside[line][n-1]
		v.Left, v.Ended, v.Err = ev.At, true, ev.Body.Error
		a.inside[line] = a.inside[line][:n-1]
	}
}

// rolled tells of a function of a rollback, which is recorded at its end: it
// began with its first effect.
func (a *Account) rolled(ev *effect.Event) {
	at := ev.At
	for _, e := range a.Effects {
		if e.Place.Within(ev.Place) {
			at = e.Began
			break
		}
	}
	a.Visits = append(a.Visits, &Visit{Step: Step{ev.Body.Name, ev.Place, at}, Left: ev.At, Ended: true, Err: ev.Body.Error, Rollback: true})
}

// around returns the visits that a place stands in at this moment, outermost
// first.
func (a *Account) around(place effect.Place) []*Visit {
	var list []*Visit
	for line := place.Line(); ; line = line.Line() {
		list = append(slices.Clone(a.inside[line]), list...)
		if line == "" {
			return list
		}
	}
}

// Ended returns when the run ended, or was last heard of.
func (a *Account) Ended() time.Time {
	if n := len(a.Turns); n > 0 && a.Turns[n-1].Status.Terminal() {
		return a.Turns[n-1].At
	}
	return a.Last
}

// fieldsOf writes the fields of a line of the log behind its text.
func fieldsOf(raw json.RawMessage) string {
	v, err := effect.Decode(raw)
	if fields, _ := v.(map[string]any); err != nil || len(fields) == 0 {
		return ""
	}
	return " " + string(raw)
}
