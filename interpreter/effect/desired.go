package effect

import (
	"context"
	"fmt"
	"slices"
)

// Desired declares what a module's writes set that has to stay so while the run
// goes on: the division of a proxy's traffic. The script remembers it, by
// subject, and holds what is read later against it, so that the next read or
// gate notices what somebody else has changed (drift).
//
// The functions are pure; what they return is never changed in place.
type Desired struct {
	// Reads names the reads that show a subject as it is. The first that the
	// backend carries is asked.
	Reads []string
	// Subject returns the arguments of Reads that single out what a call is
	// about: { pool = "api" }.
	Subject func(args map[string]any) map[string]any
	// Set returns what is desired once a write has succeeded. before is what
	// was desired until then, nil if nothing is known; nil forgets it.
	Set func(before any, op string, args map[string]any, result any) any
	// Compare tells in what the result of an op about the subject, a read or
	// the write itself, is not as desired.
	Compare func(desired any, op string, subject map[string]any, result any) Deviation
	// Levels returns the numbers that the result of an op about the subject
	// tells, for whoever draws them over time. It may be nil.
	Levels func(op string, args map[string]any, result any) []Level
}

// Level is one number of a subject: the share of a server.
type Level struct {
	Name string
	Unit string   // "%", or empty
	Set  *float64 // as it is set; nil if the result does not tell
	Seen *float64 // as it shows; the same
}

// Deviation is in what a subject is not as the run set it. The zero value says
// that it is.
type Deviation struct {
	// Drift says what was set and what is set now, where somebody else changed
	// it: "pool web: set were blue 0%, green 100%; now blue 100%, green 0%". Whom
	// it is told learns beside it where in the script it was set.
	Drift string
	// Unsettled says what is set as desired and does not show yet: a server in
	// slow start, or one that is down.
	Unsettled string
}

// DriftField is the name of the string among an op's Returns in which the
// script finds Deviation.Drift.
const DriftField = "drift"

// Performer carries out effects on behalf of a composite, each at the next
// place inside it.
type Performer interface {
	Perform(ctx context.Context, op string, args map[string]any) (any, error)
	// Deviations reads every subject of which the run has set something, and
	// returns in what each deviates; nothing for those that do not. The error
	// is that of the first read that failed.
	Deviations(ctx context.Context) ([]Deviation, error)
}

// verifyDesired reports what is wrong with what a module declares as desired.
func (m Module) verifyDesired() error {
	d := m.Desired
	if d == nil {
		return nil
	}
	if d.Subject == nil || d.Set == nil || d.Compare == nil {
		return fmt.Errorf("module %s declares a desired state without Subject, Set or Compare", m.Name)
	}
	if len(d.Reads) == 0 {
		return fmt.Errorf("module %s declares a desired state that nothing reads", m.Name)
	}
	for _, read := range d.Reads {
		if !slices.ContainsFunc(m.Ops, func(op Op) bool { return op.Name == read && op.Class == Read }) {
			return fmt.Errorf("module %s declares a desired state that is read by %q, which is no read of it", m.Name, read)
		}
	}
	return nil
}
