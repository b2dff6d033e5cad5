package replay_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// lostThen answers the first request as lost, while a rollback is asked for,
// and everything after it with an inquiry's word or a success.
func lostThen(r *rig, word effect.Observed) func(context.Context, effect.Call) (effect.Result, error) {
	asked := false
	return func(ctx context.Context, call effect.Call) (effect.Result, error) {
		if !asked {
			asked = true
			r.Cut()
			return effect.Result{}, effect.Errorf(effect.CodeUnknown, "lost")
		}
		if ctx.Err() != nil {
			return effect.Result{}, effect.Errorf(effect.CodeUnavailable, "canceled")
		}
		return effect.Result{Value: true, Observed: word}, nil
	}
}

// A rollback that is asked for while a write loses its outcome waits until the
// outcome is settled: what is to be undone has to be known.
func TestRollbackAskedForWhileAnOutcomeIsLost(t *testing.T) {
	tests := []struct {
		op    string
		word  effect.Observed
		cause effect.Cause // empty: the write has its outcome
		want  []string
	}{
		{"t.retry", "", "", []string{"effect.intended 1 t.retry #1", "effect.intended 1 t.retry #2", "effect.done 1 t.retry #2 true"}},
		{"t.observe", effect.Applied, "", []string{"effect.intended 1 t.observe #1", "effect.observed 1 t.observe #1 applied true"}},
		{"t.observe", effect.NotApplied, effect.RollingBack, []string{"effect.intended 1 t.observe #1", "effect.observed 1 t.observe #1 not_applied"}},
		{"t.observe", effect.Uncertain, effect.Parked, []string{"effect.intended 1 t.observe #1"}},
		{"t.ask", "", effect.Parked, []string{"effect.intended 1 t.ask #1"}},
	}
	for _, test := range tests {
		t.Run(test.op+" "+string(test.word), func(t *testing.T) {
			r := newRig(t, nil)
			r.world.answer = lostThen(r, test.word)
			res, err := r.Do(t.Context(), r.call(test.op, "1", nil))
			if test.cause != "" {
				wantStop(t, test.cause, res, err)
			} else if err != nil {
				t.Fatal(err)
			}
			same(t, "journal", text(r.journal.all()), test.want)
			if test.cause != effect.Parked {
				res, err = r.Do(t.Context(), r.call("t.read", "2", nil))
				wantStop(t, effect.RollingBack, res, err)
			}
			if s := r.BeginRollback(); (s != nil) != (test.cause == effect.Parked) {
				t.Errorf("the rollback may not begin for %v", s)
			}
		})
	}
}

// What certainly did not happen is not sent after all when the run is to be
// rolled back.
func TestRollbackSendsNothingThatWasNotApplied(t *testing.T) {
	rollBack := func(o *replay.Options) { o.Cut = true }
	begun := func(op string, after ...effect.Event) []effect.Event {
		return append(past(t, func(r *rig) {
			fork(r, "1", "a", "b")
			r.killAt("1.a.1")
			_, _ = r.try(op, "1.a.1")
			r.killAt("1.b.1")
			_, _ = r.try("t.retry", "1.b.1")
		}), after...)
	}
	resolved := effect.Event{Kind: effect.EffectResolved, Place: "1.a.1", Body: effect.Body{Outcome: string(history.OutcomeNotApplied)}}
	for name, history := range map[string][]effect.Event{"the operator": begun("t.ask", resolved), "the backend": begun("t.observe")} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, history, rollBack)
			r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
				return effect.Result{Observed: effect.NotApplied}, nil
			}
			fork(r, "1", "a", "b")
			op := "t.ask"
			if name == "the backend" {
				op = "t.observe"
			}
			r.stops(effect.RollingBack, op, "1.a.1")
			r.do("t.retry", "1.b.1")
			for _, call := range r.world.log() {
				if strings.HasPrefix(call, "invoke "+op) {
					t.Errorf("sent was %s", call)
				}
			}
			if s := r.BeginRollback(); s != nil {
				t.Errorf("the rollback may not begin: %v", s)
			}
		})
	}
}

// A second Ctrl-C that comes before a request has left is no failure of the
// effect.
func TestHardStopBeforeTheRequestLeft(t *testing.T) {
	for _, name := range []string{"t.retry", "t.observe", "t.ask"} {
		hard, cancel := context.WithCancel(t.Context())
		r := newRig(t, nil, func(o *replay.Options) { o.Hard = hard })
		r.world.answer = func(context.Context, effect.Call) (effect.Result, error) {
			cancel()
			return effect.Result{}, effect.Errorf(effect.CodeUnavailable, "canceled before the request had left: nothing was done")
		}
		r.stops(effect.Interrupted, name, "1")
		again := r.resumed()
		again.do(name, "1")
		same(t, "calls of the resume", again.world.log(), []string{"invoke " + name + " 1 #2"})
	}
}

// Who ended the context of writes under way is named.
func TestFencedWhileWriting(t *testing.T) {
	hard, cancel := context.WithCancelCause(t.Context())
	r := newRig(t, nil, func(o *replay.Options) { o.Hard = hard })
	r.world.answer = func(context.Context, effect.Call) (effect.Result, error) {
		cancel(&effect.Stop{Cause: effect.Fenced})
		return effect.Result{}, effect.Errorf(effect.CodeUnknown, "cut off")
	}
	r.stops(effect.Fenced, "t.observe", "1")
}

// An observed value holds secrets as much as a returned one.
func TestObservedSecrets(t *testing.T) {
	rotate := &effect.Op{Module: "t", Name: "rotate", Class: effect.Write, Recovery: effect.Observe,
		Returns: []effect.Field{{Name: "value", Type: effect.String, Secret: true}}}
	r := newRig(t, nil)
	r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		if call.Verb == effect.VerbObserve {
			return effect.Result{Observed: effect.Applied, Value: map[string]any{"value": "hunter2"}}, nil
		}
		return effect.Result{}, effect.Errorf(effect.CodeUnknown, "lost")
	}
	if _, err := r.Do(t.Context(), effect.Call{Place: "1", Op: rotate, Class: effect.Write, Recovery: effect.Observe}); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r.journal.all())
	if err != nil || strings.Contains(strings.ReplaceAll(string(data), "digest-of-hunter2", ""), "hunter2") {
		t.Errorf("the journal holds the secret: %s %v", data, err)
	}
}

// A plugin that declares an op to be a read, which was a write when it was
// begun, does not settle what became of the write.
func TestWriteThatBecameARead(t *testing.T) {
	r := newRig(t, past(t, func(r *rig) {
		r.killAt("1")
		_, _ = r.try("t.ask", "1")
	}))
	call := r.call("t.ask", "1", nil)
	call.Class, call.Recovery = effect.Read, ""
	res, err := r.Do(t.Context(), call)
	wantStop(t, effect.Parked, res, err)
	same(t, "calls", r.world.log(), []string{})
}
