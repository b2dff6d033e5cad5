package simulate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Kind names a fault: one of these, or one of a module's own.
type Kind string

// Faults that explorations try unless they are left out.
const (
	Refused      Kind = "refused"       // the system says no; nothing happens
	TimedOut     Kind = "timeout"       // it happens, and the answer is lost
	Lost         Kind = "lost"          // the request is lost: nothing happens, and nobody knows
	KilledBefore Kind = "killed-before" // the runner dies before it happens
	KilledAfter  Kind = "killed-after"  // it happens, and the runner dies before it knows
	Denied       Kind = "denied"        // a person says no
	Unanswered   Kind = "unanswered"    // nobody answers
	HeldUp       Kind = "held-up"       // a branch of parallel{} stands still while the others go on
)

// Faults that are tried where somebody asks for them.
const (
	Unavailable Kind = "unavailable"  // it cannot be done now, and may be tried again
	Down        Kind = "down"         // the whole system is gone, for a while
	Flapping    Kind = "flapping"     // it comes and goes, for a while
	Stale       Kind = "stale"        // a read tells what was before the last change
	AppliedLate Kind = "applied-late" // it happens after the runner has looked whether it did
	KilledTwice Kind = "killed-twice" // the runner dies before it happens, and the next one after
	ResumedLate Kind = "resumed-late" // the runner dies, and nobody sees it for a day
	RolledBack  Kind = "rolled-back"  // the operator says so, once it happened
	Canceled    Kind = "canceled"     // the operator says so, once it happened
	ClockJumps  Kind = "clock-jumps"  // the runner's clock is put forward
)

// KillsBefore reports whether the runner dies before the effect happens.
func (k Kind) KillsBefore() bool { return k == KilledBefore || k == KilledTwice || k == ResumedLate }

// lasts reports whether the fault goes on after the effect that it struck, in
// a way that the trial's entries so far do not tell.
func (k Kind) lasts() bool {
	switch k {
	case Down, Flapping, AppliedLate, ClockJumps, ResumedLate:
		return true
	}
	return false
}

const (
	outage    = 10 * time.Minute // of Down and Flapping
	lateBy    = time.Minute      // of AppliedLate
	clockJump = time.Hour        // of ClockJumps
	holdUp    = time.Hour        // of HeldUp, at most
)

// EngineFaults are the faults that need no model, in the order in which they
// are tried. Ops says in words what they strike.
func EngineFaults() []effect.FaultKind {
	fault := func(kind Kind, at, doc string) effect.FaultKind {
		return effect.FaultKind{Name: string(kind), Doc: doc, Ops: []string{at}}
	}
	rare := func(kind Kind, at, doc string) effect.FaultKind {
		f := fault(kind, at, doc)
		f.Rare = true
		return f
	}
	return []effect.FaultKind{
		fault(Refused, "every effect of a module", "The system says no, and nothing happens"),
		fault(TimedOut, "every effect of a module", "It happens, and the answer is lost: of a change the outcome is unknown"),
		fault(Lost, "every change of a module", "The request is lost: nothing happens, and the outcome is unknown"),
		fault(KilledBefore, "every effect", "The runner dies before it happens; the run is resumed"),
		fault(KilledAfter, "every change", "It happens, and the runner dies before it knows; the run is resumed"),
		fault(Denied, "approve", "A person says no"),
		fault(Unanswered, "approve", "Nobody answers in time"),
		fault(HeldUp, "every effect of a module in a branch of `parallel`", "The branch stands still before it, until the other branches have ended, for an hour at most"),
		fault(EndedBadly, "the read by which a wait ends", "It tells that what is waited for has failed, where it tells that it is done"),
		fault(StillGoing, "the read by which a wait ends", "It goes on telling what it told before, for a day at most"),
		fault(WellAfter, "a read that tells that something is not well", "It tells that it is"),
		rare(Unavailable, "every effect of a module", "It cannot be done now, and nothing happens: an error that says it may be tried again"),
		rare(Down, "every effect of a module", "Nothing of the module can be done for ten minutes, nor asked about"),
		rare(Flapping, "every effect of a module", "For ten minutes every other effect of the module cannot be done"),
		rare(Stale, "every read of a module", "It tells what was the case before the run last changed something of the module"),
		rare(AppliedLate, "every change of a module", "The answer is lost, and it happens a minute later: whoever looks before finds it not done"),
		rare(KilledTwice, "every change", "The runner dies before it happens, and the one that resumes the run after it happened"),
		rare(ResumedLate, "every effect", "The runner dies before it happens, and the run is resumed a day later"),
		rare(RolledBack, "every change of a module", "It happens, and then the operator tells the run to roll back"),
		rare(Canceled, "every change of a module", "It happens, and then the operator cancels the run"),
		rare(ClockJumps, "every effect of a module", "The runner's clock jumps an hour ahead"),
	}
}

// engine holds the kinds of EngineFaults; it is only read.
var engine = func() []Kind {
	var list []Kind
	for _, f := range EngineFaults() {
		list = append(list, Kind(f.Name))
	}
	return list
}()

// Kinds returns the kinds of faults that there are: those that need no model,
// and those of the modules.
func Kinds(catalog *effect.Catalog) []Kind {
	list := slices.Clone(engine)
	for _, name := range catalog.Names() {
		m, _ := catalog.Module(name)
		for _, f := range m.Faults {
			if !slices.Contains(list, Kind(f.Name)) {
				list = append(list, Kind(f.Name))
			}
		}
	}
	return list
}

// Faults returns the kinds that make sense at an effect, in the order in which
// they are tried; those that depend on its answer (Twists) left out. None does at a
// value of the engine ("now", "random") or a mark: these take no time and leave
// nothing.
func Faults(call effect.Call, catalog *effect.Catalog) []Kind {
	switch {
	case call.Class == effect.Value || call.Class == effect.Mark:
		return nil
	case call.Op.String() == effect.OpChoose: // there is no yes or no
		return []Kind{KilledBefore, Unanswered, ResumedLate}
	case effect.Asks(call.Op.String()):
		return []Kind{KilledBefore, Denied, Unanswered, ResumedLate}
	case call.Op.Module == effect.ControlModule:
		return []Kind{KilledBefore, ResumedLate}
	}
	var list []Kind
	if call.Class.Writes() {
		list = append(list, Refused, TimedOut, Lost, KilledBefore, KilledAfter)
	} else {
		list = append(list, Refused, TimedOut, KilledBefore)
	}
	m, _ := catalog.Module(call.Op.Module)
	for _, f := range m.Faults {
		if slices.Contains(f.Ops, call.Op.Name) && !f.Answers && (call.Class.Writes() || !f.Writes) && !slices.Contains(engine, Kind(f.Name)) {
			list = append(list, Kind(f.Name))
		}
	}
	if call.Place.BranchName() != "" {
		list = append(list, HeldUp)
	}
	list = append(list, Unavailable, Down, Flapping)
	if call.Class.Writes() {
		list = append(list, AppliedLate, KilledTwice, RolledBack, Canceled)
	} else {
		list = append(list, Stale)
	}
	return append(list, ResumedLate, ClockJumps)
}

// Choice says which kinds of faults an exploration tries. The zero value is
// every kind that is not tried only where somebody asks for it.
type Choice struct {
	Only    []Kind // these and no others; AllKinds stands for all there are
	Without []Kind // but none of these
}

// AllKinds stands for every kind in Choice.Only.
const AllKinds Kind = "all"

// ParseChoice reads the names of the kinds that are tried, and of those that
// are not. The error names what is no kind of fault in the catalog.
func ParseChoice(only, without []string, catalog *effect.Catalog) (Choice, error) {
	var c Choice
	kinds := Kinds(catalog)
	for _, name := range only {
		if Kind(name) != AllKinds && !slices.Contains(kinds, Kind(name)) {
			return c, unknownKind(Kind(name), kinds)
		}
		c.Only = append(c.Only, Kind(name))
	}
	for _, name := range without {
		if !slices.Contains(kinds, Kind(name)) {
			return c, unknownKind(Kind(name), kinds)
		}
		c.Without = append(c.Without, Kind(name))
	}
	return c, nil
}

func unknownKind(kind Kind, kinds []Kind) error {
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return fmt.Errorf("there is no fault %q; %s known: %s", kind, effect.DidYouMean(string(kind), names), strings.Join(names, ", "))
}

// among returns those of some kinds that are tried.
func (c Choice) among(kinds []Kind, rare map[Kind]bool) []Kind {
	return slices.DeleteFunc(kinds, func(kind Kind) bool {
		switch {
		case slices.Contains(c.Without, kind):
			return true
		case len(c.Only) > 0:
			return !slices.Contains(c.Only, kind) && !slices.Contains(c.Only, AllKinds)
		}
		return rare[kind]
	})
}

// rareKinds returns the kinds that are tried only where somebody asks for them.
func rareKinds(catalog *effect.Catalog) map[Kind]bool {
	rare := map[Kind]bool{}
	faults := EngineFaults()
	for _, name := range catalog.Names() {
		m, _ := catalog.Module(name)
		faults = append(faults, m.Faults...)
	}
	for _, f := range faults {
		if f.Rare {
			rare[Kind(f.Name)] = true
		}
	}
	return rare
}
