package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Violation is an invariant that did not hold.
type Violation struct {
	Invariant string
	Message   string
	Place     effect.Place // the effect after which it did not hold; empty at the end
	At        time.Time
}

// Ending is how a run came out.
type Ending = effect.Ending

// RunEnds is the invariant that a run comes to an end.
const RunEnds = "a run ends"

// EngineInvariants hold for every runbook, whatever its modules.
func EngineInvariants() []effect.Invariant {
	return []effect.Invariant{
		{Name: "nothing is done twice", After: nothingTwice},
		{Name: RunEnds, End: ends},
		{Name: "every rollback completes", End: rollbacksComplete},
		{Name: "no secret stands in the journal", End: noSecrets},
		{Name: "a rollback sets what was, and not what the run set", End: setsWhatWas},
		{Name: "the error of a change is not swallowed", End: notSwallowed},
		{Name: "nothing irreversible comes before its approval", End: approvedFirst},
		{Name: "a no is obeyed", After: obeyed},
		{Name: "what a fault leads to is written without slips", End: noSlips},
		{Name: "a wait that ends badly is not one that ends well", End: endsLookedAt},
		{Name: waitsOut, End: waitsEnd},
		{Name: "a bad verdict is not passed over", End: verdictsLookedAt},
	}
}

// Standard returns EngineInvariants and those that the modules of the catalog
// bring.
func Standard(catalog *effect.Catalog) []effect.Invariant {
	list := EngineInvariants()
	for _, name := range catalog.Names() {
		m, _ := catalog.Module(name)
		list = append(list, m.Invariants...)
	}
	return list
}

// judge holds the invariants against the world after an effect; w.mu is held.
func (w *World) judge(e Entry) {
	if len(w.setup.Invariants) == 0 || !e.Class.Writes() {
		return // a read changes nothing
	}
	v, occurrence := w.view(), w.setup.occurrence(e)
	for _, inv := range w.setup.Invariants {
		if inv.After == nil || !w.held(inv.Name) {
			continue
		}
		if msg := hold(func() string { return inv.After(v, occurrence) }); msg != "" {
			w.violate(Violation{Invariant: inv.Name, Message: msg, Place: e.Place, At: e.At})
		}
	}
}

// held reports whether the run is held against an invariant, whatever struck it; w.mu
// is held.
func (w *World) held(invariant string) bool { return w.only == "" || w.only == invariant }

// hold asks an invariant. One that cannot be evaluated does not hold.
func hold(ask func() string) (msg string) {
	defer func() {
		if p := recover(); p != nil {
			msg = fmt.Sprintf("it could not be evaluated: %v", p)
		}
	}()
	return ask()
}

// occurrence is an entry as invariants see it.
func (s *Setup) occurrence(e Entry) effect.Occurrence {
	module, name, _ := strings.Cut(e.Op, ".")
	tells := false
	if s.Catalog != nil {
		m, _ := s.Catalog.Module(module)
		tells = m.Tells
	}
	return effect.Occurrence{At: e.At, Place: e.Place, Module: module, Name: name, Class: e.Class, Args: e.Args, Where: e.Where,
		Value: e.Value, Err: e.Err, Changes: e.Changes, Again: e.Again, Grows: e.Grows, Fault: string(e.Fault), Opaque: e.opaque(), Tells: tells}
}

// done returns what the world has seen, as invariants see it; w.mu is held.
func (w *World) done() []effect.Occurrence {
	for _, e := range w.entries[len(w.occurrences):] {
		w.occurrences = append(w.occurrences, w.setup.occurrence(e))
	}
	return w.occurrences
}

func (s *Setup) occurrences(entries []Entry) []effect.Occurrence {
	list := make([]effect.Occurrence, len(entries))
	for i, e := range entries {
		list[i] = s.occurrence(e)
	}
	return list
}

// view is what invariants see now; w.mu is held while they look.
func (w *World) view() *effect.View {
	begin := func(module string) map[string]any { m, _ := w.start[module].(map[string]any); return m }
	return &effect.View{Begin: begin, State: w.stateOf, Later: w.stateIn, Untouched: w.untouched, Prior: w.priorOf, Bad: w.bad, Locks: w.locks, Stranded: w.stranded, Done: w.done, Usual: w.setup.Usual, UsualLog: w.setup.UsualLog,
		Changes: func(module string) []effect.Change { return w.changes(module, begin(module), w.stateOf(module)) }}
}

// changes tells in what two states of a module differ, each thing once.
func (w *World) changes(module string, before, after map[string]any) []effect.Change {
	model := w.models[module]
	repeater, repeats := model.(effect.Repeater)
	return slices.DeleteFunc(effect.Changes(module, before, after), func(c effect.Change) bool {
		return repeats && repeater.Repeats(c.Path) || assumed(c)
	})
}

// assumed reports whether a change tells how a model came by what it holds.
func assumed(c effect.Change) bool {
	_, from := c.From.(bool)
	_, to := c.To.(bool)
	return c.Path[len(c.Path)-1] == "assumed" && (from || to)
}

// violate notes a violation, each invariant once; w.mu is held.
func (w *World) violate(v Violation) {
	list := &w.broken
	if w.setup.accepts(v) >= 0 {
		list = &w.accepted
	}
	if !slices.ContainsFunc(*list, func(old Violation) bool { return old.Invariant == v.Invariant }) {
		*list = append(*list, v)
	}
}

// accepts returns which of its acceptances covers a finding; -1 if none does.
func (s *Setup) accepts(v Violation) int {
	return slices.IndexFunc(s.Accepts, func(a effect.Acceptance) bool { return a.Covers(v.Invariant, v.Message) })
}

// Accepted returns the findings so far that the runbook accepts.
func (w *World) Accepted() []Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Violation(nil), w.accepted...)
}

// Broke notes that an invariant of the runbook's own did not hold.
func (w *World) Broke(name, message string, place effect.Place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held(name) {
		w.violate(Violation{Invariant: name, Message: message, Place: place, At: w.timeline.Now()})
	}
}

// Observe implements effect.Observatory.
func (w *World) Observe() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.transitions == nil {
		w.transitions = map[effect.Place][]effect.Transition{}
	}
}

// Transitions implements effect.Observatory.
func (w *World) Transitions(place effect.Place) []effect.Transition {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.transitions[place]
	delete(w.transitions, place)
	return list
}

// before returns the world as it is, if somebody will ask; w.mu is held.
func (w *World) before(call effect.Call) map[string]any {
	if w.transitions == nil || !call.Class.Writes() {
		return nil
	}
	return w.state()
}

// after keeps what became of the world that before returned; w.mu is held.
func (w *World) after(e Entry, before map[string]any) {
	if before != nil && e.Err == nil {
		w.transitions[e.Place] = append(w.transitions[e.Place], effect.Transition{Before: before, After: w.state(), Effect: w.setup.occurrence(e)})
	}
}

// Waited notes that the run has waited, which the world does not see: meanwhile
// it may have become another.
func (w *World) Waited(call effect.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after(Entry{At: w.timeline.Now(), Place: call.Place, Op: call.Op.String(), Class: call.Class, Args: call.Args, Where: call.Where}, w.before(call))
}

// End holds the invariants against how the run came out and returns all that
// were broken, in order.
func (w *World) End(r Ending) []Violation {
	w.Settle()
	w.mu.Lock()
	defer w.mu.Unlock()
	v := w.view()
	for _, inv := range w.setup.Invariants {
		if inv.End == nil || !w.held(inv.Name) {
			continue
		}
		if msg := hold(func() string { return inv.End(v, r) }); msg != "" {
			w.violate(Violation{Invariant: inv.Name, Message: msg, At: w.timeline.Now()})
		}
	}
	return append([]Violation(nil), w.broken...)
}

// Locked notes the locks that the run has taken.
func (w *World) Locked(names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.locks = names
}

// struck notes that a fault strikes an effect.
func (w *World) struck(call effect.Call, kind Kind) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[call.Place] = kind
	if kind == StillGoing {
		w.only = waitsOut
	}
	if w.setup.Catalog != nil {
		m, _ := w.setup.Catalog.Module(call.Op.Module)
		for _, f := range m.Faults {
			if f.Name == string(kind) && f.Only != "" {
				w.only = f.Only
			}
		}
	}
	if slices.Contains(engine, kind) || w.setup.Catalog != nil && slices.Contains(Twists(call, w.setup.Catalog), kind) {
		return
	}
	breaker, ok := w.models[call.Op.Module].(effect.Breaker)
	if !ok {
		return
	}
	if part := breaker.Break(string(kind), call.Op.Name, call.Args); part != "" {
		w.bad[part] = w.timeline.Now()
		w.stranded = w.stranded || call.Place.InRollback()
		w.turnedBad(part, call)
	}
}

// doesNotFit notes an effect that a fault of the schedule cannot strike.
func (w *World) doesNotFit(call effect.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unfit[call.Place] = call
}

// missed notes an effect that a fault kept from happening.
func (w *World) missed(call effect.Call, kind Kind, failure *effect.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries = append(w.entries, Entry{At: w.timeline.Now(), Place: call.Place, Op: call.Op.String(), Class: call.Class,
		Args: call.Args, Where: call.Where, Err: failure, Basis: Basis{Fact: Modeled}, Fault: kind})
}

func nothingTwice(_ *effect.View, e effect.Occurrence) string {
	if !e.Again || !e.Grows || len(e.Changes) == 0 {
		return ""
	}
	return fmt.Sprintf("%s was applied twice, and the second time changed %s", e, e.Changes[0])
}

func ends(_ *effect.View, r Ending) string {
	s := effect.AsStop(r.Err)
	switch {
	case s != nil && s.Cause == effect.Canceled && r.Status == effect.StatusCanceled:
		return ""
	case s != nil && (r.Status.Terminal() || s.Cause == Endless): // it had to be stopped
		return s.Error()
	case r.Status.Terminal():
		return ""
	}
	text := fmt.Sprintf("the run stays %s however often it is resumed", r.Status)
	if r.Err != nil {
		text += ": " + r.Err.Error()
	}
	return text
}

func rollbacksComplete(v *effect.View, r Ending) string {
	if r.Status != effect.StatusRollbackFailed || v.Stranded || onlyUntold(v, r) {
		return ""
	}
	text := "the rollback failed, also when it was tried again"
	if r.Endless {
		text = "the rollback failed"
	}
	const said = 3 // a loop may have registered thousands
	for _, err := range r.Rollbacks[:min(len(r.Rollbacks), said)] {
		text += ": " + err.Error()
	}
	if more := len(r.Rollbacks) - said; more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}

// onlyUntold reports whether a rollback has put back all that the world knows of, and
// found in a look that a service is not well all the same: what was still to come is
// to tell people that it is over, which would not be true.
func onlyUntold(v *effect.View, r Ending) bool {
	for _, err := range r.Rollbacks {
		if effect.AsError(err).Code != effect.CodeUnhealthy {
			return false
		}
	}
	told := false
	for _, e := range v.Past() {
		if !e.Wrote() || e.Module == effect.ControlModule {
			continue
		}
		told = told || e.Tells
		if !e.Tells && slices.ContainsFunc(v.Changes(e.Module), func(c effect.Change) bool { return v.Bad[c.Path[0]].IsZero() }) {
			return false // beside what turned bad
		}
	}
	return told && len(r.Rollbacks) > 0
}

func noSecrets(_ *effect.View, r Ending) string {
	for _, s := range r.Secrets {
		if s.Reveal() == "" {
			continue
		}
		for _, ev := range r.Events {
			for _, raw := range []string{string(ev.Body.Args), string(ev.Body.Value), ev.Body.Text, ev.Body.Name, ev.Body.Reason, errorText(ev.Body.Error)} {
				if strings.Contains(raw, s.Reveal()) {
					return fmt.Sprintf("%s stands in clear in event %s %s", s, ev.Kind, ev.Place)
				}
			}
		}
	}
	return ""
}

func errorText(e *effect.Error) string {
	if e == nil {
		return ""
	}
	return e.Message + e.Hint
}
