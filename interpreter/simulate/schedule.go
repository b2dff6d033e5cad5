package simulate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

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
			return nil, fmt.Errorf("schedule %q: %w", id, unknownKind(Kind(kind), kinds))
		}
		if slices.ContainsFunc(s, func(f Fault) bool { return f.Place == place }) {
			return nil, fmt.Errorf("schedule %q: two faults cannot strike one effect, %s", id, place)
		}
		s = append(s, Fault{place, Kind(kind)})
	}
	return s, nil
}
