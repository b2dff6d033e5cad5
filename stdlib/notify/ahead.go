package notify

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// claim matches a message that says of something as a whole that it is over.
	claim = lazyregexp.New(`(?i)\b(is|are|has been|have been|was|were)\s+(now\s+)?(live|out|up|online|active|activated|shipped|rolled out|failed over|done|complete[d]?|finished|resolved|restored|recovered|migrated|deployed|released|promoted|upgraded|rotated|switched|decommissioned|removed|deleted|closed)\b` +
		`|\b(completed?|done|finished|resolved|deployed|released|migrated|restored|successful(ly)?|succeeded)\s*[.!]*\s*$|\ball clear\b|✅|✓`)
	// onTheWay matches one about a step on the way, or about what is to come.
	onTheWay = lazyregexp.New(`(?i)\b(will|shall|being|about to|going to|want|start(s|ed|ing)?|begin(s|ning)?|began|next|soon|plan(s|ned)?|if|when|once|until|before|after|ready|backups?|snapshots?|dumps?|cop(y|ies)|check(s|ed)?|pre-?flight|canary|step|phase|stage|wave|batch|drain(ed)?|\d+ of \d+|\d+/\d+)\b|\d%` +
		`|\b(switch|mov|continu|go|roll|drain|wait|restor|deploy|proceed|cutt?|watch|run|clean|migrat|remov|releas|upgrad|patch|test|measur|look)ing\b`)
)

// announcedAhead finds messages that say that something is done, of a run that has
// done nothing until then and does it afterwards; or that has more to do, of which
// something fails, and nobody is told.
func announcedAhead(v *effect.View, _ effect.Ending) string {
	var told *effect.Occurrence
	began := false
	for _, e := range v.Past() {
		text := textOf(e)
		switch {
		case e.Place.InRollback():
			return ""
		case e.Tells && e.Err == nil:
			told = nil
			if claim.MatchString(text) && !onTheWay.MatchString(text) && !alarming.MatchString(text) && !began {
				told = &e
			}
		case e.Wrote() && !e.Tells && told != nil:
			return fmt.Sprintf("%s said %q, and the run had changed nothing until then: %s, which does it, comes after; announce what is done once it is done, and seen to be",
				told, shortText(textOf(*told)), e)
		case e.Wrote() && !e.Tells:
			began = true
		}
	}
	return ""
}

// announcedFailed finds runs that said that all is done with a change still to come,
// which fails, and tell nobody.
func announcedFailed(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusFailed && end.Status != effect.StatusRolledBack && end.Status != effect.StatusRollbackFailed {
		return ""
	}
	var told, failed *effect.Occurrence
	for _, e := range v.Past() {
		switch {
		case e.Tells:
			told, failed = nil, nil
			if text := textOf(e); e.Err == nil && !e.Place.InRollback() && claim.MatchString(text) && !onTheWay.MatchString(text) && !alarming.MatchString(text) {
				told = &e
			}
		case told != nil && failed == nil && e.Err != nil && e.Err.Code != effect.CodeUnknown && e.Class.Writes() && e.Module != effect.ControlModule && !e.Place.InRollback():
			failed = &e
		}
	}
	if told == nil || failed == nil || end.Status == effect.StatusFailed && ofAnother(v.Past(), *told, *failed) {
		return ""
	}
	return fmt.Sprintf("%s said %q, then %s failed (%s), the run is %s, and nobody was told: announce what is done when it is done, or tell in a rollback",
		told, shortText(textOf(*told)), failed, failed.Err.Message, end.Status)
}

// ofAnother reports whether a message names a place that a change before it was about, and
// what failed is not: of that place it stays true, as long as nothing is taken back.
func ofAnother(past []effect.Occurrence, told, failed effect.Occurrence) bool {
	words := strings.FieldsFunc(textOf(told), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(".,:;!()'\"", r) })
	for _, e := range past {
		if e.Place == told.Place {
			break
		}
		for _, at := range []string{"env", "region", "server", "node", "db", "pool"} {
			if name := plain.Str(e.Args, at); name != "" && e.Wrote() && slices.Contains(words, name) && plain.Str(failed.Args, at) != "" && plain.Str(failed.Args, at) != name {
				return true
			}
		}
	}
	return false
}

func textOf(e effect.Occurrence) string {
	text, _ := e.Args["text"].(string)
	return text
}
