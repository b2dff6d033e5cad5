package simulate

import "github.com/q-ecosystem/runbook/interpreter/effect"

// prior is a module as it was before the last change that a rollback made.
type prior struct {
	module string
	model  effect.Model
}

// keepPrior keeps a model before a call changes it, if it is one of a rollback;
// w.mu is held.
func (w *World) keepPrior(call effect.Call, model effect.Model) {
	w.prior = prior{}
	if call.Place.InRollback() {
		w.prior = prior{call.Op.Module, model.Clone()}
	}
}

// priorOf returns the state that a module had before the last change of a rollback;
// nil if there was none; w.mu is held.
func (w *World) priorOf(module string) map[string]any {
	if w.prior.model == nil {
		return nil
	}
	now := w.models[w.prior.module]
	w.models[w.prior.module] = w.prior.model
	defer func() { w.models[w.prior.module] = now }()
	return w.stateOf(module)
}
