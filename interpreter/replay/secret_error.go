package replay

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// SecretError says that an effect was not carried out because a secret which the
// run has read before cannot be had again.
type SecretError struct {
	Op    string // of what was not carried out
	Place effect.Place
	Where effect.Position
	Read  Side         // the effect that returned it; without an Op if nothing is known of one
	From  effect.Place // its place
	Begun bool         // what needs it was sent by a runner before, and nobody knows what became of it
	Shown bool         // the effect does not need it, and what it returns could show it
	absence
}

// absence is why a secret was not had.
type absence struct {
	Why *effect.Error
	// gone says that its store is positive about it: it was ended, or is another
	// one now. Everything else (a token that has expired, rights of a file, a
	// variable that is not set here) may be otherwise in a minute.
	gone bool
	// exchanged says that it is another one now. The old one may be valid yet: who
	// set another variable has ended nothing.
	exchanged bool
}

// Error says what needs which secret, where that was read, why it cannot be had,
// and how to go on.
func (e *SecretError) Error() string {
	switch {
	case e.Shown && e.exchanged:
		return e.what() + "; nothing was sent; bring the old one back and resume the run"
	case e.Shown:
		return e.what() + "; nothing was sent; resume the run when it can"
	case !e.gone:
		return e.what() + "; resume the run when it can"
	case e.Begun:
		return e.what() + "; bring it back and resume the run, or say what happened"
	}
	return e.what() + "; bring it back and resume the run, or read a secret that is valid right before it is used, and resume with that script"
}

// what says what needs which secret, and why it cannot be had.
func (e *SecretError) what() string {
	needs := " needs a secret"
	if e.Shown {
		needs = " could show a secret"
	}
	text := fmt.Sprintf("%s at %s (effect %s)", e.Op, e.Where, e.Place) + needs
	if e.Read.Op != "" {
		text += fmt.Sprintf(" that %s %s at %s (effect %s) has returned", e.Read.Op, e.Read.Args, e.Read.Where, e.From)
	}
	switch {
	case e.Shown && e.exchanged:
		text += ", and that is not known now, to be kept out of what comes back: "
	case e.Shown:
		text += ", which cannot be asked for now, to be kept out of what comes back: "
	case !e.gone:
		text += ", which cannot be asked for now: "
	default:
		text += ", and that is gone: "
	}
	return text + e.Why.Message
}

// again says how a rollback that went without is made whole.
func (e *SecretError) again() string {
	if e.gone {
		return "bring it back, and roll back again"
	}
	return "see that it can be asked for, and roll back again"
}

// readBy takes note of what returned it, and why that does not do so now.
func (e *SecretError) readBy(r *Recorder, from source, why absence) error {
	args, err := effect.Encode(from.call.Args, r.opts.Digest)
	if err != nil {
		return err
	}
	e.Read, e.From, e.absence = Side{from.call.Op.String(), args, from.call.Where}, from.call.Place, why
	return nil
}

// Unwrap returns why it cannot be had.
func (e *SecretError) Unwrap() error { return e.Why }

// Gone reports whether the secret is not there any more, as its store says
// positively: asking once more later does not help.
func (e *SecretError) Gone() bool { return e.gone }
