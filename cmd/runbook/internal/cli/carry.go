package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// carry says how a run is carried out.
type carry struct {
	wait    waitFlag
	modules []string // which the script requires, for a new run
	id      string   // of an existing run
	also    []string // modules that an edited script requires
	what    string   // the command, for the JSON stream
}

// carryOut opens everything that a run needs, walks it, and prints what became
// of it.
func (a *app) carryOut(ctx context.Context, c carry, walk func(context.Context, *session) (interpreter.Outcome, error)) error {
	if a.flags.json {
		a.jsonHead(c.what)
	}
	s, err := a.open(ctx, c)
	if err != nil {
		return err
	}
	defer s.close()
	ctx, release := a.interruptible(ctx, s.say)
	defer release()
	if err := s.connect(ctx); err != nil {
		return err
	}
	out, err := walk(ctx, s)
	s.quiet()
	if err != nil {
		return err
	}
	a.outcome(out, s.tree)
	if code := codeOfOutcome(out); code != exitOK {
		return exitError{code}
	}
	return nil
}

// outcome prints what became of a run, and what to do next.
func (a *app) outcome(out interpreter.Outcome, tree *view.Tree) {
	how := a.next(out, tree.Failed())
	if a.flags.json {
		a.jsonLine(outcomeLine{Type: "outcome", Run: out.Run, Status: out.Status, Exit: codeOfOutcome(out),
			Replayed: out.Replayed, Live: out.Live, Error: failureOf(out.Err), Next: how})
	}
	a.explain(out, tree.Catalog)
	verdict := fmt.Sprintf("run %s %s: %s", shortID(out.Run), out.Name, strings.ReplaceAll(string(out.Status), "_", " "))
	switch out.Status {
	case effect.StatusSucceeded:
		verdict = a.outStyle.Green(verdict)
	case effect.StatusFailed, effect.StatusRollbackFailed:
		verdict = a.outStyle.Red(verdict)
	default:
		verdict = a.outStyle.Yellow(verdict)
	}
	if !a.flags.json {
		a.result("%s\n", verdict)
	}
	if how != "" {
		a.note("%s\n", how)
	}
}

// explain prints why a run did not succeed.
func (a *app) explain(out interpreter.Outcome, catalog *effect.Catalog) {
	var scriptErr *script.Error
	var unknown *replay.Unknown
	recorded := out.Status != effect.StatusInterrupted // if it is not, why that could not be recorded is said as well
	switch {
	case recorded && errors.As(out.Err, &scriptErr):
		a.note("%s\n", view.ScriptError(a.style, catalog, scriptErr))
	case recorded && errors.As(out.Err, &unknown):
		a.note("%s %s\n", a.style.Yellow("unknown:"), indented(view.Clean(unknown.Error())))
		a.note("  with  %s\n", view.Args(catalog, unknown.Op, unknown.Args))
	case out.Err != nil && out.Status != effect.StatusWaiting:
		text := out.Err.Error()
		if s := effect.AsStop(out.Err); s == nil || s.Err != nil {
			a.note("%s %s\n", a.style.Yellow("stopped:"), indented(view.Clean(text)))
		}
	}
	for _, err := range out.Rollbacks {
		a.note("%s %s\n", a.style.Red("rollback failed:"), indented(view.Clean(err.Error())))
	}
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
