package simulate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Kind names a fault: one of these, or one of a module's own.
type Kind string

const (
	Refused      Kind = "refused"       // the system says no; nothing happens
	TimedOut     Kind = "timeout"       // it happens, and the answer is lost
	KilledBefore Kind = "killed-before" // the runner dies before it happens
	KilledAfter  Kind = "killed-after"  // it happens, and the runner dies before it knows
	Denied       Kind = "denied"        // a person says no
	Unanswered   Kind = "unanswered"    // nobody answers
)

// EngineFaults are the faults that need no model, in the order in which they
// are tried. Ops says in words what they strike.
func EngineFaults() []effect.FaultKind {
	fault := func(kind Kind, at, doc string) effect.FaultKind {
		return effect.FaultKind{Name: string(kind), Doc: doc, Ops: []string{at}}
	}
	return []effect.FaultKind{
		fault(Refused, "every effect of a module", "The system says no, and nothing happens"),
		fault(TimedOut, "every effect of a module", "It happens, and the answer is lost: of a change the outcome is unknown"),
		fault(KilledBefore, "every effect", "The runner dies before it happens; the run is resumed"),
		fault(KilledAfter, "every change", "It happens, and the runner dies before it knows; the run is resumed"),
		fault(Denied, "approve", "A person says no"),
		fault(Unanswered, "approve", "Nobody answers in time"),
	}
}

// common returns the kinds of EngineFaults.
func common() []Kind {
	return []Kind{Refused, TimedOut, KilledBefore, KilledAfter, Denied, Unanswered}
}

// Kinds returns the kinds of faults that there are: those that need no model,
// and those of the modules.
func Kinds(catalog *effect.Catalog) []Kind {
	list := common()
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
// they are tried.
func Faults(call effect.Call, catalog *effect.Catalog) []Kind {
	switch {
	case call.Op.String() == effect.OpChoose: // there is no yes or no
		return []Kind{KilledBefore, Unanswered}
	case effect.Asks(call.Op.String()):
		return []Kind{KilledBefore, Denied, Unanswered}
	case call.Op.Module == effect.ControlModule:
		return []Kind{KilledBefore}
	}
	list := []Kind{Refused, TimedOut, KilledBefore}
	if call.Class.Writes() {
		list = append(list, KilledAfter)
	}
	m, _ := catalog.Module(call.Op.Module)
	for _, f := range m.Faults {
		if slices.Contains(f.Ops, call.Op.Name) && (call.Class.Writes() || !f.Writes) && !slices.Contains(common(), Kind(f.Name)) {
			list = append(list, Kind(f.Name))
		}
	}
	return list
}

// Fault is one fault at one effect.
type Fault struct {
	Place effect.Place
	Kind  Kind
}

// Schedule says which faults strike which effects in one run.
type Schedule []Fault

// String returns the schedule's id: "5:refused,r1.1.1:killed-after", or
// "none". ParseSchedule reads it.
func (s Schedule) String() string {
	if len(s) == 0 {
		return "none"
	}
	parts := make([]string, len(s))
	for i, f := range s {
		parts[i] = string(f.Place) + ":" + string(f.Kind)
	}
	return strings.Join(parts, ",")
}

// ParseSchedule reads a schedule's id. Its faults are of the kinds that the
// catalog's modules have.
func ParseSchedule(id string, catalog *effect.Catalog) (Schedule, error) {
	kinds := Kinds(catalog)
	if id == "none" || id == "" {
		return nil, nil
	}
	var s Schedule
	for _, part := range strings.Split(id, ",") {
		text, kind, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok || text == "" {
			return nil, fmt.Errorf("schedule %q: %q is not of the form PLACE:FAULT", id, part)
		}
		place, err := effect.ParsePlace(text)
		if err != nil {
			return nil, fmt.Errorf("schedule %q: %w", id, err)
		}
		if !slices.Contains(kinds, Kind(kind)) {
			names := make([]string, 0, len(kinds))
			for _, k := range kinds {
				names = append(names, string(k))
			}
			return nil, fmt.Errorf("schedule %q: there is no fault %q; %s known: %s", id, kind,
				effect.DidYouMean(kind, names), strings.Join(names, ", "))
		}
		s = append(s, Fault{place, Kind(kind)})
	}
	return s, nil
}
