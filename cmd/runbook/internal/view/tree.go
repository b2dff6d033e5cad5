package view

import (
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
	// date where it changes, milliseconds, effect places. Long lines are
	// wrapped and not cut then.
	Verbose bool
	// Answers says that questions come with the commands that answer them.
	Answers bool

	branches map[string]*branch
	intents  map[string]effect.Event
	started  map[string]time.Time
	day      string         // of the last line
	entered  map[string]int // how often each step was entered
	failed   step           // the outermost step that failed last
}

// branch is one line of control and the steps that it is in.
type branch struct {
	depth int
	steps []step
}

type step struct {
	name  string
	place string
	at    time.Time
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
		t.entered = map[string]int{}
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

// Failed returns the step in which the run failed, as fork wants it: by name,
// or by place if it was entered several times. It is "" if no step failed.
func (t *Tree) Failed() string {
	if t.entered[t.failed.name] > 1 {
		return t.failed.place
	}
	return t.failed.name
}

// Lines returns the lines for an event, without line ends; often none.
func (t *Tree) Lines(ev effect.Event) []string {
	t.init()
	s, b := t.Style, &ev.Body
	switch ev.Kind {
	case effect.StepEntered:
		br := t.exact(ev.Place)
		line := t.line(ev, br, s.Cyan("▸"), s.Bold(clean(b.Name))+t.branchName(ev.Place))
		br.steps = append(br.steps, step{b.Name, ev.Place, ev.At})
		t.entered[b.Name]++
		t.failed = step{} // whatever failed before was caught
		return line
	case effect.StepLeft:
		return t.stepLeft(ev)
	case effect.EffectIntended, effect.TimerSet, effect.QuestionAsked:
		return t.intended(ev)
	case effect.EffectDone, effect.EffectFailed:
		return t.outcome(ev)
	case effect.EffectObserved, effect.EffectResolved:
		return t.settled(ev)
	case effect.QuestionAnswered:
		return t.full(ev, t.of(ev.Place), s.Cyan("☑"), clean(b.By)+" "+b.Outcome+reason(b.Reason))
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
		return t.full(ev, t.of(ev.Place), mark, text)
	case effect.RollbackRequested:
		return t.line(ev, &branch{}, s.Yellow("↩"), "rollback asked for by "+clean(b.By)+reason(b.Reason))
	case effect.RollbackStarted:
		t.branches = map[string]*branch{"": {}}
		return t.line(ev, &branch{}, s.Yellow("↩"), s.Bold("rolling back")+reason(opening(b.Reason)))
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

// line makes a line, which is cut on a terminal.
func (t *Tree) line(ev effect.Event, br *branch, mark, text string) []string {
	return t.timed(ev, br, mark, text, "")
}

// timed makes a line that ends with how long something took; that end is kept
// where the line is cut.
func (t *Tree) timed(ev effect.Event, br *branch, mark, text, took string) []string {
	if room := t.room(t.head(ev, br)); room > 0 && !t.Verbose {
		text = fit(text, max(room-columns(took), 1))
	}
	return t.full(ev, br, mark, text+t.Style.Dim(took))
}

// full makes a line that is wrapped on a terminal.
func (t *Tree) full(ev effect.Event, br *branch, mark, text string) []string {
	head := t.head(ev, br)
	var lines []string
	if day := ev.At.Local().Format("2006-01-02"); t.Verbose && day != t.day {
		t.day = day
		lines = append(lines, t.Style.Dim(day))
	}
	for i, part := range wrap(text, t.room(head)) {
		if i == 0 {
			lines = append(lines, head+mark+" "+part)
			continue
		}
		lines = append(lines, t.under(br, part))
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
func (t *Tree) head(ev effect.Event, br *branch) string {
	return t.Style.Dim(ev.At.Local().Format(t.clock())) + "  " + t.bars(br)
}

// under makes a line that belongs to the one above it.
func (t *Tree) under(br *branch, text string) string {
	return strings.Repeat(" ", len(t.clock())+2) + t.bars(br) + "  " + text
}

func (t *Tree) bars(br *branch) string {
	return strings.Repeat(t.Style.Dim("│ "), br.depth+len(br.steps))
}

func (t *Tree) clock() string {
	if t.Verbose {
		return "15:04:05.000"
	}
	return "15:04:05"
}

func (t *Tree) stepLeft(ev effect.Event) []string {
	br := t.exact(ev.Place)
	took, mark := "", t.Style.Green("✓")
	if ev.Body.Error != nil {
		mark = t.Style.Red("✗")
	}
	if n := len(br.steps); n > 0 {
		last := br.steps[n-1]
		br.steps = br.steps[:n-1]
		took = "  " + effect.FormatDuration(ev.At.Sub(last.at))
		if ev.Body.Error != nil {
			t.failed = last
		}
	}
	return t.timed(ev, br, mark, clean(ev.Body.Name), took)
}

func (t *Tree) branchLeft(ev effect.Event) []string {
	s, b := t.Style, &ev.Body
	delete(t.branches, ev.Place)
	if !strings.HasPrefix(ev.Place, "r") {
		if b.Error == nil {
			return nil
		}
		return t.line(ev, t.of(ev.Place), s.Red("✗"), "branch "+clean(b.Name)+": "+opening(b.Error.Message))
	}
	what := "rollback of " + ev.Body.Where.String()
	if b.Name != "" {
		what = "rollback " + clean(b.Name)
	}
	if b.Error != nil {
		return t.line(ev, &branch{}, s.Red("✗"), what+": "+opening(b.Error.Message))
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
	return t.full(ev, t.of(ev.Place), mark, text)
}

func (t *Tree) branchName(place string) string {
	parts := strings.Split(place, ".")
	if len(parts) < 3 || strings.HasPrefix(place, "r") {
		return ""
	}
	return t.Style.Dim("  [" + clean(parts[len(parts)-2]) + "]")
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
	return t.full(ev, &branch{}, t.Style.Dim("●"), text)
}
