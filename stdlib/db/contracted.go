package db

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

var (
	// takesColumn matches a statement that takes a column, a table or its name away.
	takesColumn = lazyregexp.New(`(?i)\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?([\w".]+)\s+(?:.*,\s*)?(drop\s+(?:column\s+)?(?:if\s+exists\s+)?["\w]+|rename\s+(?:column\s+)?(?:["\w]+\s+)?to\b)|\bdrop\s+(?:table|view)\s+(?:if\s+exists\s+)?([\w".]+)`)
	// noColumn matches what else a table may lose, which no query names.
	noColumn = lazyregexp.New(`(?i)\bdrop\s+(constraint|index|key|primary|foreign|check|partition|default|not|identity|expression)\b`)
	// aside matches the name of a table that nothing in service uses.
	aside = regexp.MustCompile(`(?i)(^|[_.])(te?mp|old|bak|backup|copy|archive|shadow|new|unused|deprecated)([_.]|\d|$)`)
)

// contractedEarly finds columns and tables that are taken away, or renamed, before the
// version that does without them serves: until then each query of the one that serves
// fails. Where something was stopped or traffic was moved before, nobody is served.
func contractedEarly(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	var gone *effect.Occurrence
	for _, e := range v.Past() {
		switch {
		case !e.Wrote():
		case gone == nil && (e.Module == "traffic" || model.Stops(e)):
			return ""
		case gone == nil && takesAwayOf(e):
			gone = &e
		case e.Module == "deploy" && slices.ContainsFunc(e.Changes, func(c effect.Change) bool {
			from, _ := c.From.(string)
			return c.Path[len(c.Path)-1] == "serving" && from != "" && c.To != nil
		}):
			if gone == nil {
				return ""
			}
			return fmt.Sprintf("%s takes away what the version that serves may use, and only then does %s bring the one into service that does without: every query of it fails meanwhile, and there is no way back; release first, see that it is well, and take it away then",
				gone, e)
		}
	}
	return ""
}

// contractedUnasked finds migrations of a later step that an earlier one had made already,
// for it named no version: db.migrate runs all that wait then, also those that are to
// come once nothing uses what they take away.
func contractedUnasked(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded || v.Usual != nil {
		return ""
	}
	migrated := func(e effect.Occurrence) bool { return e.Module == "db" && e.Name == "migrate" && e.Wrote() }
	past := v.Past()
	for i, e := range past {
		to, given := e.Args["to"].(float64)
		if !migrated(e) || !given || len(e.Changes) > 0 {
			continue
		}
		for _, p := range past[:i] {
			value, _ := p.Value.(map[string]any)
			if migrated(p) && p.Args["to"] == nil && p.Where != e.Where && plain.Str(p.Args, "db") == plain.Str(e.Args, "db") &&
				plain.Num(value, "from") < to && plain.Num(value, "to") >= to {
				return fmt.Sprintf("%s finds nothing left to do: %s names no version, and had run all migrations that wait, to %.0f, ahead of all that comes between; name the version there, too",
					e, p, plain.Num(value, "to"))
			}
		}
	}
	return ""
}

// takesAwayOf reports whether a call takes a column or a table away.
func takesAwayOf(e effect.Occurrence) bool {
	said := ""
	switch {
	case e.Module == "db" && e.Name == "exec":
		said = plain.Str(e.Args, "sql")
	case e.Module == "exec", e.Module == "hosts" && e.Name == "run":
		said = model.Command(e.Args)
	}
	m := takesColumn.FindStringSubmatch(said)
	return m != nil && !noColumn.MatchString(m[0]) && !aside.MatchString(bare(m[1]+m[3]))
}
