package replay_test

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// many returns the journal of n reads in a row; the value of each says which it
// is, and every hundredth is large.
func many(t *testing.T, n int) (past []effect.Event, values []any) {
	r := newRig(t, nil)
	r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		if n := len(values); n%100 == 99 {
			return effect.Result{Value: []any{float64(n), strings.Repeat("x", 70_000)}}, nil
		} else if n%10 == 3 {
			return effect.Result{}, effect.Errorf(effect.CodeRefused, "not %s", call.Place)
		}
		return effect.Result{Value: map[string]any{"at": string(call.Place)}}, nil
	}
	for i := range n {
		v, err := r.try("t.read", effect.Place("").Effect(i+1))
		if err != nil {
			v = *effect.AsError(err)
		}
		values = append(values, v)
	}
	r.finish()
	return r.journal.all(), values
}

func TestManyOutcomes(t *testing.T) {
	past, want := many(t, 300)
	r := newRig(t, past)
	for i := range want {
		got, err := r.try("t.read", effect.Place("").Effect(i+1))
		if err != nil {
			got = *effect.AsError(err)
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Fatalf("outcome %d is %.200v, want %.200v", i+1, got, want[i])
		}
	}
	r.finish()
	if n := r.Replayed(); n != len(want) {
		t.Errorf("%d were replayed", n)
	}
}

// A value that cannot be read stops nothing before the effect whose it is.
func TestUnreadableValue(t *testing.T) {
	const bad = `{"$secret":"x","digest":1}`
	for _, value := range []string{bad, "[" + bad + strings.Repeat(",0", 35_000) + "]"} {
		past, want := many(t, 90)
		past[len(past)-1].Body.Value = []byte(value)
		r := newRig(t, past)
		for i := range len(want) - 1 {
			place := effect.Place("").Effect(i + 1)
			_, err := r.try("t.read", place)
			if _, failed := want[i].(effect.Error); (err != nil) != failed {
				t.Fatalf("at %s: %v", place, err)
			}
		}
		_, err := r.try("t.read", effect.Place("").Effect(len(want)))
		if err == nil || err.Error() != "read a recorded value: decode value: $secret without a digest" {
			t.Errorf("the last one gives %v", err)
		}
	}
}

// Branches take the outcomes that are theirs, whoever comes first.
func TestOutcomesOfBranches(t *testing.T) {
	const n = 100
	fork := func(r *rig) {
		r.do(effect.OpParallel, "1", args("branches", []any{"1.a", "1.b"}))
	}
	live := newRig(t, nil)
	live.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		return effect.Result{Value: map[string]any{"at": string(call.Place)}}, nil
	}
	fork(live)
	for i := range n {
		live.do("t.read", effect.Place("1.a").Effect(i+1))
		live.do("t.read", effect.Place("1.b").Effect(i+1))
	}
	live.finish()

	again := live.resumed()
	fork(again)
	var group sync.WaitGroup
	for _, branch := range []effect.Place{"1.a", "1.b"} {
		group.Go(func() {
			for i := range n {
				place := branch.Effect(i + 1)
				res, err := again.Do(t.Context(), effect.Call{Place: place, Op: op("t.read"), Class: effect.Read})
				if err != nil || !reflect.DeepEqual(res.Value, map[string]any{"at": string(place)}) {
					t.Errorf("at %s: %v, %v", place, res.Value, err)
					return
				}
			}
		})
	}
	group.Wait()
	again.finish()
}
