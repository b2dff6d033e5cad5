package view

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Tree turns a run's events into lines: steps as a tree, each effect below its
// step with its outcome and how long it took. It holds what is needed to
// indent and to time; feeding it a run's past with Skip lets it go on from
// there.
type Tree struct {
	Style   Style
	Catalog *effect.Catalog
	// Run is the id as people type it; it stands in the commands that are
	// suggested.
	Run string
	// Verbose also prints what a reader of a finished run wants to see: the
	// times of day with date, effect places, attempts.
	Verbose bool

	branches map[string]*branch
	intents  map[string]effect.Event
	started  map[string]time.Time
	last     time.Time
}

// branch is one line of control and the steps that it is in.
type branch struct {
	depth int
	steps []step
}

type step struct {
	name string
	at   time.Time
}

// Skip takes an event into account without printing it.
func (t *Tree) Skip(ev effect.Event) { t.Lines(ev) }

// Begun notes when an effect was started, so that its line can say how long it
// took.
func (t *Tree) Begun(place string, at time.Time) {
	t.init()
	t.started[place] = at
}

func (t *Tree) init() {
	if t.branches == nil {
		t.branches = map[string]*branch{"": {}}
		t.intents = map[string]effect.Event{}
		t.started = map[string]time.Time{}
	}
}

// Path returns the names of the steps that the main line of control is in.
func (t *Tree) Path() string {
	t.init()
	var names []string
	for _, s := range t.branches[""].steps {
		names = append(names, s.name)
	}
	return strings.Join(names, " › ")
}

// of finds the branch that a place belongs to.
func (t *Tree) of(place string) *branch {
	t.init()
	for place != "" {
		i := strings.LastIndexByte(place, '.')
		if i < 0 {
			break
		}
		place = place[:i]
		if b, ok := t.branches[place]; ok {
			return b
		}
	}
	return t.branches[""]
}

// exact finds or makes the branch whose own mark stands at a place.
func (t *Tree) exact(place string) *branch {
	parent := t.of(place)
	i := strings.LastIndexByte(place, '.')
	if i < 0 {
		return t.branches[""]
	}
	name := place[:i]
	if b, ok := t.branches[name]; ok {
		return b
	}
	b := &branch{depth: parent.depth + len(parent.steps)}
	t.branches[name] = b
	return b
}

// Lines returns the lines for an event, without line ends; often none.
func (t *Tree) Lines(ev effect.Event) []string {
	t.init()
	s, b := t.Style, &ev.Body
	since := t.last
	if ev.At.After(t.last) {
		t.last = ev.At
	}
	switch ev.Kind {
	case effect.StepEntered:
		br := t.exact(ev.Place)
		line := t.line(ev, br, s.Cyan("▸"), s.Bold(clean(b.Name))+t.branchName(ev.Place))
		br.steps = append(br.steps, step{b.Name, ev.At})
		return line
	case effect.StepLeft:
		return t.stepLeft(ev)
	case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
		return t.intended(ev)
	case effect.EffectDone, effect.EffectFailed:
		return t.outcome(ev, since)
	case effect.EffectObserved, effect.EffectResolved:
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
		return t.line(ev, t.of(ev.Place), s.Yellow("?"), text)
	case effect.QuestionAnswered:
		text := fmt.Sprintf("%s %s", clean(b.By), b.Outcome)
		if b.Reason != "" {
			text += ": " + clean(b.Reason)
		}
		return t.line(ev, t.of(ev.Place), s.Cyan("☑"), text)
	case effect.BranchLeft:
		return t.branchLeft(ev)
	case effect.CheckpointReached:
		return t.line(ev, t.exact(ev.Place), s.Cyan("⚑"), "checkpoint "+clean(b.Name))
	case effect.Logged:
		return t.logged(ev)
	case effect.Gated:
		text, broken := gate(s, b.Value)
		mark := s.Green("◆")
		if broken {
			mark = s.Red("◆")
		}
		return t.line(ev, t.of(ev.Place), mark, text)
	case effect.RollbackRequested:
		return t.line(ev, &branch{}, s.Yellow("↩"), "rollback asked for by "+clean(b.By)+reason(b.Reason))
	case effect.RollbackStarted:
		t.branches = map[string]*branch{"": {}}
		return t.line(ev, &branch{}, s.Yellow("↩"), s.Bold("rolling back")+reason(firstLine(b.Reason)))
	case effect.CancelRequested:
		return t.line(ev, &branch{}, s.Yellow("■"), "cancellation asked for by "+clean(b.By)+reason(b.Reason))
	case effect.SourceChanged:
		if b.By != "" {
			return t.line(ev, &branch{}, s.Yellow("✎"), "script replaced by "+clean(b.Text)+" ("+clean(b.By)+")")
		}
	case effect.Forked:
		return t.line(ev, &branch{}, s.Cyan("⑂"), "forked as "+b.Run)
	}
	return nil
}

func (t *Tree) line(ev effect.Event, br *branch, mark, text string) []string {
	depth := br.depth + len(br.steps)
	clock := ev.At.Local().Format("15:04:05")
	if t.Verbose {
		clock = ev.At.Local().Format("2006-01-02 15:04:05.000")
	}
	return []string{t.Style.Dim(clock) + "  " + strings.Repeat(t.Style.Dim("│ "), depth) + mark + " " + text}
}

func (t *Tree) stepLeft(ev effect.Event) []string {
	br := t.exact(ev.Place)
	took := ""
	if n := len(br.steps); n > 0 {
		took = "  " + effect.FormatDuration(ev.At.Sub(br.steps[n-1].at))
		br.steps = br.steps[:n-1]
	}
	if ev.Body.Error != nil {
		return t.line(ev, br, t.Style.Red("✗"), clean(ev.Body.Name)+t.Style.Dim(took))
	}
	return t.line(ev, br, t.Style.Green("✓"), clean(ev.Body.Name)+t.Style.Dim(took))
}

func (t *Tree) intended(ev effect.Event) []string {
	t.intents[ev.Place] = ev
	t.started[ev.Place] = ev.At
	s, br := t.Style, t.of(ev.Place)
	switch {
	case ev.Kind == effect.TimerSet:
		d, why := sleepOf(ev.Body.Args)
		text := fmt.Sprintf("sleep %s until %s", effect.FormatDuration(d), ev.At.Add(d).Local().Format("15:04:05"))
		if ev.At.Add(d).Sub(ev.At) > 12*time.Hour {
			text = fmt.Sprintf("sleep %s until %s", effect.FormatDuration(d), ev.At.Add(d).Local().Format("Mon 15:04:05"))
		}
		return t.line(ev, br, s.Cyan("⏲"), text+reason(why))
	case ev.Kind == effect.QuestionAsked:
		v, _ := effect.Decode(ev.Body.Args)
		args, _ := v.(map[string]any)
		title, _ := args["title"].(string)
		lines := t.line(ev, br, s.Yellow("?"), s.Bold(clean(title)))
		return append(lines, "          "+strings.Repeat(s.Dim("│ "), br.depth+len(br.steps))+
			s.Dim("  answer with: runbook approve "+t.Run+"   or: runbook deny "+t.Run))
	case ev.Body.Attempt > 1:
		return t.line(ev, br, s.Yellow("↻"), fmt.Sprintf("%s sent again, attempt %d", t.describe(ev), ev.Body.Attempt))
	}
	return nil
}

func (t *Tree) outcome(ev effect.Event, since time.Time) []string {
	s, b := t.Style, &ev.Body
	if b.Class == effect.Value {
		return nil
	}
	began, ok := t.started[ev.Place]
	if !ok {
		began = since
	}
	took := ""
	if d := ev.At.Sub(began); ok && d >= 0 {
		took = "  " + effect.FormatDuration(d)
	}
	text := t.describe(ev)
	delete(t.intents, ev.Place)
	delete(t.started, ev.Place)
	if b.Error != nil {
		msg := fmt.Sprintf("%s: %s (%s)", text, clean(firstLine(b.Error.Message)), b.Error.Code)
		return t.line(ev, t.of(ev.Place), s.Red("✗"), msg+s.Dim(took))
	}
	switch b.Op {
	case effect.OpSleep:
		return nil
	case effect.OpApprove:
		return t.line(ev, t.of(ev.Place), s.Green("✓"), "approved"+s.Dim(took))
	case "health.measure":
		if strings.Count(strings.TrimLeft(ev.Place, "r"), ".") > 0 {
			return nil // inside a gate, whose own line says more
		}
	}
	return t.line(ev, t.of(ev.Place), s.Green("✓"), text+s.Dim(took))
}

func (t *Tree) branchLeft(ev effect.Event) []string {
	s, b := t.Style, &ev.Body
	delete(t.branches, ev.Place)
	if !strings.HasPrefix(ev.Place, "r") {
		if b.Error == nil {
			return nil
		}
		return t.line(ev, t.of(ev.Place), s.Red("✗"), "branch "+clean(b.Name)+": "+clean(firstLine(b.Error.Message)))
	}
	what := "rollback of " + ev.Body.Where.String()
	if b.Name != "" {
		what = "rollback " + clean(b.Name)
	}
	if b.Error != nil {
		return t.line(ev, &branch{}, s.Red("✗"), what+": "+clean(firstLine(b.Error.Message)))
	}
	return t.line(ev, &branch{}, s.Green("✓"), what)
}

func (t *Tree) logged(ev effect.Event) []string {
	s, text := t.Style, clean(ev.Body.Text)
	var fields map[string]any
	if v, err := effect.Decode(ev.Body.Value); err == nil {
		fields, _ = v.(map[string]any)
	}
	if len(fields) > 0 {
		text += "  " + s.Dim(strings.Trim(value(nil, fields), "{}"))
	}
	mark := " "
	switch ev.Body.Name {
	case "warn":
		mark, text = s.Yellow("!"), s.Yellow(text)
	case "error":
		mark, text = s.Red("!"), s.Red(text)
	case "debug":
		text = s.Dim(text)
	}
	return t.line(ev, t.of(ev.Place), mark, text)
}

// describe names an effect: "traffic.split blue 90%, green 10%".
func (t *Tree) describe(ev effect.Event) string {
	op, args := ev.Body.Op, ev.Body.Args
	if in, ok := t.intents[ev.Place]; ok && len(args) == 0 {
		op, args = in.Body.Op, in.Body.Args
	}
	text := op
	if a := Args(t.Catalog, op, args); a != "" {
		text += " " + fit(a, 72)
	}
	if t.Verbose {
		text = t.Style.Dim(ev.Place+" ") + text
	}
	return text
}

func (t *Tree) branchName(place string) string {
	parts := strings.Split(place, ".")
	if len(parts) < 3 || strings.HasPrefix(place, "r") {
		return ""
	}
	return t.Style.Dim("  [" + clean(parts[len(parts)-2]) + "]")
}

func sleepOf(raw json.RawMessage) (time.Duration, string) {
	v, _ := effect.Decode(raw)
	args, _ := v.(map[string]any)
	seconds, _ := args["duration"].(float64)
	why, _ := args["reason"].(string)
	return effect.Seconds(seconds), why
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + clean(text)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// Reset forgets everything fed so far.
func (t *Tree) Reset() { t.branches, t.last = nil, time.Time{} }

// Status is the line for a change of status.
func (t *Tree) Status(ev effect.Event) string {
	text := strings.ReplaceAll(string(ev.Body.Status), "_", " ")
	if ev.Body.By != "" {
		text += " by " + clean(ev.Body.By)
	}
	if ev.Body.Error != nil {
		text += reason(ev.Body.Error.Error())
	} else {
		text += reason(firstLine(ev.Body.Reason))
	}
	return t.line(ev, &branch{}, t.Style.Dim("●"), text)[0]
}
