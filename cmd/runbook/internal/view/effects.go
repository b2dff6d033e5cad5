package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// longest bounds an effect's arguments in a line, in columns, where no
// terminal sets a narrower bound. A whole script may be among them.
const longest = 160

// intended prints what is worth a line before its outcome is known.
func (t *Tree) intended(ev effect.Event) []string {
	t.begun(ev)
	s, depth := t.Style, t.depth(ev.Place)
	switch {
	case ev.Kind == effect.TimerSet:
		until, why := SleepOf(ev.Body.Args, ev.At)
		if !until.After(ev.At) {
			return nil // nothing is waited for
		}
		_, leftOut := t.repeated(ev, fmt.Sprintf("sleep %s", until.Sub(ev.At)), reason(why))
		if leftOut {
			return nil
		}
		return t.Sleep(ev.Place, ev.Body.Args, ev.At)
	case ev.Kind == effect.QuestionAsked:
		return t.Question(ev.Place, ev.Body.Args, ev.At)
	case ev.Body.Attempt > 1:
		return t.line(ev, depth, s.Yellow("↻"), fmt.Sprintf("%s sent again, attempt %d", t.describe(ev), ev.Body.Attempt))
	}
	return nil
}

func (t *Tree) begun(ev effect.Event) {
	t.intents[ev.Place] = ev
	t.started[ev.Place] = ev.At
}

func (t *Tree) ended(place effect.Place) {
	delete(t.intents, place)
	delete(t.started, place)
}

// outcome prints an effect that is done or has failed.
func (t *Tree) outcome(ev effect.Event) []string {
	s, b, depth := t.Style, &ev.Body, t.depth(ev.Place)
	if b.Class == effect.Value {
		return nil
	}
	took := ""
	if began, ok := t.started[ev.Place]; ok && !ev.At.Before(began) {
		took = "  " + effect.FormatDuration(ev.At.Sub(began))
	}
	text := t.describe(ev)
	t.ended(ev.Place)
	_, inside := ev.Place.Composite()
	mark := s.Red("✗")
	if inside && t.gateRole(b.Op) == effect.GateLooks && b.Error != nil && b.Error.Code == effect.CodeUnsupported {
		mark = s.Dim("·") // it cannot look in this way, and goes on
	}
	switch {
	case b.Error == nil && b.Op == effect.OpSleep:
		return nil
	case b.Error == nil && inside && t.gateRole(b.Op) != "":
		return nil // the gate's own line says more
	}
	question := text
	if b.Error != nil {
		text = fmt.Sprintf("%s: %s (%s)", text, opening(b.Error.Message), clean(string(b.Error.Code)))
	}
	more, leftOut := t.repeated(ev, question, text)
	switch {
	case leftOut:
		return nil
	case b.Error != nil:
		return append(t.timed(ev, depth, mark, text, took+more), t.tail(depth, b.Error.Message)...)
	}
	switch b.Op {
	case effect.OpApprove:
		text = "approved"
	case effect.OpChecklist:
		text = "checklist is gone through"
	case effect.OpChoose:
		text = chosen(b.Value)
	}
	return t.timed(ev, depth, s.Green("✓"), text, took+more)
}

// gateRole says what an op is to gates.
func (t *Tree) gateRole(name string) effect.GateRole {
	op, ok := t.Catalog.Op(name)
	if !ok {
		return ""
	}
	return op.Gate
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
	switch o := history.Outcome(b.Outcome); {
	case ev.Kind == effect.EffectObserved && (o == history.OutcomeCutShort || o == history.OutcomeUnknown):
		text = t.describe(ev) + ": outcome unknown: " + opening(b.Reason)
	case b.Reason != "":
		text += " (" + clean(b.Reason) + ")"
	}
	return append(t.full(ev, t.depth(ev.Place), t.Style.Yellow("?"), text), t.tail(t.depth(ev.Place), b.Reason)...)
}

// Sleep returns the line for a sleep: how long it is, until when, and why.
func (t *Tree) Sleep(place effect.Place, args json.RawMessage, began time.Time) []string {
	t.init()
	until, why := SleepOf(args, began)
	return t.line(effect.Event{At: began, Place: place}, t.depth(place), t.Style.Cyan("⏲"),
		fmt.Sprintf("sleep %s until %s", effect.FormatDuration(until.Sub(began)), Deadline(began, until))+reason(why))
}

// Question returns the lines for a question: what is asked, what the people
// asked should know, who may answer, until when, and how.
func (t *Tree) Question(place effect.Place, raw json.RawMessage, asked time.Time) []string {
	t.init()
	s, depth, ev := t.Style, t.depth(place), effect.Event{At: asked, Place: place}
	v, err := effect.Decode(raw)
	args, _ := v.(map[string]any)
	if err != nil || args == nil {
		return nil
	}
	text := func(name string) string { s, _ := args[name].(string); return clean(s) }
	lines := t.full(ev, depth, s.Yellow("?"), s.Bold(text("title")))
	detail, _ := args["detail"].(string)
	for line := range strings.Lines(detail) {
		for _, part := range wrap(clean(strings.TrimSuffix(line, "\n")), t.room(t.under(depth, ""))) {
			lines = append(lines, t.under(depth, part))
		}
	}
	items, _ := effect.Items(args)
	for i, item := range items {
		what := fmt.Sprintf("%2d  %s", i+1, clean(item.Text))
		if item.Evidence {
			what += s.Dim(" (with evidence)")
		}
		for _, part := range wrap(what, t.room(t.under(depth, ""))) {
			lines = append(lines, t.under(depth, part))
		}
		if item.Detail == "" {
			continue
		}
		for _, part := range wrap(clean(item.Detail), t.room(t.under(depth, "    "))) {
			lines = append(lines, t.under(depth, "    "+s.Dim(part)))
		}
	}
	var terms []string
	if by, ok := args["default"].(string); ok {
		terms = append(terms, clean(by)+" if nobody decides")
	}
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
		form := "2006-01-02 15:04"
		if timeout < 600 { // where seconds count
			form += ":05"
		}
		terms = append(terms, "until "+asked.Add(effect.Seconds(timeout)).Local().Format(form))
	}
	for _, part := range wrap(strings.Join(terms, "; "), t.room(t.under(depth, ""))) {
		lines = append(lines, t.under(depth, s.Dim(part)))
	}
	if t.Answer != nil {
		if q, err := interpreter.ReadQuestion(place, raw, asked); err == nil {
			for _, line := range t.Answer(q).Lines(Style{}) {
				lines = append(lines, t.under(depth, s.Dim(line)))
			}
		}
	}
	return lines
}

// chosen says what was decided, and by whom.
func chosen(raw json.RawMessage) string {
	v, _ := effect.Decode(raw)
	value, _ := v.(map[string]any)
	what, _ := value["choice"].(string)
	by, _ := value["by"].(string)
	if by == "" {
		why, _ := value["reason"].(string)
		return clean(what) + reason(why)
	}
	return clean(what) + ", says " + clean(by)
}

// answer says what somebody answered: of a checklist's item, which one, and what
// shows it.
func answer(b *effect.Body) string {
	text := clean(b.By) + behind(b.By, b.User, b.Via, b.Roles) + " " + strings.ReplaceAll(clean(b.Outcome), "_", " ")
	if b.Name != "" {
		text += " " + clean(b.Name) + ", " + clean(b.Text)
	}
	text += reason(b.Reason)
	if b.Hash != "" && b.Name != "" {
		v, _ := effect.Decode(b.Value)
		shown, _ := v.(map[string]any)
		file, _ := shown["file"].(string)
		text += fmt.Sprintf(" (%s, sha256 %.12s…)", clean(file), clean(b.Hash))
	}
	return text
}

// Progress returns the line for a line of output of an effect under way.
func (t *Tree) Progress(place effect.Place, at time.Time, line string) []string {
	t.init()
	return t.line(effect.Event{At: at, Place: place}, t.depth(place), t.Style.Dim("·"), clean(line))
}

// describe names an effect: "traffic.split blue 90%, green 10%".
func (t *Tree) describe(ev effect.Event) string {
	op, args := ev.Body.Op, ev.Body.Args
	if in, ok := t.intents[ev.Place]; ok && len(args) == 0 {
		op, args = in.Body.Op, in.Body.Args
	}
	text := op
	if effect.Asks(op) { // the rest stands with the question
		text = op + " " + titleOf(args)
	} else if a := Args(t.Catalog, op, args); a != "" {
		text += " " + fit(a, longest)
	}
	if t.Verbose {
		text = t.Style.Dim(string(ev.Place)+" ") + text
	}
	return text
}

// titleOf is what a question is called.
func titleOf(raw json.RawMessage) string {
	v, _ := effect.Decode(raw)
	args, _ := v.(map[string]any)
	title, _ := args["title"].(string)
	return clean(title)
}

// SleepOf returns when a sleep ends that began at a given time, and why it is
// slept.
func SleepOf(raw json.RawMessage, began time.Time) (time.Time, string) {
	v, _ := effect.Decode(raw)
	args, _ := v.(map[string]any)
	until, err := effect.SleepUntil(args, began)
	if err != nil { // it fails, and says so
		until = began
	}
	why, _ := args["reason"].(string)
	return until, why
}
