package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// SecretError says that an effect was not carried out because a secret which the
// run has read before cannot be had again.
type SecretError struct {
	Op    string // of what needs it
	Place effect.Place
	Where effect.Position
	Read  Side         // the effect that returned it; without an Op if nothing is known of one
	From  effect.Place // its place
	Begun bool         // what needs it was sent by a runner before, and nobody knows what became of it
	Why   *effect.Error
}

// Error says what needs which secret, where that was read, why it cannot be had,
// and how to go on.
func (e *SecretError) Error() string {
	switch {
	case !e.Gone():
		return e.what() + "; resume the run when it can"
	case e.Begun:
		return e.what() + "; bring it back and resume the run, or say what happened"
	}
	return e.what() + "; bring it back and resume the run, or read a secret that is valid right before it is used, and resume with that script"
}

// what says what needs which secret, and why it cannot be had.
func (e *SecretError) what() string {
	text := fmt.Sprintf("%s at %s (effect %s) needs a secret", e.Op, e.Where, e.Place)
	if e.Read.Op != "" {
		text += fmt.Sprintf(" that %s %s at %s (effect %s) has returned", e.Read.Op, e.Read.Args, e.Read.Where, e.From)
	}
	if !e.Gone() {
		return text + ", which cannot be asked for now: " + e.Why.Message
	}
	return text + ", and that is gone: " + e.Why.Message
}

// Unwrap returns why it cannot be had.
func (e *SecretError) Unwrap() error { return e.Why }

// Gone reports whether the secret is not there any more, as far as its store
// says: asking once more later does not help.
func (e *SecretError) Gone() bool {
	switch e.Why.Code {
	case effect.CodeUnavailable, effect.CodeTimeout, effect.CodeUnknown, effect.CodeInternal:
		return false
	}
	return true
}

// reveal puts secrets in the place of their digests in the arguments of a call
// that is about to leave. The error is a *SecretError or a *effect.Stop.
func (r *Recorder) reveal(ctx context.Context, call *effect.Call) error {
	if !holdsDigest(call.Args) {
		return nil
	}
	args, err := opened(call.Args, func(d effect.SecretDigest) (any, error) { return r.secret(ctx, *call, d) })
	if err == nil {
		call.Args = args.(map[string]any)
	}
	return err
}

// revealed is reveal for a call that may not go without. open says that it was
// begun and that nobody knows what became of it: where a secret is gone, neither
// can its backend be asked nor can it be sent again, and people have to say what
// happened. failure is for the script of a rollback, where it is an outcome as any
// other: what else is to be taken back does not wait for a secret that is gone.
func (r *Recorder) revealed(ctx context.Context, call *effect.Call, open bool) (failure *effect.Error, err error) {
	err = r.reveal(ctx, call)
	var lost *SecretError
	switch {
	case !errors.As(err, &lost):
		return nil, err
	case open && lost.Gone():
		lost.Begun = true
		return nil, r.park(*call, lost)
	case lost.Gone() && call.Place.InRollback():
		failure := effect.Errorf(lost.Why.Code, "%s", lost.what()).WithHint("bring it back, and roll back again")
		return failure, nil
	}
	return nil, r.lacking(lost)
}

// lacking ends the walk. That a secret is gone is no outcome of an effect that
// needs it: a script that saw one would go another way than without the resume.
func (r *Recorder) lacking(why error) *effect.Stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.halt(&effect.Stop{Cause: effect.Interrupted, Err: why})
}

// secret returns the secret of a digest for a call that needs it.
func (r *Recorder) secret(ctx context.Context, use effect.Call, d effect.SecretDigest) (effect.Secret, error) {
	known := func() (effect.Secret, bool) {
		s, ok := r.secrets.get(d.Digest)
		return effect.NewSecret(d.Name, s.Reveal()), ok // by the name that is recorded
	}
	if s, ok := known(); ok {
		return s, nil
	}
	lost := &SecretError{Op: use.Op.String(), Place: use.Place, Where: use.Where,
		Why: effect.Errorf(effect.CodeNotFound, "nothing in the record says where it comes from")}
	for _, from := range r.secrets.from(d.Digest) {
		why, stop := r.recall(ctx, from)
		if stop != nil {
			return effect.Secret{}, stop
		}
		if s, ok := known(); ok {
			return s, nil
		}
		args, err := effect.Encode(from.call.Args, r.opts.Digest)
		if err != nil {
			return effect.Secret{}, err
		}
		lost.Read, lost.From, lost.Why = Side{from.call.Op.String(), args, from.call.Where}, from.call.Place, why
		if !lost.Gone() { // nobody knows yet
			break
		}
	}
	return effect.Secret{}, lost
}

// remember asks for the secrets that the script had from the record, before
// anything is carried out: they are to be kept out of what comes back, as they
// were by the runner before. One that cannot be had is done without.
func (r *Recorder) remember(ctx context.Context) error {
	down := map[string]bool{} // modules that do not answer
	for _, s := range r.secrets.untried() {
		from := r.secrets.from(s.digest)[0]
		why := effect.Errorf(effect.CodeUnavailable, "its backend does not answer")
		if !down[from.call.Op.Module] {
			var stop error
			if why, stop = r.recall(ctx, from); stop != nil {
				return stop
			}
			down[from.call.Op.Module] = !(&SecretError{Why: why}).Gone()
		}
		_, known := r.secrets.get(s.digest)
		if news := r.secrets.tried(s); news && !known && r.opts.Note != nil {
			r.opts.Note(fmt.Sprintf("the secret that %s at %s (effect %s) has returned is not known any more: it would not be seen in what effects return (%s)",
				from.call.Op, from.call.Where, from.call.Place, why.Message))
		}
	}
	return nil
}

// recall makes a recorded read once more for its secrets, and learns those that it
// returns. why says why it did not return what it had, as far as that can be told
// without looking at one secret.
func (r *Recorder) recall(ctx context.Context, from source) (why *effect.Error, stop error) {
	call := from.call
	if call.Class != effect.Read {
		return effect.Errorf(effect.CodeUnsupported, "%s is a write, which is not made once more for that", call.Op), nil
	}
	args, err := opened(call.Args, func(d effect.SecretDigest) (any, error) {
		if s, ok := r.secrets.get(d.Digest); ok {
			return s, nil
		}
		return nil, effect.Errorf(effect.CodeNotFound, "it was read by means of a secret that is not known any more")
	})
	if err != nil {
		return effect.AsError(err), nil
	}
	call.Args, _ = args.(map[string]any) // a copy
	if call.Args == nil {
		call.Args = map[string]any{}
	}
	for _, name := range call.Op.Recall {
		if v, ok := from.value[name]; ok && v != nil && v != "" {
			call.Args[name] = v
		}
	}
	call.Verb, call.Run, call.Attempt, call.Settled, call.Began = effect.VerbRecall, r.opts.Run, 1, nil, r.opts.Now()
	call.Key = Key(r.opts.Run, "recall "+call.Place) // the effect's own came with other arguments
	if err := r.depart(ctx); err != nil {
		return nil, err
	}
	if call.NotAfter, call.Until = r.opts.Journal.Until(), r.opts.Journal.Until; call.NotAfter.IsZero() {
		return nil, r.stale(call)
	}
	res, err := r.opts.Next.Do(ctx, call)
	if s := effect.AsStop(err); s != nil {
		return nil, s
	}
	if short := (*Short)(nil); errors.As(err, &short) {
		return nil, cutHere()
	}
	if err != nil && ctx.Err() != nil {
		return nil, stopOf(ctx)
	}
	if err != nil {
		return effect.AsError(err), nil
	}
	r.secrets.learn(r.opts.Digest, guarded(call.Op, res.Value))
	return effect.Errorf(effect.CodeConflict, "%s returns another secret now", call.Op), nil
}

// holdsDigest reports whether the digest of a secret stands in v.
func holdsDigest(v any) bool {
	switch v := v.(type) {
	case effect.SecretDigest:
		return true
	case []any:
		return slices.ContainsFunc(v, holdsDigest)
	case map[string]any:
		for _, e := range v {
			if holdsDigest(e) {
				return true
			}
		}
	}
	return false
}

// opened returns a copy of v with what open returns in the place of digests. Maps
// are walked in the order of their keys, so that the same one is told about each
// time.
func opened(v any, open func(effect.SecretDigest) (any, error)) (any, error) {
	switch v := v.(type) {
	case effect.SecretDigest:
		return open(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			var err error
			if out[i], err = opened(v[i], open); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			var err error
			if out[k], err = opened(v[k], open); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}
