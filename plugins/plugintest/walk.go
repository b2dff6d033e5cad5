package plugintest

import (
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// agreement is how long a system may take to show what its model knows at once.
const agreement = time.Minute

// Walk leads a backend and the model of its module the same way, step by step, and
// holds what they say against each other: a rehearsal is worth what its model is.
//
//	w := &plugintest.Walk{Backend: b, Module: traffic.Module(), Model: model}
//	for range 300 {
//		w.Step(t, op, args) // drawn at random
//	}
//	w.Showed(t, 5, "split", "split conflict", "weights")
type Walk struct {
	Backend plugins.Backend // configured
	Module  effect.Module
	Model   effect.Model // in the state that the system is in
	// Plain, if given, takes out of a result, which is a copy, what is no
	// difference.
	Plain func(op string, result map[string]any)
	// Late says that the system shows only after a while what has become of it.
	// Results of steps are not compared then; Agree is for that.
	Late bool
	// Seen counts ops that succeeded ("split") and that did not ("split conflict").
	Seen  map[string]int
	steps int
}

// Compared records how many ops the walk has carried out on both.
func (w *Walk) Compared(t testing.TB, backend string, on System) {
	t.Helper()
	Compared(t, backend, on, w.steps)
}

// Step carries an op out on both. Both have to succeed with the same result, or to
// fail with the same code, and are to be tried again or not. It returns how it
// ended.
func (w *Walk) Step(t testing.TB, op string, args map[string]any) *effect.Error {
	t.Helper()
	w.steps++
	real, modeled, realErr, modelErr := w.both(t, op, args)
	differ := func() {
		t.Helper()
		t.Fatalf("step %d, %s %v:\nthe backend gives %v, %v\nthe model         %v, %v", w.steps, op, args, real, realErr, modeled, modelErr)
	}
	if w.Seen == nil {
		w.Seen = map[string]int{}
	}
	switch {
	case (realErr == nil) != (modelErr == nil):
		differ()
	case realErr != nil && (realErr.Code != modelErr.Code || realErr.Retryable != modelErr.Retryable):
		differ()
	case realErr != nil:
		w.Seen[op+" "+string(realErr.Code)]++
	case !w.Late && !alike(real, modeled):
		differ()
	default:
		w.Seen[op]++
	}
	return realErr
}

// Agree waits until both answer these reads alike, and returns what they answer.
func (w *Walk) Agree(t testing.TB, what string, reads ...string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, op := range reads {
		for deadline := time.Now().Add(agreement); ; time.Sleep(2 * time.Millisecond) {
			real, modeled, realErr, modelErr := w.both(t, op, nil)
			if realErr == nil && modelErr == nil && alike(real, modeled) {
				maps.Copy(all, modeled)
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("step %d, %s, %s:\nthe backend gives %v, %v\nthe model         %v, %v", w.steps, what, op, real, realErr, modeled, modelErr)
			}
		}
	}
	return all
}

// Showed checks that each of these was seen so many times.
func (w *Walk) Showed(t testing.TB, least int, what ...string) {
	t.Helper()
	for _, one := range what {
		if w.Seen[one] < least {
			t.Errorf("%s came %d times in %d steps, wanted are %d: the walk shows too little (%v)", one, w.Seen[one], w.steps, least, w.Seen)
		}
	}
}

// both carries an op out on both.
func (w *Walk) both(t testing.TB, op string, args map[string]any) (real, modeled map[string]any, realErr, modelErr *effect.Error) {
	t.Helper()
	key := fmt.Sprint("walk-", w.steps)
	result := func(v any, err error) (map[string]any, *effect.Error) {
		m, _ := v.(map[string]any)
		if m = maps.Clone(m); w.Plain != nil && err == nil {
			w.Plain(op, m)
		}
		return m, effect.AsError(err)
	}
	real, realErr = result(w.Backend.Invoke(t.Context(), Request(t, w.Module, op, key, args)))
	m := effect.Moment{Now: time.Now(), Key: key, World: func(string) map[string]any { return nil }}
	modeled, modelErr = result(w.Model.Do(m, op, Request(t, w.Module, op, key, args).Args))
	return real, modeled, realErr, modelErr
}

// alike compares results; numbers may differ by what division leaves.
func alike(a, b any) bool {
	switch a := a.(type) {
	case float64:
		x, ok := b.(float64)
		return ok && math.Abs(a-x) < 1e-9
	case []any:
		l, ok := b.([]any)
		if !ok || len(a) != len(l) {
			return false
		}
		for i := range a {
			if !alike(a[i], l[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(a) != len(m) {
			return false
		}
		for k := range a {
			if v, there := m[k]; !there || !alike(a[k], v) {
				return false
			}
		}
		return true
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}
