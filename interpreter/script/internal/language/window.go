package language

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// WindowUsage is how window{} is written.
const WindowUsage = `window { open = { "Sun 02:00-04:00 UTC" }, needs = "90m" }`

// WindowFields declares the named arguments of window{}.
func WindowFields() []effect.Field {
	text := func(name, doc string) effect.Field { return effect.Field{Name: name, Type: effect.String, Doc: doc} }
	required := func(f effect.Field) effect.Field { f.Required = true; return f }
	return []effect.Field{
		{Name: "open", Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String},
			Doc: "when changes may be made: " + window.Example},
		{Name: "calendar", Type: effect.String, Min: effect.Bound(1), Doc: "a calendar of the configuration that says so, in the place of open and freezes"},
		{Name: "needs", Type: effect.Duration, Min: effect.Bound(0), Doc: "how long it has to stay open from now on"},
		{Name: "freezes", Type: effect.List, Doc: "when they may not, whatever open says", Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			required(text("from", `"2026-12-20" or "2026-12-20 18:00"`)),
			required(text("to", "its end; all of the day if it is a date")),
			text("zone", `"Europe/Berlin"; UTC if left out`),
			required(text("reason", "why, for people"))}}},
		{Name: "outside", Type: effect.Enum, Enum: []string{"refuse", "wait", "ask"}, Default: "refuse",
			Doc: "what to do outside: end with an error, wait until it opens, or ask whether to go on as an emergency change"},
		{Name: "closed", Type: effect.Enum, Enum: []string{"go on", "refuse", "wait", "ask"}, Default: "go on",
			Doc: "what a step does that begins after the window has closed: nothing, end with an error, wait until it opens again, or ask whether to go on"},
		{Name: "by", Type: effect.List, Elem: &effect.Field{Type: effect.String}, Doc: `who may agree to an emergency change, or to going on; anyone if left out. What emergency of the calendar says counts in the place of this and the next three`},
		{Name: "count", Type: effect.Int, Min: effect.Bound(1), Doc: "how many have to agree; 1 if left out"},
		{Name: "separate", Type: effect.Bool, Doc: "whether those who started or resumed the run may not answer"},
		{Name: "timeout", Type: effect.Duration, Doc: "how long the question stands; 7d if left out"},
		text("title", "the question whether to begin outside"),
		text("detail", "what the people asked should know, the rollback plan for example"),
	}
}

// Calendar returns what checked arguments of window{} say. The error is a
// *effect.FieldError.
func Calendar(values map[string]any) (window.Calendar, error) {
	var c window.Calendar
	open, listed := values["open"].([]any)
	switch name, _ := values["calendar"].(string); {
	case name == "" && !listed:
		return c, &effect.FieldError{Path: "open", Problem: "is required, or calendar = \"NAME\", one of the configuration"}
	case name != "" && listed:
		return c, &effect.FieldError{Path: "open", Problem: "the calendar says when it is open; leave one of the two out"}
	case name != "" && values["freezes"] != nil:
		return c, &effect.FieldError{Path: "freezes", Problem: "the calendar says what is frozen; write it there"}
	}
	for i, v := range open {
		text, _ := v.(string)
		w, err := window.Parse(text)
		if err != nil {
			return c, &effect.FieldError{Path: fmt.Sprintf("open[%d]", i+1), Problem: err.Error()}
		}
		c.Windows = append(c.Windows, w)
	}
	freezes, _ := values["freezes"].([]any)
	for i, v := range freezes {
		f, _ := v.(map[string]any)
		text := func(key string) string { s, _ := f[key].(string); return s }
		span, err := window.Freeze(text("from"), text("to"), text("zone"), text("reason"))
		if err != nil {
			return c, &effect.FieldError{Path: fmt.Sprintf("freezes[%d]", i+1), Problem: err.Error()}
		}
		c.Freezes = append(c.Freezes, span)
	}
	outside, closed := values["outside"] == "ask", values["closed"] == "ask"
	for _, key := range []string{"by", "count", "separate", "timeout", "title", "detail"} {
		switch _, given := values[key]; {
		case given && key == "title" && !outside:
			return c, &effect.FieldError{Path: key, Problem: "goes with outside = \"ask\""}
		case given && !outside && !closed:
			return c, &effect.FieldError{Path: key, Problem: "goes with outside = \"ask\" or closed = \"ask\""}
		}
	}
	if fault := effect.ApprovalFault(values); fault != "" {
		return c, &effect.FieldError{Path: "by", Problem: "nobody can agree: " + fault}
	}
	return c, nil
}
