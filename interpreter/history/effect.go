package history

import (
	"encoding/json"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// State says what the journal knows of an effect.
type State int

// States of an effect.
const (
	Open   State = iota // begun, outcome unknown
	Resend              // begun, certainly not applied: to be sent again
	Closed              // has its outcome
)

// Outcome says how an unknown outcome was settled.
type Outcome string

// Outcomes, as they stand in the journal.
const (
	OutcomeApplied    Outcome = "applied"     // it happened
	OutcomeNotApplied Outcome = "not_applied" // it did not; it will be carried out again
	OutcomeFailed     Outcome = "failed"      // it did not and shall not; the script sees an error
	OutcomeUnknown    Outcome = "unknown"     // the backend cannot tell
	OutcomeForgone    Outcome = "forgone"     // nobody asks; the run goes on
	OutcomeCutShort   Outcome = "cut_short"   // unknown, and the rollback for which it was cut short goes on
)

// Effect is what a journal holds of one effect.
type Effect struct {
	N        int // its number in History.Effects
	Place    effect.Place
	Op       string
	Args     json.RawMessage // canonical, secrets as digests
	Class    effect.Class
	Recovery effect.Recovery
	Where    effect.Position
	// Intended says that its beginning was recorded; that of a read or a value is
	// not, and Began is its end.
	Intended bool
	Began    time.Time
	Sent     time.Time // the last attempt
	Ended    time.Time
	Attempt  int
	State    State
	Value    json.RawMessage
	Err      *effect.Error
	// CutShort says that it was cut short for a rollback, which did not wait for
	// its outcome.
	CutShort bool
	// Late says that it was settled after the rollback had started: the script
	// never saw its outcome.
	Late bool
	// Stopped says that it was a wait, and ended with its branch when one beside
	// that failed: it will have no outcome.
	Stopped bool
	// Steps names the steps that it stands in, outermost first.
	Steps []string
	// First and Last count its first event and that of its outcome, among the
	// events of the History.
	First, Last int
}

// Carried reports whether the engine itself carries the effect out: a sleep, a
// question, a value.
func (e *Effect) Carried() bool {
	const prefix = effect.ControlModule + "."
	return len(e.Op) > len(prefix) && e.Op[:len(prefix)] == prefix
}
