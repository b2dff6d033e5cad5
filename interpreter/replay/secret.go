package replay

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// An op may return secrets: fields of Op.Returns that are declared so. The
// journal keeps their digests, and so a replay cannot hand them to the script:
// it asks for them again, and they have to be what they were.

// returnsSecrets reports whether an op returns a secret.
func returnsSecrets(op *effect.Op) bool {
	for i := range op.Returns {
		if op.Returns[i].Secret {
			return true
		}
	}
	return false
}

// guarded returns a value with its secret fields made opaque, so that nothing
// above the Recorder holds them in clear.
func guarded(op *effect.Op, value any) any {
	fields, ok := value.(map[string]any)
	if !ok || !returnsSecrets(op) {
		return value
	}
	fields = maps.Clone(fields)
	for i := range op.Returns {
		f := &op.Returns[i]
		if text, ok := fields[f.Name].(string); ok && f.Secret {
			fields[f.Name] = effect.NewSecret(op.String()+"."+f.Name, text)
		}
	}
	return fields
}

// asked carries a recorded read out once more for its secrets. Without a
// journal, in a read-only replay, their digests have to do.
func (r *Recorder) asked(ctx context.Context, call effect.Call, rec *history.Effect) (effect.Result, error) {
	if r.opts.Journal == nil || call.Class != effect.Read {
		return outcome(rec.Value, rec.Err)
	}
	if err := r.depart(ctx); err != nil {
		return effect.Result{}, err
	}
	if call.NotAfter, call.Until = r.opts.Journal.Until(), r.opts.Journal.Until; call.NotAfter.IsZero() {
		return effect.Result{}, r.stale(call)
	}
	res, err := r.opts.Next.Do(ctx, call)
	if s := effect.AsStop(err); s != nil {
		return effect.Result{}, s
	}
	if err != nil && ctx.Err() != nil {
		return effect.Result{}, stopOf(ctx)
	}
	if err != nil {
		return effect.Result{}, r.lacking(effect.Interrupted, fmt.Errorf("%s at %s was answered before, and its secrets cannot be asked for again now: %w; resume the run when they can",
			call.Op, call.Where, effect.AsError(err)))
	}
	value := guarded(call.Op, res.Value)
	now, err := r.encode(value)
	if err != nil || !bytes.Equal(now, rec.Value) {
		return effect.Result{}, r.lacking(effect.Diverged, stamped(effect.Errorf(effect.CodeConflict,
			"%s does not return what it returned when the run came here first", call.Op).
			WithHint("a secret was changed meanwhile: start a new run, or fork this one from before this place"), call))
	}
	return effect.Result{Value: value}, nil
}

// lacking ends the walk because a recorded answer cannot be given again. It is
// no outcome: the effect has one, and a script that saw another would go
// another way, to its rollback in the end.
func (r *Recorder) lacking(cause effect.Cause, why error) *effect.Stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.halt(&effect.Stop{Cause: cause, Err: why})
}
