package view

import (
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// Tree turns a run's events into lines: steps as a tree, each effect below its
// step with its outcome and how long it took. It holds what is needed to
// indent and to time; feeding it a run's past with Skip lets it go on from
// there.
type Tree struct {
	Style   Style
	Catalog *effect.Catalog
	// Verbose also prints what a reader of a finished run wants to see: the
	// date where it changes, milliseconds, effect places. Long lines are
	// wrapped and not cut then, and what comes again and again is not left out.
	Verbose bool
	// Tails adds the last lines of what a program printed, where they are recorded:
	// with a failure, and where nobody knows how it came out.
	Tails bool
	// Answer, if set, returns what stands below a question: how to answer it.
	Answer func(interpreter.Question) Advice

	steps   history.Steps
	intents map[effect.Place]effect.Event
	started map[effect.Place]time.Time
	polls   polls
	day     string // of the last line
}

// Skip takes an event into account without making its lines.
func (t *Tree) Skip(ev effect.Event) {
	t.init()
	switch ev.Kind {
	case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
		t.begun(ev)
	case effect.EffectDone, effect.EffectFailed:
		if ev.Body.Class != effect.Value {
			t.ended(ev.Place)
		}
	case effect.EffectObserved, effect.EffectResolved, effect.Logged, effect.Gated: // change nothing
	default:
		t.Lines(ev)
	}
}

// Begun notes when an effect was started, so that its line can say how long it
// took.
func (t *Tree) Begun(place effect.Place, at time.Time) {
	t.init()
	t.started[place] = at
}

func (t *Tree) init() {
	if t.intents == nil {
		t.intents = map[effect.Place]effect.Event{}
		t.started = map[effect.Place]time.Time{}
		t.polls = polls{}
	}
}

// repeated reports whether a line about a question, or a wait, is one that comes
// again and again, and left out, or else what to add to it. What changes something
// is told each time.
func (t *Tree) repeated(ev effect.Event, question, line string) (more string, leftOut bool) {
	switch {
	case t.Verbose:
		return "", false
	case ev.Body.Class != effect.Read && ev.Body.Op != effect.OpSleep:
		t.polls.moved(ev.Place.Line())
		return "", false
	}
	by := asker{place: ev.Place.Line(), where: ev.Body.Where}
	if composite, inside := ev.Place.Composite(); inside {
		by = asker{place: composite}
	}
	more, print := t.polls.again(by, question, line, ev.At)
	return more, !print
}

// Path returns the names of the steps that the main line of control is in.
func (t *Tree) Path() string { return strings.Join(t.steps.Path(), " › ") }

// depth is how many steps a place stands in.
func (t *Tree) depth(place effect.Place) int { return len(t.steps.Names(place)) }

// Failed returns the step in which the run failed, as fork wants it.
func (t *Tree) Failed() string { return t.steps.Failed() }

// Lines returns the lines for an event, without line ends; often none.
func (t *Tree) Lines(ev effect.Event) []string {
	t.init()
	s, b := t.Style, &ev.Body
	switch ev.Kind {
	case effect.StepEntered:
		defer t.steps.Add(&ev)
		t.polls.moved(ev.Place.Line())
		return t.line(ev, t.depth(ev.Place), s.Cyan("▸"), s.Bold(clean(b.Name)))
	case effect.StepLeft:
		return t.stepLeft(ev)
	case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
		return t.intended(ev)
	case effect.EffectDone, effect.EffectFailed:
		return t.outcome(ev)
	case effect.EffectObserved, effect.EffectResolved:
		return t.settled(ev)
	case effect.QuestionAnswered:
		return t.full(ev, t.depth(ev.Place), s.Cyan("☑"), answer(b))
	case effect.BranchLeft:
		return t.branchLeft(ev)
	case effect.CheckpointReached:
		return t.line(ev, t.depth(ev.Place), s.Cyan("⚑"), "checkpoint "+clean(b.Name))
	case effect.Logged:
		return t.logged(ev)
	case effect.Gated:
		text, broken := gate(s, b.Value)
		mark := s.Green("◆")
		if broken {
			mark = s.Red("◆")
		}
		return t.full(ev, t.depth(ev.Place), mark, text)
	case effect.RollbackRequested:
		return t.line(ev, 0, s.Yellow("↩"), "rollback asked for by "+clean(b.By)+reason(b.Reason))
	case effect.RollbackStarted:
		t.steps.Add(&ev)
		return t.line(ev, 0, s.Yellow("↩"), s.Bold("rolling back")+reason(opening(b.Reason)))
	case effect.CancelRequested:
		return t.line(ev, 0, s.Yellow("■"), "cancellation asked for by "+clean(b.By)+reason(b.Reason))
	case effect.SourceChanged:
		switch {
		case b.Name == interpreter.EnvironmentSource:
			return t.line(ev, 0, s.Yellow("✎"), "goes on with the configuration of that time ("+clean(b.By)+")")
		case b.By != "":
			return t.line(ev, 0, s.Yellow("✎"), "script replaced by "+clean(b.Text)+" ("+clean(b.By)+")")
		}
	case effect.Forked:
		return t.line(ev, 0, s.Cyan("⑂"), "forked as "+b.Run)
	}
	return nil
}

// line makes a line, which is cut on a terminal.
func (t *Tree) line(ev effect.Event, depth int, mark, text string) []string {
	return t.timed(ev, depth, mark, text, "")
}

// timed makes a line that ends with how long something took; that end is kept
// where the line is cut.
func (t *Tree) timed(ev effect.Event, depth int, mark, text, took string) []string {
	if room := t.room(t.head(ev, depth)); room > 0 && !t.Verbose {
		text = fit(text, max(room-columns(took)-columns(t.label(ev.Place)), 1))
	}
	return t.full(ev, depth, mark, text+t.Style.Dim(took))
}

// full makes a line that is wrapped on a terminal.
func (t *Tree) full(ev effect.Event, depth int, mark, text string) []string {
	head := t.head(ev, depth)
	var lines []string
	if day := ev.At.Local().Format("2006-01-02"); t.Verbose && day != t.day {
		t.day = day
		lines = append(lines, t.Style.Dim(day))
	}
	for i, part := range wrap(t.label(ev.Place)+text, t.room(head)) {
		if i == 0 {
			lines = append(lines, head+mark+" "+part)
			continue
		}
		lines = append(lines, t.under(depth, part))
	}
	return lines
}

// room is what a terminal's width leaves for text after a head and a mark.
func (t *Tree) room(head string) int {
	if t.Style.Width <= 0 {
		return 0
	}
	return max(t.Style.Width-columns(head)-2, 20)
}

// head is the beginning of a line: the time, and the steps that it is in.
func (t *Tree) head(ev effect.Event, depth int) string {
	return t.Style.Dim(ev.At.Local().Format(t.clock())) + "  " + t.bars(depth)
}

// under makes a line that belongs to the one above it.
func (t *Tree) under(depth int, text string) string {
	return strings.Repeat(" ", len(t.clock())+2) + t.bars(depth) + "  " + text
}

func (t *Tree) bars(depth int) string {
	return strings.Repeat(t.Style.Dim("│ "), depth)
}

func (t *Tree) clock() string {
	if t.Verbose {
		return "15:04:05.000"
	}
	return "15:04:05"
}

func (t *Tree) stepLeft(ev effect.Event) []string {
	took, mark := "", t.Style.Green("✓")
	if ev.Body.Error != nil {
		mark = t.Style.Red("✗")
	}
	if step, ok := t.steps.Last(ev.Place); ok {
		took = "  " + effect.FormatDuration(ev.At.Sub(step.At))
	}
	t.steps.Add(&ev)
	t.polls.moved(ev.Place.Line())
	return t.timed(ev, t.depth(ev.Place), mark, clean(ev.Body.Name), took)
}

func (t *Tree) branchLeft(ev effect.Event) []string {
	s, b := t.Style, &ev.Body
	t.steps.Add(&ev)
	if ev.Place.Parent().Parent() != "" || !ev.Place.InRollback() {
		switch {
		case history.Outcome(b.Outcome) == history.OutcomeStopped:
			return t.line(ev, t.depth(ev.Place), s.Yellow("■"), "branch "+clean(b.Name)+" was stopped")
		case b.Error == nil:
			return nil
		}
		return t.line(ev, t.depth(ev.Place), s.Red("✗"), "branch "+clean(b.Name)+": "+opening(b.Error.Message))
	}
	what := "rollback of " + clean(ev.Body.Where.String())
	if b.Name != "" {
		what = "rollback " + clean(b.Name)
	}
	if b.Error != nil {
		return t.line(ev, 0, s.Red("✗"), what+": "+opening(b.Error.Message))
	}
	return t.line(ev, 0, s.Green("✓"), what)
}

func (t *Tree) logged(ev effect.Event) []string {
	s, text := t.Style, clean(ev.Body.Text)
	var fields map[string]any
	if v, err := effect.Decode(ev.Body.Value); err == nil {
		fields, _ = v.(map[string]any)
	}
	if len(fields) > 0 {
		text += "  " + s.Dim(bare(fields))
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
	return t.full(ev, t.depth(ev.Place), mark, text)
}

// label names the branch that a line belongs to, "[web1] ": those of several
// branches come between each other.
func (t *Tree) label(place effect.Place) string {
	name := place.BranchName()
	if name == "" {
		return ""
	}
	return t.Style.Dim("["+clean(name)+"]") + " "
}

// tail returns what follows the first line of a message: the last lines of what a
// program printed.
func (t *Tree) tail(depth int, message string) []string {
	_, rest, more := strings.Cut(strings.TrimSpace(message), "\n")
	if !t.Tails || !more {
		return nil
	}
	var lines []string
	for line := range strings.Lines(rest) {
		for _, part := range wrap(clean(strings.TrimRight(line, "\r\n")), t.room(t.under(depth, ""))) {
			lines = append(lines, t.under(depth, t.Style.Dim(part)))
		}
	}
	return lines
}

// behind names the operating system's user, where somebody answered in another
// name: " (root@host)".
func behind(by, user, via string, roles []string) string {
	if text := Behind(by, user, via, roles); text != "" {
		return " (" + text + ")"
	}
	return ""
}

// Behind says what shows that somebody answered, and in which roles: the account,
// if it has another name, the token, the roles.
func Behind(by, user, via string, roles []string) string {
	var parts []string
	if name, _, _ := strings.Cut(user, "@"); user != "" && name != by && user != by {
		parts = append(parts, clean(user))
	}
	if strings.HasPrefix(via, effect.ViaToken) {
		parts = append(parts, clean(via))
	}
	for _, role := range roles {
		parts = append(parts, clean(role))
	}
	return strings.Join(parts, ", ")
}

func reason(text string) string {
	if text == "" {
		return ""
	}
	return ": " + clean(text)
}

// opening is the first line of a message, without the words that announce the
// lines after it: "it failed; its last lines:" is "it failed".
func opening(message string) string {
	line, rest, more := strings.Cut(strings.TrimSpace(message), "\n")
	if line = strings.TrimRight(line, " "); more && strings.TrimSpace(rest) != "" && strings.HasSuffix(line, ":") {
		if i := strings.LastIndexAny(line, ";,"); i > 0 {
			line = line[:i]
		}
		line = strings.TrimSuffix(line, ":")
	}
	return clean(line)
}

// Status returns the lines for a change of status.
func (t *Tree) Status(ev effect.Event) []string {
	text := strings.ReplaceAll(string(ev.Body.Status), "_", " ")
	if ev.Body.By != "" {
		text += " by " + clean(ev.Body.By)
	}
	why := opening(ev.Body.Reason)
	if ev.Body.Error != nil {
		why = opening(ev.Body.Error.Error())
	}
	switch {
	case strings.HasPrefix(why, text): // "waiting for an answer"
		text = why
	default:
		text += reason(why)
	}
	lines := t.full(ev, 0, t.Style.Dim("●"), text)
	if !ev.Body.Status.Terminal() { // otherwise it stands where the effect failed
		lines = append(lines, t.tail(0, ev.Body.Reason)...)
	}
	return lines
}
