package host

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// why says what became of a call that has no answer.
type why string

const (
	died     why = "died"     // the process, or the connection with it
	hung     why = "hung"     // no answer in time
	canceled why = "canceled" // by the operator
	broken   why = "broken"   // it answered, and not in the protocol
	foreign  why = "foreign"  // it does not know the method
)

// transportError is a call without an answer: it may or may not have arrived.
type transportError struct {
	why    why
	sent   bool   // the request may have arrived
	detail string // how the process ended, or what was wrong with the answer
}

// Error returns what happened, in words.
func (te *transportError) Error() string {
	text := map[why]string{
		died: "died", hung: "did not answer in time", canceled: "was canceled",
		broken: "broke the protocol", foreign: "does not speak this part of the protocol",
	}[te.why]
	if te.detail != "" {
		text += " (" + te.detail + ")"
	}
	return text
}

// outcome applies the rules of the package's doc: what is known about a call
// that has no answer. A zero call stands for one about the backend itself.
func (te *transportError) outcome(backend string, call effect.Call) *effect.Error {
	what, during := "", ""
	if call.Op != nil {
		what, during = call.Op.String(), " during "+call.Op.String()
	}
	subject := "plugin " + backend + " " + te.Error() + during
	if te.why == canceled {
		subject = fmt.Sprintf("the call of plugin %s was canceled%s", backend, during)
	}
	var e *effect.Error
	switch {
	case te.why == foreign:
		e = effect.Errorf(effect.CodeUnsupported, "%s: nothing was done", subject).
			WithHint("build the plugin against this version of runbook")
	case !te.sent:
		e = effect.Errorf(effect.CodeUnavailable, "%s, before the request had left: nothing was done", subject)
	case call.Op == nil || call.Verb != effect.VerbInvoke || !class(call).Writes():
		e = effect.Errorf(effect.CodeUnavailable, "%s: nothing was changed", subject)
	default:
		e = effect.Errorf(effect.CodeUnknown, "%s: nobody knows whether it was applied", subject).
			WithHint("look at the system before doing it again; what the plugin said last is in the run's log")
	}
	e.Op = what
	return e
}

// class returns the call's class; one that does not say counts by its op.
func class(call effect.Call) effect.Class {
	if call.Class != "" || call.Op == nil {
		return call.Class
	}
	return call.Op.ClassFor(call.Args)
}
