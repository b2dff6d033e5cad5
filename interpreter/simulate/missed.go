package simulate

import (
	"fmt"
	"slices"
	"strings"
)

// Miss is a fault of a schedule that struck nothing.
type Miss struct {
	Fault
	// Unfit says that the run came to the place, and that no such fault can strike
	// what is there.
	Unfit bool
	// Why says why it did not strike, and where it could: "the run does not come to
	// effect 9, so that fault cannot strike; refused can strike 3 (health.check)".
	Why string
}

// maxNamed bounds how many places are named where a fault could strike.
const maxNamed = 8

// Missed returns the faults of a schedule that have struck nothing in the world,
// in the order of the schedule.
func (w *World) Missed(s Schedule) []Miss {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Miss
	for _, f := range s {
		if w.faults[f.Place] == "" {
			_, unfit := w.unfit[f.Place]
			list = append(list, Miss{f, unfit, w.whyMissed(f) + "; " + w.strikable(f.Kind)})
		}
	}
	return list
}

// whyMissed says why a fault has struck nothing; w.mu is held.
func (w *World) whyMissed(f Fault) string {
	if call, ok := w.unfit[f.Place]; ok {
		if slices.Contains(Twists(call, w.setup.Catalog), f.Kind) {
			return fmt.Sprintf("effect %s is %s at %s, and %s makes nothing of its answer", f.Place, call.Op, call.Where, f.Kind)
		}
		can := "which nothing can strike"
		if kinds := Faults(call, w.setup.Catalog); len(kinds) > 0 {
			can = "which can be struck by " + joined(kinds)
		}
		return fmt.Sprintf("effect %s is %s at %s, %s", f.Place, call.Op, call.Where, can)
	}
	if f.Place.IsMark() {
		return fmt.Sprintf("%s marks the record (a step, a log line), and nothing can strike that", f.Place)
	}
	var inside []string
	for _, call := range w.effects {
		if call.Place.Within(f.Place) {
			inside = append(inside, string(call.Place))
		}
	}
	switch n := len(inside); n {
	case 0:
		return fmt.Sprintf("the run does not come to effect %s, so that fault cannot strike", f.Place)
	case 1:
		return fmt.Sprintf("%s is made of another effect, %s: name that", f.Place, inside[0])
	default:
		return fmt.Sprintf("%s is made of other effects, %s to %s: name one of those", f.Place, inside[0], inside[n-1])
	}
}

// strikable says what a kind of fault can strike in the run; w.mu is held.
func (w *World) strikable(kind Kind) string {
	var names []string
	for _, call := range w.effects {
		if slices.Contains(Faults(call, w.setup.Catalog), kind) || w.twistable(kind, call) {
			names = append(names, fmt.Sprintf("%s (%s)", call.Place, call.Op))
		}
	}
	switch more := len(names) - maxNamed; {
	case len(names) == 0:
		return fmt.Sprintf("%s can strike no effect of this run", kind)
	case more > 0:
		return fmt.Sprintf("%s can strike %s and %d more", kind, strings.Join(names[:maxNamed], ", "), more)
	}
	return fmt.Sprintf("%s can strike %s", kind, strings.Join(names, ", "))
}

func joined(kinds []Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}
