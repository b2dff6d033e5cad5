package simulate

import (
	"context"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// delayed is a change whose answer was lost before it happened.
type delayed struct {
	due   time.Time
	call  effect.Call
	basis Basis
}

// delay loses the answer to a change that happens later.
func (w *World) delay(ctx context.Context, call effect.Call) error {
	if w.models[call.Op.Module] != nil {
		w.mu.Lock()
		w.delayed = append(w.delayed, delayed{w.timeline.Now().Add(lateBy), call, Basis{Fact: Modeled}})
		w.mu.Unlock()
	}
	if err := w.pass(ctx, call); err != nil {
		return err
	}
	return effect.Errorf(effect.CodeUnknown, "no answer, by the schedule")
}

// Settle lets everything happen that is still to happen: the run has ended.
func (w *World) Settle() { w.overtake(true) }

// overtake lets those delayed changes happen that are due: all of them, with
// whatever. One that was sent again meanwhile, to a system that knows it by its
// key, is not made twice.
func (w *World) overtake(whatever bool) {
	w.mu.Lock()
	now := w.timeline.Now()
	var due []delayed
	w.delayed = slices.DeleteFunc(w.delayed, func(d delayed) bool {
		if !whatever && now.Before(d.due) {
			return false
		}
		due = append(due, d)
		return true
	})
	w.mu.Unlock()
	for _, d := range due {
		w.mu.Lock()
		_, done := w.applied[d.call.Key]
		model := w.models[d.call.Op.Module]
		w.mu.Unlock()
		if done && d.call.Recovery == effect.Retry || !w.would(model, d.call) {
			continue // nobody hears that it failed
		}
		_, _ = w.apply(model, d.call, d.basis)
	}
}

// would reports whether the call would succeed now.
func (w *World) would(model effect.Model, call effect.Call) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := model.Clone().Do(w.moment(call.Op.Module, call.Key), call.Op.Name, call.Args)
	return err == nil
}

// remember prepares for faults that need to know what was before.
func (w *World) remember(s Schedule) {
	if slices.ContainsFunc(s, func(f Fault) bool { return f.Kind == Stale }) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.previous = map[string]effect.Model{}
	}
}

// stale answers a read from before the last change of its module.
func (w *World) stale(ctx context.Context, call effect.Call) (effect.Result, error) {
	w.mu.Lock()
	model := w.previous[call.Op.Module]
	if model == nil {
		model = w.models[call.Op.Module]
	}
	w.mu.Unlock()
	if model == nil {
		return w.Do(ctx, call)
	}
	if err := w.pass(ctx, call); err != nil {
		return effect.Result{}, err
	}
	return w.apply(model, call, Basis{Fact: Modeled})
}
