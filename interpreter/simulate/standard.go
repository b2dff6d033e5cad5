package simulate

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// notSwallowed finds runs that succeed although a change was refused, and that
// did nothing about it: no other try, no look at what is, no word to anybody. What is
// written where nothing fails, too, is nothing that was done about it.
func notSwallowed(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	past := v.Past()
	var usual map[effect.Place]effect.Occurrence // by its place; made for the few runs that want it
	for i, e := range past {
		if e.Err == nil || e.Err.Code == effect.CodeUnknown || !e.Class.Writes() || e.Module == effect.ControlModule || e.Tells ||
			e.Place.InRollback() || warnedSince(end.Events, e.At) {
			continue
		}
		if usual == nil {
			usual = make(map[effect.Place]effect.Occurrence, len(v.Usual))
			for _, u := range v.Usual {
				usual[u.Place] = u
			}
		}
		handled := false
		for _, later := range past[i+1:] {
			asked := later.Module == effect.ControlModule && later.Name == "approve"
			handled = handled || later.Module == e.Module && later.Err == nil && !v.NextTurn(e, later) && !asUsual(usual, e, later) || later.Tells || asked
		}
		if !handled {
			return fmt.Sprintf("%s failed (%s), and the run went on and succeeded: let the error through, try something else, or tell somebody", e, e.Err.Message)
		}
	}
	return ""
}

// asUsual reports whether a call is none that answers to a failure: it writes something
// else, by another line, and is made at its place where nothing fails too.
func asUsual(usual map[effect.Place]effect.Occurrence, failed, later effect.Occurrence) bool {
	u, known := usual[later.Place]
	return known && later.Wrote() && later.Where != failed.Where && u.SameCall(later)
}

// setsWhatWas finds rollbacks that do again what the run did, which is left so: what was
// before was read only after it had been changed.
func setsWhatWas(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusRolledBack || v.Stranded {
		return ""
	}
	past := v.Past()
	for _, e := range past {
		if !e.Place.InRollback() || e.Err != nil || !e.Class.Writes() || e.Tells || e.Module == effect.ControlModule || len(e.Changes) > 0 {
			continue
		}
		var did []effect.Occurrence // what changed the same; once is what the rollback is for
		for _, f := range past {
			if f.Wrote() && f.Module == e.Module && (len(did) == 0 && f.Name == e.Name && len(f.Changes) > 0 && askAlike(f, e) || len(did) > 0 && changeAlike(did[0].Changes, f.Changes)) {
				did = append(did, f)
			}
		}
		if len(did) == 1 && changeAlike(did[0].Changes, v.Changes(e.Module)) {
			return fmt.Sprintf("%s does again what %s did, and nothing is taken back: read what is to be put back before it is changed", e, did[0])
		}
	}
	return ""
}

// askAlike reports whether two calls ask for the same, however long it may take.
func askAlike(a, b effect.Occurrence) bool {
	said := func(args map[string]any) map[string]any {
		args = maps.Clone(args)
		delete(args, "timeout")
		return args
	}
	return reflect.DeepEqual(said(a.Args), said(b.Args))
}

// changeAlike reports whether two lists have a change of the same thing.
func changeAlike(a, b []effect.Change) bool {
	return slices.ContainsFunc(a, func(c effect.Change) bool {
		return slices.ContainsFunc(b, func(d effect.Change) bool { return c.Target() == d.Target() })
	})
}

// noSlips finds runs that end by a mistake of the script on a path that only a
// fault leads to: what was to be done there, and to be told, is not. Where a fault
// left a value out, to stumble over that is to stop, and it stops.
func noSlips(v *effect.View, end effect.Ending) string {
	var slipped interface {
		error
		Slip() bool
	}
	if end.Status == effect.StatusSucceeded || !errors.As(end.Err, &slipped) || !slipped.Slip() {
		return ""
	}
	struck := false
	for _, e := range v.Past() {
		if struck = struck || e.Fault != ""; e.Fault != "" && e.Err == nil && e.Class == effect.Read {
			return ""
		}
	}
	if !struck {
		return ""
	}
	return fmt.Sprintf("the run is %s by a mistake of the script itself, where it was to deal with a failure: %s", end.Status, slipped.Error())
}

// warnedSince reports whether the run has logged a warning or an error since.
func warnedSince(events []effect.Event, at time.Time) bool {
	for _, ev := range events {
		if ev.Kind == effect.Logged && !ev.At.Before(at) && (ev.Body.Name == "warn" || ev.Body.Name == "error") {
			return true
		}
	}
	return false
}

// forGood reports whether an effect cannot be taken back. Messages are none
// that anybody has to agree to.
func forGood(e effect.Occurrence) bool {
	return e.Wrote() && e.Class == effect.Irreversible && !e.Tells
}

func isQuestion(e effect.Occurrence) bool {
	return e.Module == effect.ControlModule && e.Name == "approve"
}

// approvedFirst finds questions that come when all is done: nothing is changed
// after the last answer, and what cannot be taken back was done before the
// first.
func approvedFirst(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	var done, asked *effect.Occurrence
	for _, e := range v.Past() {
		switch {
		case isQuestion(e):
			asked = &e
		case forGood(e) && asked == nil:
			done = &e
		case e.Wrote() && !e.Tells && asked != nil:
			return ""
		}
	}
	if done == nil || asked == nil {
		return ""
	}
	return fmt.Sprintf("%s cannot be taken back, and people were asked only afterwards, at %s: a no would come too late; ask first", done, asked.Where)
}

// obeyed finds what is done after people said no, or nothing: what cannot be
// taken back, and what would have been done after a yes.
func obeyed(v *effect.View, e effect.Occurrence) string {
	if !e.Wrote() || e.Tells {
		return ""
	}
	past := v.Past()
	for i := len(past) - 1; i >= 0; i-- {
		if !isQuestion(past[i]) {
			continue
		}
		if past[i].Err == nil || !forGood(e) && !afterYes(v.Usual, past[i].Place, e) {
			return ""
		}
		what := "was done"
		if forGood(e) {
			what = "cannot be taken back"
		}
		return fmt.Sprintf("%s %s, and the answer to the question before it was: %s", e, what, past[i].Err.Message)
	}
	return ""
}

// afterYes reports whether the same call is made where people agreed at a place.
func afterYes(usual []effect.Occurrence, question effect.Place, e effect.Occurrence) bool {
	agreed := false
	for _, u := range usual {
		if agreed && u.SameCall(e) {
			return true
		}
		agreed = agreed || u.Place == question && u.Err == nil
	}
	return false
}
