package replay

import (
	"context"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// remember asks for the secrets that the script had from the record, before
// anything is carried out: they are to be kept out of what comes back, as they
// were by the runner before.
//
// One that was ended can do no harm any more and is done without. Where another
// one cannot be had, nothing is carried out, unless the operator says so (Forget):
// what was recorded in clear stays so. A rollback does not wait: its effects are
// carried out, and the texts that they return withheld.
func (r *Recorder) remember(ctx context.Context, call *effect.Call) error {
	down := map[string]absence{} // modules that do not answer
	for _, s := range r.secrets.untried() {
		from := r.secrets.from(s.digest)[0]
		missing, stop := (*absence)(nil), error(nil)
		if why, is := down[from.call.Op.Module]; is {
			missing = &why
		} else if from, missing, stop = r.again(ctx, s.digest); stop != nil {
			return stop
		}
		if missing == nil {
			r.secrets.tried(s, false)
			continue
		}
		if unanswered(missing.Why) {
			down[from.call.Op.Module] = *missing
		}
		ended := missing.gone && !missing.exchanged
		if !ended && !r.opts.Forget && !r.undoes() {
			needed := holds(call.Args, s.digest) && !missing.exchanged
			lost := &SecretError{Op: call.Op.String(), Place: call.Place, Where: call.Where, Shown: !needed}
			if err := lost.readBy(r, from, *missing); err != nil {
				return err
			}
			return r.lacking(lost)
		}
		withheld := !ended && !r.opts.Forget
		if news := r.secrets.tried(s, withheld); news && r.opts.Note != nil {
			what := "is not known any more: it would not be seen in what effects return"
			if withheld {
				what = "cannot be had now: texts that effects return are withheld, which could show it"
			}
			r.opts.Note(fmt.Sprintf("the secret that %s at %s (effect %s) has returned %s (%s)",
				from.call.Op, from.call.Where, from.call.Place, what, missing.Why.Message))
		}
	}
	call.Withhold = r.secrets.missed()
	return nil
}

// unanswered reports whether a backend did not answer at all: it is not asked for
// the next secret then.
func unanswered(why *effect.Error) bool {
	return why.Code == effect.CodeUnavailable || why.Code == effect.CodeTimeout
}

// undoes reports whether the run is rolled back, or is to be.
func (r *Recorder) undoes() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rolling || r.ending()
}
