package db

import (
	"fmt"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// wentLive returns the restores whose copy a run puts live, each with the swap.
func wentLive(past []effect.Occurrence) [][2]int {
	var list [][2]int
	for i, e := range past {
		if e.Module != "db" || e.Name != "swap" || !e.Wrote() {
			continue
		}
		for j := i - 1; j >= 0; j-- {
			if r := past[j]; r.Module == "db" && r.Name == "restore" && r.Wrote() && r.Args["copy"] == e.Args["copy"] && plain.Str(r.Args, "db") == plain.Str(e.Args, "db") {
				list = append(list, [2]int{j, i})
				break
			}
		}
	}
	return list
}

// toTheEnd reports whether a restore is of all that there is: of no moment, and of no
// backup that somebody chose.
func toTheEnd(restore effect.Occurrence) bool {
	return restore.Args["time"] == nil && restore.Args["backup"] == nil
}

// notOfData matches parameters whose moments are of something else than data.
var notOfData = lazyregexp.New(`(?i)until|deadline|expir|freeze|window|schedul|keep|retain`)

// momentPassedOver finds copies that go live with all that there is, in a run that was
// started with a moment, and takes nothing as of then.
func momentPassedOver(v *effect.View, end effect.Ending) string {
	past := v.Past()
	live := wentLive(past)
	if len(live) == 0 {
		return ""
	}
	for _, name := range plain.SortedNames(end.Params) {
		moment, err := ParseTime(end.Params[name])
		if _, text := end.Params[name].(string); !text || err != nil || notOfData.MatchString(name) {
			continue
		}
		for _, l := range live {
			restored := past[l[0]]
			value, _ := restored.Value.(map[string]any)
			if of, err := ParseTime(value["time"]); err == nil && toTheEnd(restored) && of.Sub(moment) > time.Second {
				return fmt.Sprintf("%s restores all up to %s, %s puts it live, and whoever started the run named another moment, %s (the parameter %s): what was to be left out comes back; pass it as time",
					restored, of.Format(time.RFC3339), past[l[1]], moment.Format(time.RFC3339), name)
			}
		}
	}
	return ""
}

// ofTheLoss matches what is said of writes that a copy lacks.
var ofTheLoss = lazyregexp.New(`(?i)\blos[est]|\bsince\b|\bgone\b|\bmeanwhile\b|\bnewer\b`)

// writtenSince finds copies of all that there is that go live although what writes was
// stopped only after they were made: what it wrote in between is in none of them.
func writtenSince(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded || v.Usual != nil {
		return ""
	}
	past := v.Past()
	for _, l := range wentLive(past) {
		between := past[l[0]+1 : l[1]]
		if !toTheEnd(past[l[0]]) || slices.ContainsFunc(between, func(q effect.Occurrence) bool {
			return q.Module == effect.ControlModule && ofTheLoss.MatchString(plain.Text(q.Args))
		}) {
			continue
		}
		for _, s := range between {
			if stopsWriter(s) && slices.ContainsFunc(past[l[1]:], func(e effect.Occurrence) bool { return startsAgain(s, e) }) {
				return fmt.Sprintf("%s makes a copy, and %s stops what writes only then: what it wrote in between is lost once %s puts the copy live; stop it first",
					past[l[0]], s, past[l[1]])
			}
		}
	}
	return ""
}

// stopsWriter reports whether a call stops what may write to a database.
func stopsWriter(e effect.Occurrence) bool {
	switch {
	case !e.Wrote() || !model.Stops(e):
	case e.Module == "deploy" && e.Name == "scale":
		return len(e.Changes) > 0
	case e.Module == "hosts" && e.Name == "service":
		return e.Args["action"] == "stop" && !stores.MatchString(plain.Str(e.Args, "name"))
	}
	return false
}

// startsAgain reports whether a call starts what another one stopped.
func startsAgain(stopped, e effect.Occurrence) bool {
	if e.Module != stopped.Module || e.Name != stopped.Name || !e.Wrote() || model.Stops(e) {
		return false
	}
	for _, of := range []string{"env", "region", "name"} {
		if plain.Str(e.Args, of) != plain.Str(stopped.Args, of) {
			return false
		}
	}
	return true
}
