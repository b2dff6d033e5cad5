package effect

// Observatory lets a runbook's own invariants look at the simulated world in
// which it is rehearsed.
type Observatory interface {
	// Observe is called before the first effect if there is anything to be held
	// against effects: from then on the world keeps its transitions.
	Observe()
	// Transitions returns what the effect at a place did to the world since it was
	// last asked, in order: nothing for one that was only replayed, several for
	// one that was carried out again.
	Transitions(p Place) []Transition
	// Broke is told of an invariant that does not hold. The place is empty at the
	// end.
	Broke(name, message string, p Place)
}

// Transition is the world before and after an effect: by module, and what is
// said of the time and of people.
type Transition struct {
	Before, After map[string]any
	Effect        Occurrence
}

// Told returns the occurrence as plain data, for scripts: { op, module, name,
// args, value, class, place, where, rollback, again, fault }.
func (e Occurrence) Told() map[string]any {
	out := map[string]any{"op": e.Module + "." + e.Name, "module": e.Module, "name": e.Name, "class": string(e.Class), "place": string(e.Place),
		"where": e.Where.String(), "rollback": e.Place.InRollback(), "again": e.Again, "args": e.Args}
	if e.Value != nil {
		out["value"] = e.Value
	}
	if e.Fault != "" {
		out["fault"] = e.Fault
	}
	return out
}
