package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// ExitError ends the program with a code after everything has been printed.
type ExitError struct{ code int }

// ExitWith ends the program with a code; all is said.
func ExitWith(code int) error {
	if code == ExitOK {
		return nil
	}
	return ExitError{code}
}

// Error names the code: everything else was said before.
func (e ExitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// CodeOf maps an error to the exit code.
func CodeOf(err error) int {
	var usage UsageError
	var configured *config.Error
	var held *journal.HeldError
	var locked *journal.LockedError
	var missing *journal.NotFoundError
	var ambiguous *journal.AmbiguousError
	var nowhere *interpreter.ForkError
	switch {
	case errors.As(err, &usage), errors.As(err, &configured), errors.As(err, &missing), errors.As(err, &ambiguous), errors.As(err, &nowhere),
		errors.Is(err, journal.ErrNoFile), errors.Is(err, journal.ErrEmpty), errors.Is(err, journal.ErrForeign):
		return ExitUsage
	case errors.As(err, &held), errors.As(err, &locked):
		return ExitLocked
	}
	if s := effect.AsStop(err); s != nil {
		return codeOfStop(s)
	}
	return ExitFailed
}

func codeOfStop(s *effect.Stop) int {
	switch s.Cause {
	case effect.Diverged:
		return ExitDivergence
	case effect.LockHeld, effect.Fenced:
		return ExitLocked
	case effect.Interrupted, effect.Unwritable: // what is recorded stands, and a resume goes on
		return ExitInterrupted
	case effect.Waiting:
		return ExitWaiting
	case effect.Parked:
		return ExitUnknown
	}
	return ExitFailed
}

// CodeOfOutcome maps what became of a run to the exit code.
func CodeOfOutcome(out interpreter.Outcome) int {
	if s := effect.AsStop(out.Err); s != nil && s.Cause != effect.Exhausted {
		return codeOfStop(s)
	}
	return CodeOfStatus(out.Status)
}

// CodeOfStatus maps where a run stands to the exit code.
func CodeOfStatus(status effect.Status) int {
	switch status {
	case effect.StatusSucceeded:
		return ExitOK
	case effect.StatusRolledBack:
		return ExitRolledBack
	case effect.StatusWaiting:
		return ExitWaiting
	case effect.StatusUnknown:
		return ExitUnknown
	case effect.StatusInterrupted:
		return ExitInterrupted
	}
	return ExitFailed
}

// advised is an error with what to do now.
type advised struct {
	error
	advice view.Advice
}

func (e *advised) Unwrap() error { return e.error }

// Advised adds to an error what to do now.
func Advised(err error, what view.Advice) error { return &advised{err, what} }

// Configuration gives an error of backends that do not come up the backend's
// own hint; where the backend finds its configuration wrong, nothing else is.
func Configuration(err error) error {
	var e *effect.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code == effect.CodeInvalid {
		err = Usage(err)
	}
	if e.Hint == "" {
		return err
	}
	return Advised(err, view.Tell(strings.Split(Indented("hint: "+view.Clean(e.Hint)), "\n")...))
}

// Hint says what to do now, for errors that do not say it themselves.
func (a *App) Hint(err error) view.Advice {
	var with *advised
	if errors.As(err, &with) {
		return with.advice
	}
	var scriptErr *script.Error
	if errors.As(err, &scriptErr) && scriptErr.Hint != "" {
		return view.Tell(strings.Split(Indented("hint: "+view.Clean(scriptErr.Hint)), "\n")...)
	}
	var locked *journal.LockedError
	if errors.As(err, &locked) {
		return a.lockedAdvice(locked)
	}
	var held *journal.HeldError
	if errors.As(err, &held) {
		return view.Advice{}.With("see what it does with:", a.OnRun("log", held.Run, "--follow")).
			With("or end it with:", a.OnRun("cancel", held.Run))
	}
	var tampered *journal.TamperedError
	if errors.As(err, &tampered) {
		hint := view.Advice{}.With("see all of it with:", a.OnRun("audit verify", tampered.Run))
		if errors.As(err, &DamagedError{}) {
			hint = append(hint, view.Tell("if you know what was changed, go on all the same with --damaged")...)
		}
		return hint
	}
	var ended *interpreter.Ended
	if errors.As(err, &ended) {
		text := view.Advice{}.With("read it with:", a.OnRun("show", ended.Run)).
			With("do a part of it again with:", a.OnRun("fork", ended.Run)+" --from STEP")
		if ended.Status != effect.StatusRolledBack {
			text = text.With("take it back with:", a.OnRun("rollback", ended.Run))
		}
		return text
	}
	var pin *host.PinError
	if errors.As(err, &pin) {
		return a.PinAdvice(a.ConfigFlags())
	}
	var missing *journal.NotFoundError
	if errors.As(err, &missing) {
		return view.Advice{}.With("see which runs there are with:", a.OnRuns("list"))
	}
	return nil
}

// DamagedError refuses a record that is not as it was written, in a command
// that has the flag --damaged.
type DamagedError struct{ *journal.TamperedError }

// Unwrap returns the refusal itself.
func (e DamagedError) Unwrap() error { return e.TamperedError }
