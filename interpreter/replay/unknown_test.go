package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// observation answers an inquiry.
type observation struct {
	seen  effect.Observed
	value any
	err   error
}

// How an intent without an outcome, left by a runner that died, is settled.
func TestUnknownAfterACrash(t *testing.T) {
	tests := []struct {
		name    string
		op      string
		observe observation
		cause   effect.Cause // of the stop; "" if the script goes on
		value   any
		calls   []string
		journal []string // behind the intent
		why     string
	}{
		{name: "retry", op: "t.retry", value: "again",
			calls:   []string{"invoke t.retry 1 #2"},
			journal: []string{"effect.intended 1 t.retry #2", `effect.done 1 t.retry #2 "again"`}},
		{name: "observe, applied", op: "t.observe", observe: observation{effect.Applied, "seen", nil}, value: "seen",
			calls:   []string{"observe t.observe 1 #1"},
			journal: []string{`effect.observed 1 t.observe #1 applied "seen"`}},
		{name: "observe, applied without a value", op: "t.observe", observe: observation{seen: effect.Applied},
			calls:   []string{"observe t.observe 1 #1"},
			journal: []string{`effect.observed 1 t.observe #1 applied`}},
		{name: "observe, not applied", op: "t.observe", observe: observation{seen: effect.NotApplied}, value: "again",
			calls: []string{"observe t.observe 1 #1", "invoke t.observe 1 #2"},
			journal: []string{"effect.observed 1 t.observe #1 not_applied", "effect.intended 1 t.observe #2",
				`effect.done 1 t.observe #2 "again"`}},
		{name: "observe, cannot tell", op: "t.observe", observe: observation{seen: effect.Uncertain}, cause: effect.Parked,
			calls: []string{"observe t.observe 1 #1"}, why: "nobody knows whether it happened"},
		{name: "observe, says nothing", op: "t.observe", cause: effect.Parked,
			calls: []string{"observe t.observe 1 #1"}, why: "nobody knows whether it happened"},
		{name: "observe, cannot be asked", op: "t.observe", observe: observation{err: effect.Errorf(effect.CodeUnavailable, "connection refused")},
			cause: effect.Parked, calls: []string{"observe t.observe 1 #1"}, why: "its backend could not be asked: connection refused"},
		{name: "observe, says why it cannot tell", op: "t.observe", observe: observation{err: effect.Errorf(effect.CodeUnknown, "half of it is there")},
			cause: effect.Parked, calls: []string{"observe t.observe 1 #1"}, why: "half of it is there"},
		{name: "ask", op: "t.ask", cause: effect.Parked, calls: []string{}, why: "nobody knows whether it happened"},
		{name: "forgo", op: "t.forgo", value: map[string]any{}, calls: []string{},
			journal: []string{"effect.resolved 1 t.forgo forgone {}"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dead := newRig(t, nil)
			dead.killAt("1")
			dead.stops(effect.Interrupted, test.op, "1", args("to", "x"))

			r := dead.resumed()
			r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
				if call.Verb == effect.VerbObserve {
					return effect.Result{Observed: test.observe.seen, Value: test.observe.value}, test.observe.err
				}
				return effect.Result{Value: "again"}, nil
			}
			v, err := r.try(test.op, "1", args("to", "x"))
			if test.cause == "" {
				if err != nil {
					t.Fatal(err)
				}
				same(t, "value", []string{sprint(v)}, []string{sprint(test.value)})
			} else {
				stop := wantStop(t, test.cause, v, err)
				var u *replay.Unknown
				if !errors.As(stop, &u) || u.Place != "1" || u.Op != test.op || string(u.Args) != `{"to":"x"}` || u.Why.Error() != test.why {
					t.Errorf("parked with %#v", u)
				}
				if want := "a.lua:1: " + test.op + " (effect 1) was begun and its outcome is unknown: " + test.why; stop.Error() != want {
					t.Errorf("says %q, want %q", stop, want)
				}
			}
			same(t, "calls", r.world.log(), test.calls)
			same(t, "journal", text(r.journal.all())[1:], test.journal)
			for place, key := range r.world.keys {
				if key != replay.Key("run-1", place) {
					t.Errorf("sent with the key %s", key)
				}
			}
			// What was settled stays settled.
			if test.cause == "" {
				again := r.resumed()
				same(t, "replayed value", []string{sprint(again.do(test.op, "1", args("to", "x")))}, []string{sprint(test.value)})
				same(t, "calls of the replay", again.world.log(), []string{})
			}
		})
	}
}

func sprint(v any) string {
	data, _ := effect.Encode(v, nil)
	return string(data)
}

// A backend that says "unknown" is not believed to have done nothing.
func TestUnknownWhileRunning(t *testing.T) {
	unknown := effect.Errorf(effect.CodeUnknown, "the plugin died")
	tests := []struct {
		name   string
		op     string
		answer func(n int, call effect.Call) (effect.Result, error) // n counts invocations
		cause  effect.Cause
		calls  []string
	}{
		{"retry, then it works", "t.retry", func(n int, _ effect.Call) (effect.Result, error) {
			if n < 3 {
				return effect.Result{}, unknown
			}
			return effect.Result{}, nil
		}, "", []string{"invoke t.retry 1 #1", "invoke t.retry 1 #2", "invoke t.retry 1 #3"}},
		{"retry, three times and no more", "t.retry", func(int, effect.Call) (effect.Result, error) { return effect.Result{}, unknown },
			effect.Parked, []string{"invoke t.retry 1 #1", "invoke t.retry 1 #2", "invoke t.retry 1 #3"}},
		{"observe before it is sent again", "t.observe", func(n int, call effect.Call) (effect.Result, error) {
			if call.Verb == effect.VerbObserve {
				return effect.Result{Observed: effect.NotApplied}, nil
			}
			if n == 1 {
				return effect.Result{}, unknown
			}
			return effect.Result{}, nil
		}, "", []string{"invoke t.observe 1 #1", "observe t.observe 1 #1", "invoke t.observe 1 #2"}},
		{"observe, applied", "t.observe", func(_ int, call effect.Call) (effect.Result, error) {
			if call.Verb == effect.VerbObserve {
				return effect.Result{Observed: effect.Applied}, nil
			}
			return effect.Result{}, unknown
		}, "", []string{"invoke t.observe 1 #1", "observe t.observe 1 #1"}},
		{"observe, three times and no more", "t.observe", func(_ int, call effect.Call) (effect.Result, error) {
			if call.Verb == effect.VerbObserve {
				return effect.Result{Observed: effect.NotApplied}, nil
			}
			return effect.Result{}, unknown
		}, effect.Parked, []string{"invoke t.observe 1 #1", "observe t.observe 1 #1", "invoke t.observe 1 #2",
			"observe t.observe 1 #2", "invoke t.observe 1 #3"}},
		{"ask", "t.ask", func(int, effect.Call) (effect.Result, error) { return effect.Result{}, unknown },
			effect.Parked, []string{"invoke t.ask 1 #1"}},
		{"forgo", "t.forgo", func(int, effect.Call) (effect.Result, error) { return effect.Result{}, unknown },
			"", []string{"invoke t.forgo 1 #1"}},
		{"any other failure is an outcome", "t.retry", func(int, effect.Call) (effect.Result, error) {
			return effect.Result{}, effect.Errorf(effect.CodeTimeout, "slow")
		}, "failed", []string{"invoke t.retry 1 #1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, nil)
			sent := 0
			r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
				if call.Verb == effect.VerbInvoke {
					sent++
				}
				return test.answer(sent, call)
			}
			var progress []string
			call := r.call(test.op, "1", nil)
			call.Progress = func(line string) { progress = append(progress, line) }
			res, err := r.Do(t.Context(), call)
			switch test.cause {
			case "":
				if err != nil {
					t.Error(err)
				}
			case "failed":
				if effect.AsStop(err) != nil || err == nil {
					t.Error(err)
				}
			default:
				wantStop(t, test.cause, res, err)
				r.stops(test.cause, "t.read", "2") // the whole run is parked
			}
			same(t, "calls", r.world.log(), test.calls)
			if test.cause == "" && (len(progress) == 0 || progress[0] != "outcome unknown: the plugin died") {
				t.Errorf("said %q", progress)
			}
			intents := 0
			for _, line := range text(r.journal.all()) {
				if strings.HasPrefix(line, "effect.intended") {
					intents++
				}
			}
			if intents != sent {
				t.Errorf("%d intents for %d calls", intents, sent)
			}
		})
	}
}

// The operator's word, recorded by the engine, settles an unknown outcome.
func TestResolved(t *testing.T) {
	lost := &effect.Error{Code: effect.CodeFailed, Message: "it never arrived", Op: "t.ask"}
	tests := []struct {
		name  string
		body  effect.Body
		value any
		code  effect.Code
		calls []string
	}{
		{"applied", effect.Body{Outcome: string(history.OutcomeApplied), Value: json.RawMessage(`{"id":7}`)}, map[string]any{"id": 7.0}, "", []string{}},
		{"not applied", effect.Body{Outcome: string(history.OutcomeNotApplied)}, "again", "", []string{"invoke t.ask 1 #2"}},
		{"failed", effect.Body{Outcome: string(history.OutcomeFailed), Error: lost}, nil, effect.CodeFailed, []string{}},
		{"forgone", effect.Body{Outcome: string(history.OutcomeForgone), Value: json.RawMessage(`{}`)}, map[string]any{}, "", []string{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dead := newRig(t, nil)
			dead.killAt("1")
			dead.stops(effect.Interrupted, "t.ask", "1")
			if opens := history.Of(dead.journal.all()).Open(); len(opens) != 1 || opens[0].Place != "1" || opens[0].Op != "t.ask" ||
				opens[0].Recovery != effect.Ask || opens[0].Attempt != 1 || opens[0].Where.Line != 1 {
				t.Fatalf("open: %+v", opens)
			}
			past := append(dead.journal.all(), effect.Event{Kind: effect.EffectResolved, Place: "1", Body: test.body})
			if opens := history.Of(past).Open(); len(opens) != 0 {
				t.Errorf("still open: %+v", opens)
			}
			r := newRig(t, past)
			r.world.answer = func(context.Context, effect.Call) (effect.Result, error) { return effect.Result{Value: "again"}, nil }
			v, err := r.try("t.ask", "1")
			if test.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				same(t, "value", []string{sprint(v)}, []string{sprint(test.value)})
			} else if effect.AsError(err).Code != test.code || effect.AsError(err).Message != lost.Message {
				t.Errorf("got %v", err)
			}
			same(t, "calls", r.world.log(), test.calls)
		})
	}
}

func TestOpens(t *testing.T) {
	r := newRig(t, nil)
	r.do("t.read", "1")
	r.do("t.retry", "2")
	for _, name := range []string{effect.OpSleep, effect.OpApprove, "t.forgo", "t.observe"} {
		again := r.resumed()
		again.killAt(effect.Place(name))
		again.do("t.read", "1")
		again.do("t.retry", "2")
		_, _ = again.try(name, effect.Place(name))
		r = again
	}
	var got []string
	for _, o := range history.Of(r.journal.all()).Open() {
		got = append(got, o.Op)
	}
	same(t, "open", got, []string{"t.forgo", "t.observe"}) // sleeps and questions are simply under way
}

// What the observer finds out is kept although the run is being stopped; an
// observation cut short says nothing.
func TestObservationCutShort(t *testing.T) {
	dead := newRig(t, nil)
	dead.killAt("1")
	dead.stops(effect.Interrupted, "t.observe", "1")
	ctx, cancel := context.WithCancelCause(t.Context())
	r := dead.resumed()
	r.world.answer = func(ctx context.Context, _ effect.Call) (effect.Result, error) {
		cancel(&effect.Stop{Cause: effect.Canceled})
		return effect.Result{}, ctx.Err()
	}
	res, err := r.Do(ctx, r.call("t.observe", "1", nil))
	wantStop(t, effect.Canceled, res, err)
	same(t, "journal", text(r.journal.all()), []string{"effect.intended 1 t.observe #1"})
}

// A backend's word that cannot be recorded is no reason to send the call again.
func TestObservedValueThatCannotBeRecorded(t *testing.T) {
	dead := newRig(t, nil)
	dead.killAt("1")
	dead.stops(effect.Interrupted, "t.observe", "1")
	r := dead.resumed()
	r.world.answer = func(context.Context, effect.Call) (effect.Result, error) {
		return effect.Result{Observed: effect.Applied, Value: struct{}{}}, nil
	}
	_, err := r.try("t.observe", "1")
	if effect.AsStop(err) != nil || effect.AsError(err).Code != effect.CodeInternal {
		t.Errorf("got %v", err)
	}
	same(t, "calls", r.world.log(), []string{"observe t.observe 1 #1"})
	// The failure is recorded as any other: it is seen again in every replay.
	again := r.resumed()
	_, replayed := again.try("t.observe", "1")
	same(t, "error", []string{replayed.Error()}, []string{err.Error()})
	same(t, "calls of the replay", again.world.log(), []string{})
}

// Attempts are counted over all runners.
func TestAttemptsAreCountedOverRunners(t *testing.T) {
	r := newRig(t, nil)
	for range 3 {
		r.killAt("1")
		r.stops(effect.Interrupted, "t.retry", "1")
		r = r.resumed()
	}
	r.do("t.retry", "1")
	same(t, "journal", text(r.journal.all()), []string{"effect.intended 1 t.retry #1", "effect.intended 1 t.retry #2",
		"effect.intended 1 t.retry #3", "effect.intended 1 t.retry #4", "effect.done 1 t.retry #4 1"})
}

// TestUnknownIsRaised for ops that help is called by: the run is not parked, and
// a replay meets the same error.
func TestUnknownIsRaised(t *testing.T) {
	r := newRig(t, nil)
	sent := 0
	r.world.answer = func(context.Context, effect.Call) (effect.Result, error) {
		sent++
		return effect.Result{}, effect.Errorf(effect.CodeUnknown, "no answer")
	}
	for _, walk := range []string{"live", "replayed"} {
		page := r.call("t.retry", "1", nil)
		page.Op.RaisesUnknown = true
		_, err := r.Do(t.Context(), page)
		if e := effect.AsError(err); effect.AsStop(err) != nil || e == nil || e.Code != effect.CodeUnknown || e.Message != "no answer" || sent != 3 {
			t.Errorf("%s: got %v after %d tries", walk, err, sent)
		}
		r.world.answer = nil
		r.do("t.read", "2")
		r = r.resumed()
	}
}
