package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// NextFor says how to go on with a run of the record that nobody carries. What
// has been answered or resolved since it stopped counts. failed is as in Next.
func (a *App) NextFor(ctx context.Context, db *journal.DB, run journal.Run, failed string) (view.Advice, error) {
	events, err := db.Events(ctx, run.ID, 0)
	if err != nil {
		return nil, err
	}
	h := history.Of(events)
	if Ready(run, h) != "" {
		return a.Resume(ctx, db, run.ID, "go on with:"), nil
	}
	return a.next(ctx, db, run.ID, run.Status, h, failed), nil
}

// Next says how to go on after an outcome, whose history is h; commands stand last.
// failed names the step in which the run failed, if it was in one.
func (a *App) Next(ctx context.Context, db *journal.DB, out interpreter.Outcome, h *history.History, failed string) view.Advice {
	if s := effect.AsStop(out.Err); s != nil {
		switch s.Cause {
		case effect.LockHeld:
			var locked *journal.LockedError
			if errors.As(s, &locked) {
				return a.lockedAdvice(locked)
			}
			return nil
		case effect.Fenced:
			return view.Advice{}.With("another runner has the run; see it with:", a.OnRun("show", out.Run))
		case effect.Diverged:
			return view.Advice{}.With("mend the script and go on with:", a.OnRun("resume", out.Run)+" --with FILE.lua")
		}
	}
	var lost *replay.SecretError
	errors.As(out.Err, &lost)
	if lost != nil && lost.Gone() && !lost.Begun && !lost.Shown {
		return a.Resume(ctx, db, out.Run, "once the secret is back, go on with:").
			With("or, with a script that reads one where it uses it, with:", a.OnRun("resume", out.Run)+" --with FILE.lua")
	}
	if lost != nil && lost.Shown {
		return append(a.next(ctx, db, out.Run, out.Status, h, failed),
			view.Advice{}.With("or, if the secret may stand in the record in clear, with:", a.OnRun("resume", out.Run)+" --forget-secrets")...)
	}
	return a.next(ctx, db, out.Run, out.Status, h, failed)
}

func (a *App) next(ctx context.Context, db *journal.DB, id string, status effect.Status, h *history.History, failed string) view.Advice {
	switch status {
	case effect.StatusInterrupted, effect.StatusRunning, effect.StatusRollingBack:
		advice := a.Resume(ctx, db, id, "go on with:")
		if len(h.Registered) > 0 && !h.Rolling() {
			advice = advice.With("or take it back with:", a.OnRun("rollback", id))
		}
		return advice
	case effect.StatusWaiting:
		return append(a.answers(ctx, db, id, h), a.Resume(ctx, db, id, "then go on with:")...)
	case effect.StatusUnknown:
		return append(a.resolutions(id, h), a.Resume(ctx, db, id, "then go on with:")...)
	case effect.StatusFailed:
		text := view.Advice{}.With("read it with:", a.OnRun("show", id))
		if failed != "" {
			text = text.With("do it again from the step that failed with:", a.OnRun("fork", id, "--from", failed))
		}
		return text
	case effect.StatusRollbackFailed:
		return view.Advice{}.With("the rollbacks that failed can be tried again with:", a.OnRun("rollback", id))
	case effect.StatusRolledBack:
		return view.Advice{}.With("read it with:", a.OnRun("show", id))
	}
	return nil
}

// Resume says with which command a run goes on, and which secrets it wants then as
// they are now: they stand nowhere but where they were taken from.
func (a *App) Resume(ctx context.Context, db *journal.DB, id, say string) view.Advice {
	var advice view.Advice
	if run, err := db.Find(ctx, id); err == nil && run.Status != effect.StatusRollingBack {
		if refs := secretParams(run); len(refs) > 0 {
			advice = view.Tell("a resume asks again for " + strings.Join(refs, ", ") + ": keep that as it is")
		}
	}
	return advice.With(say, a.OnRun("resume", id))
}

// secretParams names the references of a run's secret parameters, each once, in order.
func secretParams(run journal.Run) []string {
	v, err := effect.Decode(run.Params)
	if err != nil { // whoever resumes the run is told
		return nil
	}
	params, _ := v.(map[string]any)
	var refs []string
	for _, p := range params {
		if digest, ok := p.(effect.SecretDigest); ok {
			refs = append(refs, view.Clean(digest.Name))
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs)
}

// resolutions are the words that a person can say about what has an unknown
// outcome.
func (a *App) resolutions(id string, h *history.History) view.Advice {
	opens := h.Open()
	var advice view.Advice
	say := func(which []string, left bool) {
		word := func(text, flag string) {
			advice = advice.With("  "+text, a.OnRun("resolve", id, append(which, flag, "--reason", "…")...))
		}
		word("it happened:", "--applied")
		if left { // for a rollback, which went on without it
			word("it did not; it is not done again:", "--not-applied")
			return
		}
		word("it did not, do it again:", "--not-applied")
		word("it did not, let the script see an error:", "--failed")
	}
	left := len(opens) > 0 && opens[0].CutShort
	if left {
		advice = view.Tell("what was registered is rolled back; look at the system, mend by hand what is left, then say what happened:")
	} else {
		advice = view.Tell("look at the system, then say what happened:")
	}
	if len(opens) < 2 {
		say(nil, left)
		return advice
	}
	for _, e := range opens {
		advice = append(advice, view.Tell(fmt.Sprintf("to %s at %s (effect %s):", e.Op, view.Line(e.Where.String()), e.Place))...)
		say([]string{"--effect", string(e.Place)}, e.CutShort)
	}
	return advice
}

// lockedAdvice says what frees a lock.
func (a *App) lockedAdvice(e *journal.LockedError) view.Advice {
	show := a.OnRun("show", e.Run)
	if e.Holder == nil || e.Died {
		return append(view.Advice{}.With("see that run with:", show).With("go on with it:", a.OnRun("resume", e.Run)).
			With("or end it:", a.OnRun("cancel", e.Run)), view.Tell("then start again")...)
	}
	return view.Advice{}.With("start again when that run has ended; see it with:", show)
}

// Counted writes "1 effect", "2 effects".
func Counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
