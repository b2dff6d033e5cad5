package script

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/output"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
)

// The exit codes that mean more than that it failed; they are those of
// sysexits.h.
const (
	exitUsage    = 64 // the program does not know the op; nothing changed
	exitTempFail = 75 // it cannot do it now, and may be asked again; nothing changed
)

// reply is how a program ended, and what it wrote.
type reply struct {
	call    *call
	op      string // whose program it is
	program *program.Program
	end     program.End
	out     *output.Output
}

// String names the program with its arguments and what it was asked for.
func (r *reply) String() string { return r.program.String() + r.call.place("for") }

// writes reports whether the program may have changed something.
func (r *reply) writes() bool { return r.op == r.call.op.Name && r.call.writes() }

// took returns how long the program ran, for people.
func (r *reply) took() string { return effect.FormatDuration(r.end.Took) }

// doubt is the error of a write of which nobody knows whether it happened.
func (r *reply) doubt(format string, args ...any) *effect.Error {
	return effect.Errorf(effect.CodeUnknown, "%s %s", r, fmt.Sprintf(format, args...)).
		WithHint("look at what is deployed%s, then say what happened", r.call.place("in"))
}

// failure is the error of a program that did not end with exit code 0; nil if it
// did.
func (r *reply) failure() *effect.Error {
	code := r.end.Status.ExitStatus()
	switch killed := r.end.BySignal(0); {
	case r.end.Stopped != "" && r.writes():
		return r.doubt("%s after %s; %s, and nobody knows how far it came%s", r.end.Stopped, r.took(), r.end.Fate(), r.ending())
	case r.end.Stopped != "":
		return effect.Errorf(effect.CodeTimeout, "%s %s after %s; %s%s", r, r.end.Stopped, r.took(), r.end.Fate(), r.ending())
	case killed != "" && r.writes():
		return r.doubt("%s after %s, and nobody knows how far it came%s", killed, r.took(), r.ending()).
			WithHint("%s; look at what is deployed%s, then say what happened", r.end.Whence(), r.call.place("in"))
	case killed != "":
		return effect.Errorf(effect.CodeFailed, "%s %s after %s%s", r, killed, r.took(), r.ending()).WithHint("%s", r.end.Whence())
	case code == 0:
		return nil
	case code == exitUsage:
		return effect.Errorf(effect.CodeUnsupported, "%s ended with exit code %d: it does not know how to do this; nothing changed%s", r, code, r.ending()).
			WithHint("teach it %s, or name another program for it under `programs` in the configuration of deploy", r.op)
	case code == exitTempFail:
		return effect.Errorf(effect.CodeUnavailable, "%s ended with exit code %d: it cannot do this now; nothing changed%s", r, code, r.ending()).
			WithHint("try it again later: retry { … } does")
	}
	return r.told(code)
}

// told is the error of a program that failed, in its own words where its
// standard output holds such: {"error": "conflict", "message": …, "hint": …}.
func (r *reply) told(code int) *effect.Error {
	e := effect.Errorf(effect.CodeFailed, "%s ended with exit code %d after %s%s", r, code, r.took(), r.ending()).
		WithHint("look at what is deployed%s: it may have changed in part", r.call.place("in"))
	words, ok := r.object()
	message, said := words["message"].(string)
	if !ok || !said || message == "" {
		return e
	}
	e.Message = fmt.Sprintf("%s: %s (%s ended with exit code %d)", r.op, message, r, code)
	for _, known := range []effect.Code{effect.CodeInvalid, effect.CodeNotFound, effect.CodeConflict, effect.CodeRefused, effect.CodeUnhealthy} {
		if words["error"] == string(known) {
			e.Code = known
		}
	}
	if hint, _ := words["hint"].(string); hint != "" {
		e.Hint = hint
	}
	return e
}

// object decodes the standard output, secrets replaced.
func (r *reply) object() (map[string]any, bool) {
	value, err := r.out.JSON()
	if err != nil {
		return nil, false
	}
	clean, _ := r.program.Scrub.Value(value)
	object, ok := clean.(map[string]any)
	return object, ok
}

// ending returns the last lines of the standard error for the end of a message,
// or, where there are none, the beginning of the standard output.
func (r *reply) ending() string {
	if last := r.out.Stream(output.Stderr).LastLines(5, 800); last != "" {
		return "; its last lines:\n" + last
	}
	if r.answered() {
		return fmt.Sprintf("; its standard output begins with %q", r.out.Head(headSize))
	}
	return "; it wrote nothing"
}
