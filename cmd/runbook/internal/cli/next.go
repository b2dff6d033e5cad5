package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// nextFor says how to go on with a run of the record that nobody carries. What
// has been answered or resolved since it stopped counts.
func (a *app) nextFor(run journal.Run, events []effect.Event, failed string) string {
	out := interpreter.Outcome{Run: run.ID, Status: run.Status}
	switch run.Status {
	case effect.StatusUnknown:
		if len(replay.Opens(events)) == 0 {
			return "go on with: runbook resume " + a.runnable(run.ID)
		}
	case effect.StatusWaiting:
		if decided(events) {
			return "go on with: runbook resume " + a.runnable(run.ID)
		}
	}
	return a.next(out, failed)
}

// decided reports whether all open questions have the answers they need.
func decided(events []effect.Event) bool {
	questions, err := interpreter.Questions(events)
	if err != nil {
		return false
	}
	for _, q := range questions {
		agreed, denied := map[string]bool{}, false
		for _, ev := range events {
			if ev.Kind == effect.QuestionAnswered && ev.Place == q.Place {
				agreed[ev.Body.By] = true
				denied = denied || ev.Body.Outcome == "denied"
			}
		}
		if !denied && len(agreed) < q.Count {
			return false
		}
	}
	return true
}

// next says how to go on after an outcome; the last line is a command. failed
// names the step in which the run failed, if it was in one.
func (a *app) next(out interpreter.Outcome, failed string) string {
	id, carry := a.named(out.Run), a.runnable(out.Run)
	resume := "go on with: runbook resume " + carry
	if s := effect.AsStop(out.Err); s != nil {
		switch s.Cause {
		case effect.LockHeld:
			var locked *journal.LockedError
			if errors.As(s, &locked) {
				return "start again when that run has ended; see it with: runbook show " + a.named(locked.Run)
			}
			return ""
		case effect.Fenced:
			return "another runner has the run; see it with: runbook show " + id
		case effect.Diverged:
			return "mend the script and go on with: runbook resume " + carry + " --with FILE.lua"
		}
	}
	switch out.Status {
	case effect.StatusInterrupted, effect.StatusRunning, effect.StatusRollingBack:
		return resume
	case effect.StatusWaiting:
		return fmt.Sprintf("answer with: runbook approve %s   (or: runbook deny %s)\nthen %s", id, id, resume)
	case effect.StatusUnknown:
		return strings.Join([]string{
			"look at the system, then say what happened:",
			"  runbook resolve " + id + ` --applied --reason "…"       it happened`,
			"  runbook resolve " + id + ` --not-applied --reason "…"   it did not: do it again`,
			"  runbook resolve " + id + ` --failed --reason "…"        it did not: let the script see an error`,
			"then " + resume,
		}, "\n")
	case effect.StatusFailed:
		text := "read it with: runbook show " + id
		if failed != "" {
			text += "\ndo it again from the step that failed with: runbook fork " + carry + " --from " + quoted(failed)
		}
		return text
	case effect.StatusRollbackFailed:
		return "the rollbacks that failed can be tried again with: runbook rollback " + carry
	case effect.StatusRolledBack:
		return "read it with: runbook show " + id
	}
	return ""
}

// named is how a printed command names a run: a journal that was given by its
// flag is given to that command, too.
func (a *app) named(id string) string { return shortID(id) + flagged("db", a.flags.db) }

// runnable is named for a command that carries the run out: it needs the
// configuration as well.
func (a *app) runnable(id string) string { return a.named(id) + flagged("config", a.flags.config) }

// flagged is a flag in a printed command, if it was given.
func flagged(name, value string) string {
	if value == "" {
		return ""
	}
	return " --" + name + " " + quoted(value)
}

// quoted writes a word as a shell reads it.
func quoted(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r))
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
