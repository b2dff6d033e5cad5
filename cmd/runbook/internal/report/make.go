package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Input is what a report is made from.
type Input struct {
	Run     journal.Run
	Events  []effect.Event
	Catalog *effect.Catalog
	Fields  []effect.Field // the parameters that the script declares; may be nil
	Summary string         // of the runbook
	Target  time.Duration  // for the recovery; 0 for none
	// Planned says that the run was held to a plan; Deviations is in what it was
	// not as planned.
	Planned    bool
	Deviations []simulate.Difference
	Versions   []Versioned
	Record     Record
	// Emergency is why the run was begun outside of its calendar, as those read it
	// who were asked first of all; "" if it was not.
	Emergency string
	Kind      Kind // "" lets the run decide
	Made      time.Time
}

// maker makes one report.
type maker struct {
	Input
	*history.Account
	r *Report
}

// Make tells a run.
func Make(in Input) *Report {
	m := &maker{Input: in, Account: history.Tell(in.Events)}
	end := m.Ended()
	m.r = &Report{Version: Version, Kind: in.Kind, Made: in.Made.UTC(), Run: in.Run.ID, Runbook: in.Run.Name, Summary: in.Summary, Script: in.Run.Script,
		Env: in.Run.Env, Status: in.Run.Status, Ended: in.Run.Status.Terminal(), By: in.Run.By, Started: in.Run.Created.UTC(), Last: end.UTC(),
		Took: end.Sub(in.Run.Created).Seconds(), Parent: in.Run.Parent, Successor: in.Run.Successor, Params: []Pair{},
		Levels: []Subject{}, Gates: []Gate{}, Approvals: []Approval{}, Checklists: []Checklist{}, Decisions: []Decision{}, Failures: []Failure{}, Unknown: []Unknown{},
		Changes: []Change{}, Deviations: []Deviation{}, Planned: in.Planned, Notes: []Note{}, Versions: in.Versions, Record: in.Record}
	if m.r.Kind == "" {
		m.r.Kind = m.kind()
	}
	for _, line := range view.Params(in.Fields, in.Run.Params) {
		name, value, _ := strings.Cut(line, " = ")
		m.r.Params = append(m.r.Params, Pair{name, value})
	}
	m.outcome()
	m.timeline()
	m.levels()
	m.gates()
	m.people()
	m.emergency()
	m.effects()
	m.recovery()
	m.deviations()
	for _, n := range m.Account.Notes {
		m.r.Notes = append(m.r.Notes, Note{n.At.UTC(), n.Level, view.Clean(n.Text)})
	}
	return m.r
}

// The ops that call people, and that tell who came.
const (
	opPage         = "notify.page"
	opAcknowledged = "notify.acknowledged"
)

// kind is what a run is read for by what it did: an incident is what people were
// called for.
func (m *maker) kind() Kind {
	switch paged := func(e *history.Effect) bool { return e.Op == opPage }; {
	case m.Rolling():
		return Rollback
	case slices.ContainsFunc(m.Effects, paged):
		return Incident
	}
	return Deployment
}

// outcome says in a sentence how the run stands, and why.
func (m *maker) outcome() {
	r := m.r
	took := effect.FormatDuration(effect.Seconds(r.Took))
	words := map[effect.Status]string{
		effect.StatusSucceeded: "It succeeded after %s.", effect.StatusFailed: "It failed after %s.",
		effect.StatusRolledBack: "It was rolled back, and was done after %s.", effect.StatusRollbackFailed: "It was rolled back in part after %s: some rollbacks failed.",
		effect.StatusCanceled: "It was canceled after %s.", effect.StatusWaiting: "It waits for people; the newest event is %s from the start.",
		effect.StatusUnknown: "It waits for an operator to say how an effect came out; the newest event is %s from the start.",
	}[r.Status]
	if words == "" {
		words = "It has not ended; the newest event is %s from the start."
	}
	r.Outcome = fmt.Sprintf(words, took)
	for _, t := range slices.Backward(m.Turns) {
		if t.Err != nil {
			r.Why = firstLine(t.Err.Error())
		} else if t.Reason != "" && t.Status.Terminal() {
			r.Why = firstLine(t.Reason)
		}
		if r.Why != "" || t.Status == effect.StatusSucceeded {
			return
		}
	}
}

// emergency says why the run was begun where nothing was to begin, and who agreed.
func (m *maker) emergency() {
	if m.Emergency == "" {
		return
	}
	text := strings.Join(strings.FieldsFunc(view.Clean(m.Emergency), func(r rune) bool { return r == '\n' }), "; ")
	said := "nobody has agreed to it"
	for _, a := range m.r.Approvals {
		if a.Detail != view.Clean(m.Emergency) {
			continue
		}
		var names []string
		for _, d := range a.Answers {
			names = append(names, d.By)
		}
		if len(names) > 0 {
			said = a.Outcome + ", by " + strings.Join(names, ", ")
		}
	}
	m.r.Emergency = text + " (" + said + ")"
}

// firstLine leaves out what a program printed; the failures have it.
func firstLine(text string) string {
	line, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	if more {
		line = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(line, " "), ":"), "; its last lines")
	}
	return view.Clean(line)
}

// describe names an effect with its arguments.
func (m *maker) describe(e *history.Effect) string {
	const longest = 240
	text := e.Op
	if title, ok := argsOf(e)["title"].(string); ok && effect.Asks(e.Op) {
		text += " " + view.Line(title)
	} else if a := view.Args(m.Catalog, e.Op, e.Args); a != "" {
		text += " " + a
	}
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}

// step is the innermost step of an effect.
func step(e *history.Effect) string {
	if e.Place.InRollback() && len(e.Steps) == 0 {
		return "rollback"
	}
	return strings.Join(e.Steps, " › ")
}

// effects tells what was changed, what failed and what was unknown.
func (m *maker) effects() {
	settled := map[effect.Place]history.Word{}
	for _, w := range m.Words {
		if w.About == history.WordObserved || w.About == history.WordResolved {
			settled[w.Place] = w
		}
	}
	for _, e := range m.Effects {
		if e.Carried() {
			continue
		}
		if e.Err != nil {
			m.r.Failures = append(m.r.Failures, Failure{e.Ended.UTC(), e.Place, step(e), m.describe(e), e.Where.String(), e.Err.Code, view.Clean(e.Err.Message)})
		}
		w, doubted := settled[e.Place]
		if doubted || e.State != history.Closed {
			m.r.Unknown = append(m.r.Unknown, m.unknown(e, w, doubted))
		}
		if !e.Class.Writes() {
			continue
		}
		c := Change{At: e.Began.UTC(), Place: e.Place, Step: step(e), What: m.describe(e), Outcome: "done", Attempt: max(e.Attempt, 1)}
		if e.State == history.Closed {
			c.Took = e.Ended.Sub(e.Began).Seconds()
		}
		switch {
		case e.State == history.Resend:
			c.Outcome = "not applied, to be sent again"
		case e.State != history.Closed:
			c.Outcome = "unknown"
		case e.Err != nil:
			c.Outcome = "failed"
		case doubted:
			c.Outcome = strings.ReplaceAll(w.Outcome, "_", " ")
		}
		m.r.Changes = append(m.r.Changes, c)
	}
	for _, v := range m.Visits {
		if v.Rollback && v.Err != nil {
			m.r.Failures = append(m.r.Failures, Failure{At: v.Left.UTC(), Place: v.Place, Step: "rollback", What: v.Name, Code: v.Err.Code, Text: view.Clean(v.Err.Message)})
		}
	}
	m.raised()
	slices.SortStableFunc(m.r.Failures, func(a, b Failure) int { return a.At.Compare(b.At) })
}

// raised adds why the run as a whole failed, if no effect says it already: a gate
// that broke, an error of the script.
func (m *maker) raised() {
	for i, v := range m.Visits { // a step that failed by the script's own word
		inside := func(at time.Time) bool { return !at.Before(v.At) && !at.After(v.Left) }
		told := slices.ContainsFunc(m.r.Failures, func(f Failure) bool { return inside(f.At) }) ||
			slices.ContainsFunc(m.Visits[i+1:], func(w *history.Visit) bool { return w.Err != nil && w.Depth > v.Depth && inside(w.At) })
		if v.Err == nil || v.Rollback || told || m.again(v) {
			continue
		}
		m.r.Failures = append(m.r.Failures, Failure{At: v.Left.UTC(), Step: view.Line(v.Name), What: "step " + view.Line(v.Name), Code: v.Err.Code, Text: view.Clean(v.Err.Message)})
	}
	for _, t := range m.Turns {
		if t.Err == nil || slices.ContainsFunc(m.r.Failures, func(f Failure) bool { return f.Text == view.Clean(t.Err.Message) }) {
			continue
		}
		f := Failure{At: t.At.UTC(), What: t.Err.Op, Where: t.Err.Where.String(), Code: t.Err.Code, Text: view.Clean(t.Err.Message)}
		if f.What == "" {
			f.What = "the script"
		}
		for _, v := range m.Visits { // the outermost that failed, and when
			if v.Err != nil && !v.Rollback && v.Depth == 0 {
				f.At, f.Step = v.Left.UTC(), view.Line(v.Name)
			}
		}
		m.r.Failures = append(m.r.Failures, f)
	}
}

// again reports whether the run as a whole failed with what ended a step: that is
// told once.
func (m *maker) again(v *history.Visit) bool {
	return slices.ContainsFunc(m.Turns, func(t history.Turn) bool { return t.Err != nil && strings.Contains(v.Err.Message, t.Err.Message) })
}

func (m *maker) unknown(e *history.Effect, w history.Word, doubted bool) Unknown {
	u := Unknown{Place: e.Place, What: m.describe(e), Where: e.Where.String(), Began: e.Began.UTC(), Settled: "open: nobody has said"}
	if doubted {
		u.Settled, u.By, u.Reason = strings.ReplaceAll(w.Outcome, "_", " "), w.By, view.Clean(w.Reason)
		if w.About == history.WordObserved {
			u.By = "the backend"
		} else if w.By == "" {
			u.By = "the op's recovery"
		}
	}
	return u
}

// deviations puts into words in what the run was not as planned.
func (m *maker) deviations() {
	for _, line := range view.Differences(view.Style{}, m.Catalog, m.Deviations) {
		mark, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		kind := map[string]string{"+": "not planned", "-": "not done", "~": "otherwise"}[mark]
		if kind == "" { // what belongs to the line above
			kind, text = "", strings.TrimSpace(line)
		}
		m.r.Deviations = append(m.r.Deviations, Deviation{kind, strings.Join(strings.Fields(text), " ")})
	}
}
