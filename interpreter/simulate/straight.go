package simulate

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Straight reports whether reads inside a place may be carried out on the world
// itself, by Read: no fault is left that could strike them, and nothing asks to be
// told of each effect.
func (in *Injector) Straight(inside effect.Place) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for place := range in.left {
		if place.Within(inside) {
			return false
		}
	}
	w := in.world
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(in.outages) == 0 && w.previous == nil && w.transitions == nil && w.looked == nil && len(w.delayed) == 0 &&
		w.setup.Live == nil
}

// Read carries out a read of a modeled module while no script runs beside it: what
// Do does, but that the clock is put forward rather than waited for. It returns what
// the world saw; false if it cannot be done like that.
func (w *World) Read(ctx context.Context, call effect.Call) (Entry, bool) {
	model := w.models[call.Op.Module]
	if model == nil || call.Class != effect.Read || w.pay(call) != nil {
		return Entry{}, false
	}
	took := w.takes(call)
	if took > call.Op.TimeoutFor(call.Args) {
		return Entry{}, false
	}
	call.Began = w.timeline.Now()
	basis := w.basisOf(model, call, false)
	w.timeline.Skip(took)
	_, _ = w.apply(model, call, basis)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.entries[len(w.entries)-1], true
}

// Save keeps what reads of some modules change, and returns what puts it back.
func (w *World) Save(modules []string) (restore func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := map[string]effect.Model{}
	for _, name := range modules {
		if model := w.models[name]; model != nil {
			was[name] = model.Clone()
		}
	}
	now, passed, entries, effects := w.timeline.Now(), w.passed, len(w.entries), len(w.effects)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for name, model := range was {
			w.models[name] = model
		}
		for _, call := range w.effects[effects:] {
			delete(w.seen, call.Place)
		}
		w.timeline.Skip(now.Sub(w.timeline.Now()))
		w.passed, w.entries, w.effects = passed, w.entries[:entries], w.effects[:effects]
	}
}
