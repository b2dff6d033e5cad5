package effect

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Invariant is something that has to hold in a simulated world, whatever
// fails. Both functions return in one sentence what is wrong, or "".
type Invariant struct {
	// Name says what holds: "some server takes traffic". Of several with one
	// name the first that is broken is told.
	Name string
	// Doc says what a runbook does so that it holds, where the name does not say it
	// or several have one name: "a lock of the header is named traffic or traffic/NAME".
	Doc string
	// After is asked after each effect that may change the world, those of
	// other modules too. It may be nil.
	After func(v *View, e Occurrence) string
	// Ahead says that After asks what comes next (View.Usual). Of the run that no
	// fault strikes that is known once it has ended: it is made once more for these.
	Ahead bool
	// End is asked when the run has ended. It may be nil.
	End func(v *View, end Ending) string
}

// Unless returns the invariant that also holds after the effects that are excused;
// doc, which is added to its own, says which those are.
func (i Invariant) Unless(doc string, excused func(v *View, e Occurrence) bool) Invariant {
	broken := i.After
	i.Doc += "; " + doc
	i.After = func(v *View, e Occurrence) string {
		if excused(v, e) {
			return ""
		}
		return broken(v, e)
	}
	return i
}

// View is what an invariant sees of a simulated world. What it returns is not
// to be changed.
type View struct {
	// Begin and State return a module's state in the beginning and now, nil for
	// a module without a model.
	Begin, State func(module string) map[string]any
	// Later returns what the state of a module will be if nothing is done until
	// then; nil where nobody can tell.
	Later func(module string, in time.Duration) map[string]any
	// Untouched returns what the state of a module would be now if the run had
	// done nothing; nil where nobody can tell.
	Untouched func(module string) map[string]any
	// Prior returns the state of a module as it was before the effect that is asked
	// about, by what that effect changed of its own module; nil where nobody keeps it:
	// it is kept for those of a rollback.
	Prior func(module string) map[string]any
	// Changes tells what differs between the two, whatever happened between.
	Changes func(module string) []Change
	// Bad holds the parts that a fault made bad, by name ("green"), and since
	// when. What modules call by one name is one thing.
	Bad   map[string]time.Time
	Locks []string // held by the run: "traffic/web"
	// Stranded says that what the run falls back to turned bad while it rolled
	// back: no runbook can help that.
	Stranded bool
	// Done returns every effect that the world has seen, in order: reads and
	// failures too, and those that a rollback made.
	Done func() []Occurrence
	// Usual are the effects of the same run without the faults that strike this
	// one; nil for a run that none strikes, and where nobody knows.
	Usual []Occurrence
	// UsualLog is what that run says in its log, line by line.
	UsualLog []string
}

// Past returns what Done does; nothing where there is no Done.
func (v *View) Past() []Occurrence {
	if v.Done == nil {
		return nil
	}
	return v.Done()
}

// NextTurn reports whether a call is that of a loop's next turn, and not another
// try: by the same line, about something else, and made where nothing fails too.
func (v *View) NextTurn(e, later Occurrence) bool {
	return e.sameLine(later) && !e.SameCall(later) && slices.ContainsFunc(v.Usual, later.SameCall)
}

// Occurrence is one effect as the simulated world saw it.
type Occurrence struct {
	At           time.Time // when it ended
	Place        Place
	Module, Name string // of the op
	Class        Class
	Args         map[string]any // canonical
	Where        Position
	Value        any // what it returned
	Err          *Error
	Changes      []Change // of the module's state
	Again        bool     // the same effect had been applied before
	Grows        bool     // each time that it is applied it changes something, at one moment too
	Fault        string   // the fault that struck it; empty for none
	Opaque       bool     // nobody said what it changes
	Tells        bool     // it tells people something, and changes nothing else
}

// SameCall reports whether an effect is another call of the same op by the same line,
// with the same arguments.
func (e Occurrence) SameCall(o Occurrence) bool {
	return e.sameLine(o) && reflect.DeepEqual(e.Args, o.Args)
}

func (e Occurrence) sameLine(o Occurrence) bool {
	return e.Module == o.Module && e.Name == o.Name && e.Where == o.Where
}

// Wrote reports whether the effect changed, or may have changed, something
// outside the engine, on the way forward.
func (e Occurrence) Wrote() bool {
	return e.Err == nil && e.Class.Writes() && e.Module != ControlModule && !e.Place.InRollback()
}

// String returns "traffic.split at shift.lua:12".
func (e Occurrence) String() string {
	if e.Where == (Position{}) {
		return e.Module + "." + e.Name
	}
	return fmt.Sprintf("%s.%s at %s", e.Module, e.Name, e.Where)
}

// Ending is how a rehearsed run came out.
type Ending struct {
	Status Status
	Err    error
	// Rollbacks holds what failed in the rollback even when it was tried again.
	Rollbacks []error
	// Endless says that it was not tried again, for one that failed took more than a
	// script may: it would again.
	Endless bool
	// Unjudged says that an invariant of the end took more than a script may. It
	// would do so again in every rehearsal, at the same cost.
	Unjudged error
	Events   []Event
	Secrets  []Secret
	// Params are what the run was started with: who started it has said so much.
	Params map[string]any
	// RollsBack says that the runbook rolls back when it fails.
	RollsBack bool
}

// sharedUnderLock is what LockedChanges, LockOfAnother and LockOfAnotherName hold.
const sharedUnderLock = "what others share is changed under a lock"

// LockedChanges returns the invariant that a module's writes are made under a
// lock named after the module ("traffic/web"), or after no module at all
// ("checkout"): what the team calls its own. Those by the ops that are named
// are left out. It is for modules whose systems several runs may change at once.
func LockedChanges(module string, except ...string) Invariant {
	free := map[string]bool{}
	for _, op := range except {
		free[op] = true
	}
	doc := fmt.Sprintf("a lock of the header is named %s, begins with %s/, or is named after no module", module, module)
	if len(except) > 0 {
		doc += fmt.Sprintf(" (not wanted by %s)", strings.Join(except, ", "))
	}
	return Invariant{Name: sharedUnderLock, Doc: doc, After: func(v *View, e Occurrence) string {
		if e.Module != module || free[e.Name] || !e.Class.Writes() || e.Err != nil {
			return ""
		}
		for _, lock := range v.Locks {
			of, _, _ := strings.Cut(lock, "/")
			misspelt := of != module && DidYouMean(of, []string{module}) != ""
			if of == module || v.Begin(of) == nil && !misspelt {
				return ""
			}
		}
		held := ""
		if len(v.Locks) > 0 {
			held = fmt.Sprintf(" of its module (the run holds %s; one named %s or %s/… counts)", strings.Join(v.Locks, ", "), module, module)
		}
		return fmt.Sprintf("%s ran without a lock%s: another run could do the same meanwhile; add locks = { %q } to the header", e, held, module+"/NAME")
	}}
}

// NoRace returns the invariant that what one branch of a parallel{} sets by one
// of a module's ops is not what another branch has changed: which of them comes
// last, and what it has not seen, would be chance. It is for ops that replace
// what is there, whatever it is.
func NoRace(module string, ops ...string) Invariant {
	return Invariant{Name: "no two branches of a parallel set the same", After: func(_ *View, e Occurrence) string {
		if e.Module != module || !slices.Contains(ops, e.Name) || e.Err != nil {
			return ""
		}
		for _, c := range e.Changes {
			if c.By != "" && e.Place.Concurrent(c.By) {
				return fmt.Sprintf("%s set %s, and effect %s in another branch of the same parallel had set the same: whichever comes last wins; "+
					"do it once, after the parallel", e, c, c.By)
			}
		}
		return ""
	}}
}
