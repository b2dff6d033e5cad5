package notify

import (
	"fmt"
	"regexp"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// invariants returns what has to hold of all that is told.
func invariants() []effect.Invariant {
	return []effect.Invariant{{Name: "what is announced is true", End: announcedTrue}}
}

// triumph matches what a message says when something is done.
var triumph = regexp.MustCompile(`(?i)\b(done|completed?|succe\w+|finished|live|deployed|released|restored|recovered|resolved|migrated|moved|rotated)\b|✅|✓`)

// announcedTrue finds runs that told people that all is done before it was
// seen to be: the run fails afterwards, and nobody is told that.
func announcedTrue(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusFailed && end.Status != effect.StatusRolledBack && end.Status != effect.StatusRollbackFailed {
		return ""
	}
	var told, failed *effect.Occurrence
	for _, e := range v.Past() {
		switch {
		case e.Tells && e.Err == nil:
			told, failed = &e, nil
		case e.Wrote():
			told = nil
		case told != nil && e.Err != nil && e.Class == effect.Read && !e.Place.InRollback():
			failed = &e
		}
	}
	if told == nil || failed == nil || told.Place.InRollback() || !goesOut(v.Usual, told.Place) {
		return ""
	}
	text, _ := told.Args["text"].(string)
	if !triumph.MatchString(text) {
		return ""
	}
	return fmt.Sprintf("%s said %q, then %s failed (%s), the run is %s, and nobody was told: announce what is done after the last look, or tell in a rollback",
		told, shortText(text), failed, failed.Err.Message, end.Status)
}

// goesOut reports whether a run that is not disturbed changes nothing more
// after a message: it is the last word, and not one on the way.
func goesOut(usual []effect.Occurrence, message effect.Place) bool {
	sent := usual == nil
	for _, e := range usual {
		if sent && e.Wrote() && !e.Tells {
			return false
		}
		sent = sent || e.Place == message
	}
	return true
}

func shortText(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
