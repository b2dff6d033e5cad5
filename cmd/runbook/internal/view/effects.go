package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// longest bounds an effect's arguments in a line, in columns, where no
// terminal sets a narrower bound. A whole script may be among them.
const longest = 160

// intended prints what is worth a line before its outcome is known.
func (t *Tree) intended(ev effect.Event) []string {
	t.intents[ev.Place] = ev
	t.started[ev.Place] = ev.At
	s, br := t.Style, t.of(ev.Place)
	switch {
	case ev.Kind == effect.TimerSet:
		d, why := sleepOf(ev.Body.Args)
		return t.line(ev, br, s.Cyan("⏲"),
			fmt.Sprintf("sleep %s until %s", effect.FormatDuration(d), deadline(ev.At, ev.At.Add(d)))+reason(why))
	case ev.Kind == effect.QuestionAsked:
		return t.Question(ev)
	case ev.Body.Attempt > 1:
		return t.line(ev, br, s.Yellow("↻"), fmt.Sprintf("%s sent again, attempt %d", t.describe(ev), ev.Body.Attempt))
	}
	return nil
}

// outcome prints an effect that is done or has failed.
func (t *Tree) outcome(ev effect.Event) []string {
	s, b, br := t.Style, &ev.Body, t.of(ev.Place)
	if b.Class == effect.Value {
		return nil
	}
	took := ""
	if began, ok := t.started[ev.Place]; ok && !ev.At.Before(began) {
		took = "  " + effect.FormatDuration(ev.At.Sub(began))
	}
	text := t.describe(ev)
	delete(t.intents, ev.Place)
	delete(t.started, ev.Place)
	if b.Error != nil {
		return t.timed(ev, br, s.Red("✗"), fmt.Sprintf("%s: %s (%s)", text, opening(b.Error.Message), b.Error.Code), took)
	}
	switch b.Op {
	case effect.OpSleep:
		return nil
	case effect.OpApprove:
		text = "approved"
	case "health.measure":
		if strings.Count(strings.TrimLeft(ev.Place, "r"), ".") > 0 {
			return nil // inside a gate, whose own line says more
		}
	}
	return t.timed(ev, br, s.Green("✓"), text, took)
}

// settled says how an effect came out whose outcome was unknown.
func (t *Tree) settled(ev effect.Event) []string {
	b := &ev.Body
	who := "the backend says"
	if ev.Kind == effect.EffectResolved {
		who = "resolved by " + clean(b.By)
		if b.By == "" {
			who = "settled"
		}
	}
	text := fmt.Sprintf("%s %s: %s", t.describe(ev), who, strings.ReplaceAll(b.Outcome, "_", " "))
	if b.Reason != "" {
		text += " (" + clean(b.Reason) + ")"
	}
	return t.full(ev, t.of(ev.Place), t.Style.Yellow("?"), text)
}

// Question returns the lines for a question: what is asked, what the people
// asked should know, who may answer, until when, and how.
func (t *Tree) Question(ev effect.Event) []string {
	t.init()
	s, br := t.Style, t.of(ev.Place)
	v, err := effect.Decode(ev.Body.Args)
	args, _ := v.(map[string]any)
	if err != nil || args == nil {
		return nil
	}
	text := func(name string) string { s, _ := args[name].(string); return clean(s) }
	lines := t.full(ev, br, s.Yellow("?"), s.Bold(text("title")))
	if detail := text("detail"); detail != "" {
		for _, part := range wrap(detail, t.room(t.under(br, ""))) {
			lines = append(lines, t.under(br, part))
		}
	}
	var terms []string
	if count, _ := args["count"].(float64); count > 1 {
		terms = append(terms, fmt.Sprintf("%v have to agree", count))
	}
	if by, _ := args["by"].([]any); len(by) > 0 {
		names := make([]string, len(by))
		for i := range by {
			names[i] = value(nil, by[i])
		}
		terms = append(terms, "asks "+strings.Join(names, ", "))
	}
	if timeout, ok := args["timeout"].(float64); ok {
		terms = append(terms, "until "+ev.At.Add(effect.Seconds(timeout)).Local().Format("2006-01-02 15:04"))
	}
	for _, part := range wrap(strings.Join(terms, "; "), t.room(t.under(br, ""))) {
		lines = append(lines, t.under(br, s.Dim(part)))
	}
	if t.Answers {
		lines = append(lines, t.under(br, s.Dim("answer with: runbook approve "+t.Run)),
			t.under(br, s.Dim("or:          runbook deny "+t.Run)))
	}
	return lines
}

// Progress returns the line for a line of output of an effect under way.
func (t *Tree) Progress(place string, at time.Time, line string) []string {
	t.init()
	return t.line(effect.Event{At: at}, t.of(place), t.Style.Dim("·"), clean(line))
}

// describe names an effect: "traffic.split blue 90%, green 10%".
func (t *Tree) describe(ev effect.Event) string {
	op, args := ev.Body.Op, ev.Body.Args
	if in, ok := t.intents[ev.Place]; ok && len(args) == 0 {
		op, args = in.Body.Op, in.Body.Args
	}
	text := op
	if a := Args(t.Catalog, op, args); a != "" {
		text += " " + fit(a, longest)
	}
	if t.Verbose {
		text = t.Style.Dim(ev.Place+" ") + text
	}
	return text
}

func sleepOf(raw json.RawMessage) (time.Duration, string) {
	v, _ := effect.Decode(raw)
	args, _ := v.(map[string]any)
	seconds, _ := args["duration"].(float64)
	why, _ := args["reason"].(string)
	return effect.Seconds(seconds), why
}
