package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Kind names a fault.
type Kind string

const (
	Refused      Kind = "refused"       // the system says no; nothing happens
	TimedOut     Kind = "timeout"       // it happens, and the answer is lost
	KilledBefore Kind = "killed-before" // the runner dies before it happens
	KilledAfter  Kind = "killed-after"  // it happens, and the runner dies before it knows
	Unhealthy    Kind = "unhealthy"     // what is looked at turns bad, and stays so
	NoData       Kind = "no-data"       // what is looked at cannot be measured any more
	Denied       Kind = "denied"        // a person says no
	Unanswered   Kind = "unanswered"    // nobody answers
)

// kinds returns all of them, in the order in which they are tried.
func kinds() []Kind {
	return []Kind{Refused, TimedOut, KilledBefore, KilledAfter, Unhealthy, NoData, Denied, Unanswered}
}

// Fault is one fault at one effect.
type Fault struct {
	Place string
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
		parts[i] = f.Place + ":" + string(f.Kind)
	}
	return strings.Join(parts, ",")
}

// ParseSchedule reads a schedule's id.
func ParseSchedule(id string) (Schedule, error) {
	if id == "none" || id == "" {
		return nil, nil
	}
	var s Schedule
	for _, part := range strings.Split(id, ",") {
		place, kind, ok := strings.Cut(strings.TrimSpace(part), ":")
		if !ok || place == "" {
			return nil, fmt.Errorf("schedule %q: %q is not of the form PLACE:FAULT", id, part)
		}
		if !slices.Contains(kinds(), Kind(kind)) {
			names := make([]string, 0, len(kinds()))
			for _, k := range kinds() {
				names = append(names, string(k))
			}
			return nil, fmt.Errorf("schedule %q: there is no fault %q; %s known: %s", id, kind,
				effect.DidYouMean(kind, names), strings.Join(names, ", "))
		}
		s = append(s, Fault{place, Kind(kind)})
	}
	return s, nil
}

// comparePlaces orders places as they stand in a script: "2" before "10".
func comparePlaces(a, b string) int {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < len(x) && i < len(y); i++ {
		m, errM := strconv.Atoi(x[i])
		n, errN := strconv.Atoi(y[i])
		c := cmp.Compare(m, n)
		if errM != nil || errN != nil {
			c = cmp.Compare(x[i], y[i])
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}
