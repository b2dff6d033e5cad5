package cli

import (
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// Exit codes. Scripts rely on them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRolledBack  = 3
	exitWaiting     = 4
	exitUnknown     = 5
	exitLocked      = 6
	exitDivergence  = 7
	exitInterrupted = 130
)

// exitError ends the program with a code after everything has been printed.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// codeOf maps an error to the exit code.
func codeOf(err error) int {
	var usage usageError
	var configured *config.Error
	var held *journal.HeldError
	var locked *journal.LockedError
	switch {
	case errors.As(err, &usage), errors.As(err, &configured):
		return exitUsage
	case errors.As(err, &held), errors.As(err, &locked):
		return exitLocked
	}
	if s := effect.AsStop(err); s != nil {
		return codeOfStop(s)
	}
	return exitFailed
}

func codeOfStop(s *effect.Stop) int {
	switch s.Cause {
	case effect.Diverged:
		return exitDivergence
	case effect.LockHeld, effect.Fenced:
		return exitLocked
	case effect.Interrupted:
		return exitInterrupted
	case effect.Waiting:
		return exitWaiting
	case effect.Parked:
		return exitUnknown
	}
	return exitFailed
}

// codeOfOutcome maps what became of a run to the exit code.
func codeOfOutcome(out interpreter.Outcome) int {
	if s := effect.AsStop(out.Err); s != nil && s.Cause != effect.Exhausted {
		return codeOfStop(s)
	}
	switch out.Status {
	case effect.StatusSucceeded:
		return exitOK
	case effect.StatusRolledBack:
		return exitRolledBack
	case effect.StatusWaiting:
		return exitWaiting
	case effect.StatusUnknown:
		return exitUnknown
	case effect.StatusInterrupted:
		return exitInterrupted
	}
	return exitFailed
}

// hintFor says what to do now, for errors that do not say it themselves.
func (a *app) hintFor(err error) string {
	var scriptErr *script.Error
	if errors.As(err, &scriptErr) && scriptErr.Hint != "" {
		return "hint: " + scriptErr.Hint
	}
	var ended *interpreter.Ended
	if errors.As(err, &ended) {
		text := "read it with: runbook show " + a.named(ended.Run) + "\ndo a part of it again with: runbook fork " + a.runnable(ended.Run) + " --from STEP"
		if ended.Status != effect.StatusRolledBack {
			text += "\ntake it back with: runbook rollback " + a.runnable(ended.Run)
		}
		return text
	}
	return ""
}
