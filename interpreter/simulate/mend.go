package simulate

import (
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// turn is what is known of a part that turned bad.
type turn struct {
	module  string
	changed []effect.Change // by the run, until then
}

// turnedBad notes what the run had changed when a part turned bad: it is taken to be
// why. In a rollback nothing is left to go back to; w.mu is held.
func (w *World) turnedBad(part string, call effect.Call) {
	delete(w.turned, part)
	if call.Place.InRollback() {
		return
	}
	if w.turned == nil {
		w.turned = map[string]turn{}
	}
	w.turned[part] = turn{call.Op.Module, w.changedBeside(call.Op.Module)}
}

// mend lets parts be well again of which a rollback has put back what the run had
// changed; w.mu is held.
func (w *World) mend(e Entry) {
	if len(w.turned) == 0 || !e.Place.InRollback() || e.Err != nil || !e.Class.Writes() {
		return
	}
	for part, turn := range w.turned {
		mender, can := w.models[turn.module].(effect.Mender)
		if can && w.putBack(part, turn, func(c effect.Change) bool { return mender.Blames(part, c) }) {
			mender.Mend(part)
			delete(w.turned, part)
		}
	}
}

// putBack reports whether what a part was in the beginning is back. Where the
// world tells of things with the part's name, such as the release of an
// environment, nothing of these may be left as the run made it; what the rollback
// changed itself may be otherwise than it was, such as the version before, and what
// had not been there before may stay beside what has been put back. What a part
// depends on otherwise, as on a file, nobody can tell: it is enough that something is
// back that was otherwise, or set anew where nobody said what it was, or that something
// was done of which nobody says what it changes, as the run had. Changes that cannot be
// why do not count.
func (w *World) putBack(part string, turn turn, blamed func(effect.Change) bool) bool {
	now := w.changedBeside(turn.module)
	differs := func(c effect.Change) bool {
		return slices.ContainsFunc(now, func(n effect.Change) bool { return n.Target() == c.Target() })
	}
	named := slices.DeleteFunc(slices.Clone(turn.changed), func(c effect.Change) bool { return !isOf(part, c) || !blamed(c) })
	if len(named) == 0 {
		touched := w.touched()
		return w.untoldBack() || slices.ContainsFunc(turn.changed, func(c effect.Change) bool {
			return c.From != nil && !differs(c) || c.From == nil && touched[c.Target()]
		})
	}
	touched := w.touched()
	old := slices.ContainsFunc(named, func(c effect.Change) bool { return c.From != nil && !differs(c) })
	left := slices.ContainsFunc(now, func(c effect.Change) bool {
		return isOf(part, c) && blamed(c) && !touched[c.Target()] && (c.From != nil || !old)
	})
	return !left && slices.ContainsFunc(named, func(c effect.Change) bool { return !differs(c) })
}

// touched returns what a rollback has changed; w.mu is held.
func (w *World) touched() map[string]bool {
	list := map[string]bool{}
	for _, e := range w.entries {
		if e.Place.InRollback() {
			for _, c := range e.Changes {
				list[c.Target()] = true
			}
		}
	}
	return list
}

// untoldBack reports whether a rollback did something that changed nothing the world
// knows of, by a module by which the run had done so before: ./deploy.sh v1 after
// ./deploy.sh v2. What only tells people puts nothing back; w.mu is held.
func (w *World) untoldBack() bool {
	did := map[string]bool{} // by the run, by module
	for _, e := range w.done() {
		switch {
		case !e.Class.Writes() || e.Err != nil || len(e.Changes) > 0 || e.Tells || e.Module == effect.ControlModule:
		case e.Place.InRollback() && did[e.Module]:
			return true
		default:
			did[e.Module] = did[e.Module] || !e.Place.InRollback()
		}
	}
	return false
}

// isOf reports whether a change is one of a thing with the part's name.
func isOf(part string, c effect.Change) bool {
	return slices.Contains(c.Path[:len(c.Path)-1], part)
}

// changedBeside returns what is otherwise than in the beginning, one module left
// out; w.mu is held.
func (w *World) changedBeside(module string) []effect.Change {
	var list []effect.Change
	for name := range w.models {
		if name == module {
			continue
		}
		was, _ := w.start[name].(map[string]any)
		list = append(list, w.changes(name, was, w.stateOf(name))...)
	}
	return list
}
