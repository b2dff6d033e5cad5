package model

import (
	"fmt"
	"reflect"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// KeptFirst returns the invariant that a change to data before which a run makes a
// copy is not made where the copy failed: the way back that it counts on is not
// there. Who asks people something else then, has told them.
func KeptFirst() effect.Invariant {
	return effect.Invariant{Name: "what a run keeps a copy of is not changed without it", After: func(v *effect.View, e effect.Occurrence) string {
		if !e.Wrote() || !changesData(e) {
			return ""
		}
		for _, usual := range v.Usual {
			if usual.Place == e.Place {
				break
			}
			if !usual.Wrote() || !kept(usual) || usual.Name == "restore" {
				continue
			}
			if failed := missing(v, usual); failed != nil {
				return fmt.Sprintf("%s changes data, and the copy that comes before it failed, at %s (%s): let the error through, for there is no way back", e, failed.Where, failed.Err.Message)
			}
		}
		return ""
	}}
}

// changesData reports whether an effect does to data what only a copy takes back.
func changesData(e effect.Occurrence) bool {
	switch e.Module {
	case "db":
		return e.Name == "exec" || e.Name == "migrate" || e.Name == "swap"
	case "exec", "hosts":
		return Destroyed(Command(e.Args)) != ""
	}
	return false
}

// missing returns the failure of a copy that is made where nothing fails; nil if it
// was made after all, or people were told.
func missing(v *effect.View, usual effect.Occurrence) *effect.Occurrence {
	var failed *effect.Occurrence
	for _, p := range v.Past() {
		switch {
		case p.Module == usual.Module && p.Name == usual.Name && p.Where == usual.Where && p.Err != nil:
			failed = &p
		case p.Err == nil && p.Class.Writes() && kept(p):
			failed = nil
		case failed != nil && agreed(p) && p.Err == nil && !askedAlike(v.Usual, p):
			failed = nil
		}
	}
	return failed
}

// askedAlike reports whether people are asked the same where nothing fails.
func askedAlike(usual []effect.Occurrence, question effect.Occurrence) bool {
	for _, u := range usual {
		if agreed(u) && u.Where == question.Where && reflect.DeepEqual(u.Args, question.Args) {
			return true
		}
	}
	return false
}
