package simulate

import "time"

// stateIn returns what the state of one module will be if nothing is done until
// then; w.mu is held.
func (w *World) stateIn(module string, in time.Duration) map[string]any {
	model := w.models[module]
	if model == nil {
		return nil
	}
	m := w.moment(module, "")
	m.Now = m.Now.Add(in)
	m.World = w.others(m.Now, module)
	return model.State(m)
}

// untouched returns what the state of one module would be now if the run had
// done nothing; w.mu is held.
func (w *World) untouched(module string) map[string]any {
	idle := NewWorld(w.setup)
	model := idle.models[module]
	if model == nil {
		return nil
	}
	m := idle.moment(module, "")
	m.Now = w.timeline.Now()
	m.World = idle.others(m.Now, module)
	return model.State(m)
}
