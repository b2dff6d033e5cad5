package model

import (
	"fmt"
	"reflect"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// RegisteredInTime returns the invariant that the first rollback of a run which takes
// back what a call of a module set is registered before anything that may fail comes
// behind that call: a run that fails in between takes back nothing. line is what a call
// says.
func RegisteredInTime(module string, line func(args map[string]any) string) effect.Invariant {
	return effect.Invariant{Name: "what a run sets for its own time is taken back however it ends", Doc: "what takes it back is registered before the next effect",
		End: pairs{module, line}.registeredLate}
}

// registeredLate is asked of runs that rolled back: what they took back shows what the
// rollback is for.
func (p pairs) registeredLate(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusRolledBack || !end.RollsBack {
		return ""
	}
	past := v.Past()
	var done map[effect.Place]bool // before the first registration
	for _, back := range past {
		if back.Module != p.module || !back.Place.InRollback() || back.Err != nil || !back.Class.Writes() {
			continue
		}
		if done == nil {
			done = beforeRegistered(end.Events)
		}
		var set *effect.Occurrence
		for _, e := range past {
			switch {
			case !done[e.Place]:
			case set == nil && e.Wrote() && p.resets(e, back):
				set = &e
			case set != nil && !e.Tells && e.Place != set.Place:
				return fmt.Sprintf("%s is taken back by %s, which is registered only after %s: where that fails, nothing is taken back; register it before, or as undo of the call", set, back, e)
			}
		}
	}
	return ""
}

// beforeRegistered returns the places of the effects that came before anything was
// registered for a rollback.
func beforeRegistered(events []effect.Event) map[effect.Place]bool {
	done := map[effect.Place]bool{}
	for _, ev := range events {
		switch ev.Kind {
		case effect.RollbackRegistered:
			return done
		case effect.EffectDone, effect.EffectFailed, effect.EffectResolved:
			done[ev.Place] = true
		}
	}
	return done
}

// resets reports whether a call of a rollback takes back what another one set: its
// opposite, or another value for the same address.
func (p pairs) resets(set, back effect.Occurrence) bool {
	if p.opposite(set, back) {
		return true
	}
	method := plain.Str(back.Args, "method")
	return set.Module == back.Module && set.Name == back.Name && (method == "PUT" || method == "PATCH") && set.Args["method"] == method &&
		set.Args["url"] == back.Args["url"] && !reflect.DeepEqual(set.Args, back.Args)
}
