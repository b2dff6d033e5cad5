package notify

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of all that is told.
func invariants() []effect.Invariant {
	const name = "what is announced is true"
	return []effect.Invariant{{Name: name, Doc: "what is told to be done was looked at before", End: announcedTrue},
		{Name: name, Doc: "what failed before is told as well", End: announcedWhole},
		{Name: name, Doc: "nothing is told to be done before the run has changed anything", End: announcedAhead},
		{Name: name, Doc: "nothing is told to be done with a change still to come that fails", End: announcedFailed},
		{Name: "somebody comes who is called", End: someoneComes},
		{Name: "a status page says how it is", After: wholeWhenResolved, End: closedInTheEnd},
		{Name: "a status page says how it is", Doc: "nothing is resolved, in a rollback neither, while what the run found ill is so, and nothing else was looked at since", After: resolvedWhileIll}}
}

// triumph matches what a message says when something is done.
var triumph = lazyregexp.New(`(?i)\b(done|completed?|succe\w+|finished|live|deployed|released|restored|recovered|resolved|migrated|moved|rotated)\b|✅|✓`)

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
	if !triumph.MatchString(text) && told.Args["status"] != resolved && !lastWord(v.Usual, *told) {
		return ""
	}
	if text == "" {
		text = "resolved"
	}
	return fmt.Sprintf("%s said %q, then %s failed (%s), the run is %s, and nobody was told: announce what is done after the last look, or tell in a rollback",
		told, shortText(text), failed, failed.Err.Message, end.Status)
}

// alarming matches what a message says when not all went well.
var alarming = lazyregexp.New(`(?i)\bnot?\b|fail|error|unable|could|cannot|except|partial|but\b|warn|attention|problem|roll|revert|skipped|still`)

// announcedWhole finds runs that tell people that all is done although a change
// failed before, and nothing was done about it. Of commands and requests a
// warning in the run's log is enough: they may be made on a chance.
func announcedWhole(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	warned := slices.ContainsFunc(end.Events, func(ev effect.Event) bool {
		return ev.Kind == effect.Logged && (ev.Body.Name == "warn" || ev.Body.Name == "error")
	})
	var failed []effect.Occurrence
	for _, e := range v.Past() {
		text, _ := e.Args["text"].(string)
		switch {
		case e.Tells && e.Err == nil && alarming.MatchString(text):
			return ""
		case e.Tells && e.Err == nil && len(failed) > 0 && (triumph.MatchString(text) || asEver(v.Usual, e)):
			return fmt.Sprintf("%s said %q, although %s had failed (%s) and nothing was done about it: let the error through, or say what is not done",
				e, shortText(text), failed[0], failed[0].Err.Message)
		case e.Tells || e.Module == effect.ControlModule || e.Place.InRollback():
		case e.Err == nil: // another try, another way, or a look at what is
			failed = slices.DeleteFunc(failed, func(f effect.Occurrence) bool {
				return f.Module == e.Module && !v.NextTurn(f, e)
			})
		case e.Class.Writes() && e.Err.Code != effect.CodeUnknown && !(warned && (e.Module == "exec" || e.Module == "http")):
			failed = append(failed, e)
		}
	}
	return ""
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

// lastWord reports whether a message is the last one of a run that is not disturbed,
// and does not read as if another one came.
func lastWord(usual []effect.Occurrence, message effect.Occurrence) bool {
	text, last := textOf(message), effect.Place("")
	for _, e := range usual {
		if e.Tells {
			last = e.Place
		}
	}
	return last == message.Place && text != "" && !onTheWay.MatchString(text) && !alarming.MatchString(text)
}

// asEver reports whether a run says as its last word what it says where nothing fails.
// Places differ where something was passed over.
func asEver(usual []effect.Occurrence, message effect.Occurrence) bool {
	for _, e := range usual {
		if e.Tells && e.Where == message.Where && textOf(e) == textOf(message) {
			return lastWord(usual, e)
		}
	}
	return false
}

func shortText(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// someoneComes finds runs that call somebody, and succeed although nobody came.
func someoneComes(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	pages := plain.Table(v.State("notify"), "pages")
	for _, key := range plain.SortedNames(pages) { // one who comes is enough
		if plain.Str(plain.Table(pages, key), "status") != "triggered" {
			return ""
		}
	}
	for _, e := range v.Past() {
		value, _ := e.Value.(map[string]any)
		page := plain.Table(pages, plain.Str(value, "key"))
		urgent := plain.Str(page, "severity") == "critical" || plain.Str(page, "severity") == "error"
		if e.Module == "notify" && e.Name == "page" && e.Err == nil && urgent && page["never"] == true {
			return fmt.Sprintf("%s called %s, nobody took it on, and the run went on and succeeded: let notify.escalate call the next one, and fail where nobody comes", e, plain.Str(page, "to"))
		}
	}
	return ""
}
