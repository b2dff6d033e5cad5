package effect

import (
	"errors"
	"fmt"
	"strings"
)

// Code names a kind of failure. Codes are stable: scripts, exit codes and
// journals rely on them.
type Code string

const (
	CodeInvalid     Code = "invalid"     // the arguments make no sense to the backend
	CodeNotFound    Code = "not_found"   // what the call names does not exist
	CodeGone        Code = "gone"        // what the call names was there and has been ended for good
	CodeConflict    Code = "conflict"    // the system is not in the state the call expects
	CodeRefused     Code = "refused"     // the system said no; nothing changed
	CodeUnavailable Code = "unavailable" // the system could not be reached; nothing changed
	CodeTimeout     Code = "timeout"     // it took too long
	CodeUnhealthy   Code = "unhealthy"   // a check or a gate did not pass
	CodeNoData      Code = "no_data"     // there was nothing to measure
	CodeFailed      Code = "failed"      // it was tried and did not work
	CodeDenied      Code = "denied"      // a person said no
	CodeExpired     Code = "expired"     // nobody answered in time
	CodeUnknown     Code = "unknown"     // nobody knows whether it happened
	CodeUnsupported Code = "unsupported" // the backend cannot do this
	CodeInternal    Code = "internal"    // a fault of the program or the plugin
	CodeRaised      Code = "raised"      // the script itself called fail or error
)

// Error is the recorded failure of an effect. It reaches the script as a Lua
// table with the same fields, and is replayed identically.
type Error struct {
	Code    Code     `json:"code"`
	Message string   `json:"message"`
	Op      string   `json:"op,omitempty"`
	Where   Position `json:"where,omitzero"`
	// Retryable says that the same call may succeed later; retry{} goes by it.
	Retryable bool   `json:"retryable,omitempty"`
	Hint      string `json:"hint,omitempty"` // what to do now
}

// Errorf is for backends: an error of the given code. The message is made as
// by the fmt package, without %w.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: sprintf(format, args...),
		Retryable: code == CodeUnavailable || code == CodeTimeout}
}

// WithHint returns a copy of e that tells what to do about it.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = sprintf(format, args...)
	return &c
}

// Error returns "file:line: op: message (code)".
func (e *Error) Error() string {
	var b strings.Builder
	if w := e.Where.String(); w != "" {
		b.WriteString(w + ": ")
	}
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.Message)
	if e.Code != "" && e.Code != CodeRaised {
		b.WriteString(" (" + string(e.Code) + ")")
	}
	return b.String()
}

// AsError returns err as an *Error; a foreign error becomes one with code
// "internal". It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: err.Error()}
}

// Cause says why a script was stopped.
type Cause string

const (
	Interrupted Cause = "interrupted" // the operator pressed Ctrl-C
	Canceled    Cause = "canceled"    // someone canceled the run
	Waiting     Cause = "waiting"     // a person has to answer first
	Parked      Cause = "unknown"     // an outcome is unknown and the op says ask
	Fenced      Cause = "fenced"      // another runner holds the run now
	Diverged    Cause = "divergence"  // the script asks for something else than the journal holds
	Unwritable  Cause = "journal"     // the journal cannot be written
	RollingBack Cause = "rollback"    // the operator asked for the rollback
	EndOfRecord Cause = "end"         // a read-only replay came to the end of the journal
	Exhausted   Cause = "exhausted"   // the script used up its CPU or memory budget
	LockHeld    Cause = "lock"        // another run holds a lock that this one needs
	// BranchStopped ends a branch of a parallel{} after one beside it failed.
	BranchStopped Cause = "branch"
)

// Suspends reports whether a stop for this cause ends only the branch that
// meets it. The others go on, each to where it meets one of its own.
func (c Cause) Suspends() bool { return c == Waiting || c == RollingBack || c == BranchStopped }

// Stop ends a script where it stands. It is not an outcome: nothing is
// recorded for the call that returned it, and neither pcall, xpcall nor a
// coroutine can catch it.
type Stop struct {
	Cause Cause
	Err   error // what to tell the operator; may be nil
	// Left says that the call was a write that has begun, and that a rollback
	// goes on without its outcome.
	Left bool
}

// Error returns the message for the operator.
func (s *Stop) Error() string {
	if s.Err == nil {
		return string(s.Cause)
	}
	return s.Err.Error()
}

// Because returns the Stop with the failure of the script that led to it; nil
// adds nothing.
func (s *Stop) Because(failure error) *Stop {
	if failure == nil {
		return s
	}
	return &Stop{Cause: s.Cause, Err: fmt.Errorf("%w\nthe script had failed: %w", s, failure)}
}

// Unwrap returns the error inside.
func (s *Stop) Unwrap() error { return s.Err }

// AsStop returns the Stop in err's chain, or nil.
func AsStop(err error) *Stop {
	var s *Stop
	if errors.As(err, &s) {
		return s
	}
	return nil
}
