package simulate

import (
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// declared returns the models of other modules, or of the same, in the state
// that the call says that it leaves them in; w.mu is held. Nothing is changed
// before the call has been carried out. The error is an *effect.Error.
func (w *World) declared(call effect.Call) (map[string]effect.Model, error) {
	said, _ := call.Args[call.Op.EffectsArg].([]any)
	if call.Op.EffectsArg == "" || len(said) == 0 || !call.Class.Writes() {
		return nil, nil
	}
	states := map[string]map[string]any{}
	for _, v := range said {
		text, _ := v.(string)
		path, value, err := effect.ParseDeclared(text)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: %v", call.Op.EffectsArg, err)
		}
		put(states, path, value)
	}
	models := map[string]effect.Model{}
	for _, name := range slices.Sorted(maps.Keys(states)) {
		model := w.models[name]
		if model == nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: there is no module %q with a model", call.Op.EffectsArg, name).
				WithHint("known: %v", slices.Sorted(maps.Keys(w.models)))
		}
		model = model.Clone()
		state := states[name]
		if w.setup.Catalog != nil {
			if m, _ := w.setup.Catalog.Module(name); m.Scenario.Declared() {
				checked, err := m.Scenario.Check(state)
				if err != nil {
					return nil, effect.Errorf(effect.CodeInvalid, "%s: %s: %v", call.Op.EffectsArg, name, err).WithHint("say it as a scenario says it: runbook docs %s", name)
				}
				state = checked
			}
		}
		if err := model.Load(state); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: %s: %v", call.Op.EffectsArg, name, err).WithHint("say it as a scenario says it: runbook docs %s", name)
		}
		models[name] = model
	}
	return models, nil
}

// put sets a value in nested tables.
func put(states map[string]map[string]any, path []string, value any) {
	into := states[path[0]]
	if into == nil {
		into = map[string]any{}
		states[path[0]] = into
	}
	for _, name := range path[1 : len(path)-1] {
		next, _ := into[name].(map[string]any)
		if next == nil {
			next = map[string]any{}
			into[name] = next
		}
		into = next
	}
	into[path[len(path)-1]] = value
}

// take puts declared models in the place of those that are, and returns what
// changed by it; w.mu is held.
func (w *World) take(models map[string]effect.Model) []effect.Change {
	var list []effect.Change
	for _, name := range slices.Sorted(maps.Keys(models)) {
		before := w.stateOf(name)
		w.models[name], w.changed[name] = models[name], true
		list = append(list, w.changes(name, before, w.stateOf(name))...)
	}
	return list
}
