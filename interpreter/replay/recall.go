package replay

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// reveal puts secrets in the place of their digests in the arguments of a call
// that is about to leave. The error is a *SecretError or a *effect.Stop.
func (r *Recorder) reveal(ctx context.Context, call *effect.Call) error {
	if !holds(call.Args, "") {
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
// other: what else is to be taken back does not wait for a secret, and what failed
// is tried again by the next rollback.
func (r *Recorder) revealed(ctx context.Context, call *effect.Call, open bool) (failure *effect.Error, err error) {
	err = r.reveal(ctx, call)
	var lost *SecretError
	switch {
	case !errors.As(err, &lost):
		return nil, err
	case open && lost.Gone():
		lost.Begun = true
		return nil, r.park(*call, lost)
	case !open && call.Place.InRollback():
		failure := effect.Errorf(lost.Why.Code, "%s", lost.what()).WithHint("%s", lost.again())
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
	lost := &SecretError{Op: use.Op.String(), Place: use.Place, Where: use.Where, absence: absence{
		Why: effect.Errorf(effect.CodeNotFound, "nothing in the record says where it comes from"), gone: true}}
	if why := r.opts.Missing[d.Digest]; why != nil {
		lost.absence = absence{Why: effect.Errorf(effect.CodeUnavailable, "%v", why)}
	}
	from, missing, stop := r.again(ctx, d.Digest)
	switch {
	case stop != nil:
		return effect.Secret{}, stop
	case missing != nil:
		if err := lost.readBy(r, from, *missing); err != nil {
			return effect.Secret{}, err
		}
	}
	if s, ok := known(); ok {
		return s, nil
	}
	return effect.Secret{}, lost
}

// again makes the reads that have returned a secret once more, until one returns
// it. Otherwise missing says why the last of them did not: it is gone where each
// says so.
func (r *Recorder) again(ctx context.Context, digest string) (from source, missing *absence, stop error) {
	for _, from = range r.secrets.from(digest) {
		got, stop := r.recall(ctx, from)
		if stop != nil {
			return from, nil, stop
		}
		if _, known := r.secrets.get(digest); known {
			return from, nil, nil
		}
		missing = &got
		if !missing.gone {
			break
		}
	}
	return from, missing, nil
}

// recall makes a recorded read once more for its secrets, and learns those that it
// returns. The absence says why it did not return what it had, as far as that can
// be told without looking at one secret.
func (r *Recorder) recall(ctx context.Context, from source) (absence, error) {
	call := from.call
	if call.Class != effect.Read {
		return absence{Why: effect.Errorf(effect.CodeUnsupported, "%s is a write, which is not made once more for that", call.Op)}, nil
	}
	args, err := opened(call.Args, func(d effect.SecretDigest) (any, error) {
		if s, ok := r.secrets.get(d.Digest); ok {
			return s, nil
		}
		return nil, effect.Errorf(effect.CodeNotFound, "it was read by means of a secret that is not known any more")
	})
	if err != nil {
		return absence{Why: effect.AsError(err)}, nil
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
		return absence{}, err
	}
	if call.NotAfter, call.Until = r.opts.Journal.Until(), r.opts.Journal.Until; call.NotAfter.IsZero() {
		return absence{}, r.stale(call)
	}
	res, err := r.opts.Next.Do(ctx, call)
	if s := effect.AsStop(err); s != nil {
		return absence{}, s
	}
	if short := (*Short)(nil); errors.As(err, &short) {
		return absence{}, cutHere()
	}
	if err != nil && ctx.Err() != nil {
		return absence{}, stopOf(ctx)
	}
	if err != nil {
		why := effect.AsError(err)
		return absence{Why: why, gone: why.Code == effect.CodeGone}, nil
	}
	r.secrets.learn(r.opts.Digest, guarded(call.Op, res.Value))
	return absence{Why: effect.Errorf(effect.CodeConflict, "%s returns another secret now", call.Op), gone: true, exchanged: true}, nil
}

// holds reports whether a secret stands in v by its digest; "" is any of them.
func holds(v any, digest string) bool {
	switch v := v.(type) {
	case effect.SecretDigest:
		return digest == "" || v.Digest == digest
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return holds(e, digest) })
	case map[string]any:
		for _, e := range v {
			if holds(e, digest) {
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
