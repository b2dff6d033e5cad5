package effect

import (
	"context"
	"fmt"
	"time"
)

// Handler carries effects out, or hands them on. It is the one interface
// through which every effect passes.
//
// Do returns a Result, or an *Error (the effect failed, which the script may
// catch), or a *Stop (the script ends here). Any other error is treated as an
// *Error with code "internal". Do may be called from several goroutines.
type Handler interface {
	Do(ctx context.Context, call Call) (Result, error)
}

// HandlerFunc lets a function serve as a Handler.
type HandlerFunc func(ctx context.Context, call Call) (Result, error)

// Do calls f.
func (f HandlerFunc) Do(ctx context.Context, call Call) (Result, error) { return f(ctx, call) }

// Verb says what is asked about a call. It lets observation and preview pass
// through the same Handlers as the effect itself.
type Verb string

const (
	VerbInvoke  Verb = ""        // carry it out
	VerbObserve Verb = "observe" // say whether it was applied; change nothing
	VerbPreview Verb = "preview" // say what it would change; change nothing
	// VerbRecall makes a read once more for the secrets that it returned: no effect
	// of the run, which has its answer.
	VerbRecall Verb = "recall"
)

// Call is one effect under way.
type Call struct {
	Verb  Verb
	Run   string // the run's id
	Place Place  // where in the run the effect stands
	// Key is the idempotency key: the same for every attempt at this effect,
	// different for every other.
	Key      string
	Op       *Op
	Args     map[string]any // canonical, see Op.Check
	Class    Class
	Recovery Recovery
	Where    Position
	// Began is when the intent was first recorded. A sleep and a question
	// count from it, so that they end at the same time after a resume.
	Began   time.Time
	Attempt int // 1 for the first
	// NotAfter is when the runner's right to carry the run may end. A call that
	// comes to its backend later is refused there: another runner may have
	// taken over meanwhile.
	NotAfter time.Time
	// Until, if set, gives NotAfter anew when the call leaves at last: a plugin
	// may have had to be started for it. It is zero if the right may have ended.
	Until func() time.Time
	// Withhold keeps back the texts that come back: they may show a secret that
	// nobody knows now, so that it cannot be taken out of them.
	Withhold bool
	// Progress, if set, takes lines to show while the call is under way. They
	// are not recorded.
	Progress func(line string)
	// Settled, if set, is called once by the handler that orders outcomes,
	// after the outcome is recorded and before Do returns. The order of these
	// calls is the order in which parallel branches go on.
	Settled func()
}

// Report hands a progress line to whoever watches the call.
func (c Call) Report(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf(format, args...))
	}
}

// Result is the outcome of a call that succeeded.
type Result struct {
	Value any
	// Observed answers a call with VerbObserve.
	Observed Observed
	// Predicted answers a call with VerbPreview.
	Predicted Prediction
	// Redacted says that Value is not what the backend returned: a secret was
	// taken out of it.
	Redacted bool
}

// Observed is what a backend found out about an earlier call.
type Observed string

const (
	Applied    Observed = "applied"     // it happened; Result.Value may hold its value
	NotApplied Observed = "not_applied" // it certainly did not happen, and will not
	Uncertain  Observed = "unknown"     // cannot be told
)

// Position is a place in a source file.
type Position struct {
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// String returns "file:line", or "" for the zero Position.
func (p Position) String() string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
