package exec

import (
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of every command.
func invariants() []effect.Invariant {
	return []effect.Invariant{
		{Name: "a command that may run twice says what is to be, not what is to be added", After: absolute},
		model.TakenBack("exec", model.Command),
		model.RegisteredInTime("exec", model.Command),
		model.StartedLast("exec", model.Command),
		model.Destroys("exec", model.Command),
		model.Emptied("exec", model.Command),
		model.RightUnit("exec", model.Command),
		model.PaidOnce("exec", model.Command),
		model.Upgraded("exec"),
		model.MirroredWhole("exec"),
		model.MadeFirst("exec"),
		model.FillsUp("exec", model.Command),
		model.NameMissing("exec"),
	}
}

// relative matches what reads as a change by an amount, among the words of a
// command: an option that adds, with a number, or a number with a plus.
var relative = lazyregexp.New(`(?i)(^|\s)--?(add|by|delta|inc|incr|increase|increment|dec|decr|decrease|decrement|grow|shrink|scale-by)[ =][+-]?\d+\S*(\s|$)` +
	`|(^|[\s=])\+\d+[%a-z]*(\s|$)`)

// atLeast matches a number with a plus that says from where on, or more than what: of
// find -mtime +7, and of tail -n +2.
var atLeast = lazyregexp.New(`(?i)\s-([acm](time|min)|size|links|used)\s+\+\d+\S*|\btail\s+(-[nc]\s*)?\+\d+`)

// appending matches what a shell's line adds to a file.
var appending = lazyregexp.New(`[^>]>>[^>]|\btee\s+(-a|--append)\b`)

// absolute finds commands that ran twice and read as if the second time would
// add once more. What a scenario says that they do is held elsewhere.
func absolute(_ *effect.View, e effect.Occurrence) string {
	if e.Module != "exec" || !e.Again || !e.Opaque {
		return ""
	}
	line := model.Command(e.Args)
	adds := strings.TrimSpace(relative.FindString(atLeast.ReplaceAllString(line, "")))
	if _, shell := e.Args["shell"]; shell && adds == "" {
		adds = strings.TrimSpace(appending.FindString(line))
	}
	if adds == "" || mentionsKey(e.Args) {
		return ""
	}
	return fmt.Sprintf("%s ran twice: %s, and %q reads as if it adds each time; say what is to be instead, let the program know a repetition by RUNBOOK_KEY, "+
		"or leave recovery at \"ask\"", e, line, adds)
}

// mentionsKey reports whether the command is given the key by which it can know
// a repetition.
func mentionsKey(args map[string]any) bool {
	text := model.Command(args)
	for _, v := range plain.Table(args, "env") {
		if s, ok := v.(string); ok {
			text += " " + s
		}
	}
	return strings.Contains(text, "RUNBOOK_KEY")
}
