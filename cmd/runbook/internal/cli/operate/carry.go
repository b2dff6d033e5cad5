package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// carry says how a run is carried out.
type carry struct {
	wait    waitFlag
	modules []string // which the script requires, for a new run
	script  string   // the file of the script of a new run, absolute; "" if there is none
	id      string   // of an existing run
	edited  bool     // it goes on with an edited script
	also    []string // modules that an edited script requires
	what    string   // the command, for the JSON stream
}

// carryOut opens everything that a run needs, walks it, and prints what became
// of it.
func (a commands) carryOut(ctx context.Context, c carry, walk func(context.Context, *session) (interpreter.Outcome, error)) error {
	if a.Flags.JSON {
		a.JSONHead(c.what)
	}
	go app.Executable() // while the journal is read
	s, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, release := a.interruptible(ctx, s.say)
	defer release()
	if err := s.connect(ctx); err != nil {
		return s.unstarted(err)
	}
	out, err := walk(ctx, s)
	s.quiet()
	if err != nil {
		return s.unwritten(err)
	}
	s.outcome(context.WithoutCancel(ctx), out)
	if code := app.CodeOfOutcome(out); code != app.ExitOK {
		return app.ExitWith(code)
	}
	return nil
}

// unstarted is the error of a plugin that did not come up, with what that leaves.
func (s *session) unstarted(err error) error {
	switch {
	case app.CodeOf(err) == app.ExitUsage: // the message says what to mend
		return err
	case s.run == "", s.afresh:
		return app.Configuration(fmt.Errorf("%w\nnothing was started", err))
	}
	var advice view.Advice
	var pin *host.PinError
	if errors.As(err, &pin) {
		advice = s.app.PinAdvice(s.flags)
	}
	return app.Advised(fmt.Errorf("%w\nnothing was done since", err), advice.With("go on with:", s.app.OnRun("resume", s.run)))
}

// unwritten is the error of a walk that did not begin. Where the disk is full, the
// run stands as it stood, and can go on.
func (s *session) unwritten(err error) error {
	if s.run == "" || s.afresh || !errors.Is(err, journal.ErrFull) {
		return err
	}
	return app.Advised(&effect.Stop{Cause: effect.Unwritable, Err: err}, view.Advice{}.With("then go on with:", s.app.OnRun("resume", s.run)))
}

// outcome prints what became of a run, and what to do next.
func (s *session) outcome(ctx context.Context, out interpreter.Outcome) {
	h := s.history(ctx, out)
	a, how := commands{s.app}, s.app.Next(ctx, s.db, out, h, s.tree.Failed())
	left := s.left(out, h)
	if a.Flags.JSON {
		a.JSONLine(outcomeLine{Type: "outcome", Run: out.Run, Status: out.Status, Exit: app.CodeOfOutcome(out),
			Replayed: out.Replayed, Live: out.Live, Error: failureOf(out.Err), Left: standLines(left), Next: how.String()})
	}
	a.explain(out, s.tree.Catalog)
	verdict := fmt.Sprintf("run %s %s: %s", journal.Short(out.Run), view.Line(out.Name), strings.ReplaceAll(string(out.Status), "_", " "))
	switch out.Status {
	case effect.StatusSucceeded:
		verdict = a.OutStyle.Green(verdict)
	case effect.StatusFailed, effect.StatusRollbackFailed:
		verdict = a.OutStyle.Red(verdict)
	default:
		verdict = a.OutStyle.Yellow(verdict)
	}
	if !a.Flags.JSON {
		a.Result("%s\n", verdict)
	}
	if len(left) > 0 {
		a.Note("what it set last:\n")
		for _, line := range view.Stands(a.Style, s.tree.Catalog, left, time.Now()) {
			a.Note("%s\n", line)
		}
	}
	a.Advise(how)
}

// history is what was recorded of a run, for what is left to say of it: nothing
// where it has succeeded, or where the disk that stopped it cannot be read either.
func (s *session) history(ctx context.Context, out interpreter.Outcome) *history.History {
	if out.Status == effect.StatusSucceeded {
		return history.Of(nil)
	}
	events, err := s.db.Events(ctx, out.Run, 0)
	if err != nil { // a resume says what it needs
		events = nil
	}
	return history.Of(events)
}

// left returns what a run that has stopped half way has set: whoever takes over
// wants to know what traffic is like now. Of one that has failed, it is what has a
// desired state.
func (s *session) left(out interpreter.Outcome, h *history.History) []history.Stand {
	all := false
	switch out.Status {
	case effect.StatusInterrupted, effect.StatusUnknown, effect.StatusCanceled:
		all = true
	case effect.StatusFailed, effect.StatusRollbackFailed:
	default:
		return nil
	}
	list := h.Stands(s.tree.Catalog)
	return slices.DeleteFunc(list, func(w history.Stand) bool { return !all && w.Subject == nil })
}

// explain prints why a run did not succeed.
func (a commands) explain(out interpreter.Outcome, catalog *effect.Catalog) {
	var scriptErr *script.Error
	var unknown *replay.Unknown
	recorded := out.Status != effect.StatusInterrupted // if it is not, why that could not be recorded is said as well
	switch {
	case recorded && errors.As(out.Err, &scriptErr):
		a.Note("%s\n", view.ScriptError(a.Style, catalog, scriptErr))
	case recorded && errors.As(out.Err, &unknown):
		a.Note("%s %s\n", a.Style.Yellow("unknown:"), app.Indented(view.Clean(unknown.Error())))
		a.Note("  with  %s\n", view.Args(catalog, unknown.Op, unknown.Args))
	case out.Err != nil && out.Status != effect.StatusWaiting:
		text := out.Err.Error()
		if s := effect.AsStop(out.Err); s == nil || s.Err != nil {
			a.Note("%s %s\n", a.Style.Yellow("stopped:"), app.Indented(view.Clean(text)))
		}
	}
	a.NoteFailedRollbacks(out.Rollbacks)
}

// failureOf is an outcome's error as --json prints it.
func failureOf(err error) *failureLine {
	if err == nil {
		return nil
	}
	line := &failureLine{Message: err.Error()}
	var scriptErr *script.Error
	if errors.As(err, &scriptErr) {
		line.Where, line.Hint = scriptErr.Where, scriptErr.Hint
		if e := scriptErr.Effect; e != nil {
			line.Message, line.Code, line.Op = e.Message, e.Code, e.Op
		}
	}
	return line
}
