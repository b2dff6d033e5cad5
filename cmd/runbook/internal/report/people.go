package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// people tells what was asked and answered, and what people decided.
func (m *maker) people() {
	for _, e := range m.Effects {
		switch {
		case e.Op == effect.OpChecklist:
			m.r.Checklists = append(m.r.Checklists, m.checklist(e))
		case effect.Asks(e.Op):
			m.r.Approvals = append(m.r.Approvals, m.approval(e))
		}
	}
	m.r.Decisions = append(m.r.Decisions, Decision{At: m.r.Started, By: view.Line(m.Run.By), What: "started the run"})
	for _, w := range m.Words {
		d := decision(w)
		switch w.About {
		case history.WordAnswer:
			if w.Item != "" { // it stands in its checklist
				continue
			}
			if e := m.At(w.Place); e != nil {
				title, _ := argsOf(e)["title"].(string)
				if d.What += fmt.Sprintf(" %q", view.Line(title)); e.Op == effect.OpChoose {
					d.What = "chose " + view.Line(w.Outcome) + ": " + view.Line(title)
				}
			}
		case history.WordObserved, history.WordResolved:
			if e := m.At(w.Place); e != nil {
				d.What = strings.Replace(d.What, "an effect", m.describe(e), 1)
			}
			if w.By == "" { // no person: it stands with the unknown outcomes
				continue
			}
		}
		m.r.Decisions = append(m.r.Decisions, d)
	}
	m.called()
	m.undecided()
	slices.SortStableFunc(m.r.Decisions, func(a, b Decision) int { return a.At.Compare(b.At) })
}

// called tells who took on which page, once each.
func (m *maker) called() {
	told := map[any]bool{}
	for _, e := range m.Effects {
		if e.Op != opAcknowledged || e.State != history.Closed || e.Err != nil {
			continue
		}
		v, _ := effect.Decode(e.Value)
		answer, _ := v.(map[string]any)
		by, _ := answer["by"].(string)
		args := argsOf(e)
		if key := args["key"]; by != "" && !told[key] {
			told[key] = true
			to, _ := args["to"].(string)
			m.r.Decisions = append(m.r.Decisions, Decision{At: e.Ended.UTC(), By: view.Line(by), What: "took on the page to " + view.Line(to)})
		}
	}
}

// undecided tells what was done where nobody chose in time.
func (m *maker) undecided() {
	for _, e := range m.Effects {
		if e.Op != effect.OpChoose || e.State != history.Closed || e.Err != nil {
			continue
		}
		v, _ := effect.Decode(e.Value)
		value, _ := v.(map[string]any)
		if by, _ := value["by"].(string); by != "" {
			continue
		}
		text := func(of map[string]any, name string) string { s, _ := of[name].(string); return view.Clean(s) }
		m.r.Decisions = append(m.r.Decisions, Decision{At: e.Ended.UTC(), By: "nobody",
			What: text(value, "choice") + " by default: " + view.Line(text(argsOf(e), "title")), Reason: text(value, "reason")})
	}
}

func decision(w history.Word) Decision {
	d := Decision{At: w.At.UTC(), By: view.Line(w.By), Reason: view.Clean(w.Reason)}
	d.User = view.Line(view.Behind(w.By, w.User, w.Via, w.Roles))
	switch w.About {
	case history.WordAnswer:
		d.What = view.Line(w.Outcome)
	case history.WordObserved, history.WordResolved:
		d.What = "said of an effect: " + strings.ReplaceAll(view.Line(w.Outcome), "_", " ")
	case history.WordRollback:
		d.What = "asked for a rollback"
	case history.WordCancel:
		d.What = "asked for the end of the run"
	case history.WordResumed:
		d.What = "took the run up again"
	case history.WordScript:
		d.What = "replaced " + view.Line(w.Text)
	case history.WordForked:
		d.What = "began run " + view.Line(w.Text) + " from this one"
	case history.WordAcceptance:
		d.What = "went on from a record that was changed"
	}
	return d
}

// approval tells a question and what came of it.
func (m *maker) approval(e *history.Effect) Approval {
	args := argsOf(e)
	text := func(name string) string { s, _ := args[name].(string); return view.Clean(s) }
	a := Approval{Place: e.Place, Title: text("title"), Detail: text("detail"), Asked: e.Began.UTC(), Count: 1, Answers: []Decision{}}
	if n, ok := args["count"].(float64); ok {
		a.Count = int(n)
	}
	a.Separate, _ = args["separate"].(bool)
	by, _ := args["by"].([]any)
	for _, name := range by {
		if s, ok := name.(string); ok {
			a.Of = append(a.Of, view.Line(s))
		}
	}
	for _, w := range m.Words {
		if w.About == history.WordAnswer && w.Place == e.Place {
			a.Answers = append(a.Answers, decision(w))
		}
	}
	a.Outcome, a.Waited = m.came(e)
	return a
}

// came says what came of a question, and after how many seconds.
func (m *maker) came(e *history.Effect) (outcome string, waited float64) {
	end := m.end()
	switch {
	case e.State != history.Closed && (m.r.Ended || m.Rolling()):
		outcome, end = "nobody needed the answer any more", m.r.Last
	case e.State != history.Closed:
		outcome = "open"
	case e.Err != nil:
		outcome, end = string(e.Err.Code), e.Ended
	default:
		outcome, end = map[string]string{effect.OpApprove: "approved", effect.OpChecklist: "done", effect.OpChoose: "decided"}[e.Op], e.Ended
		if v, err := effect.Decode(e.Value); err == nil && e.Op == effect.OpChoose {
			value, _ := v.(map[string]any)
			if choice, ok := value["choice"].(string); ok {
				outcome = view.Line(choice)
			}
		}
	}
	return outcome, end.Sub(e.Began).Seconds()
}

// checklist tells a list with its answers.
func (m *maker) checklist(e *history.Effect) Checklist {
	args := argsOf(e)
	a := m.approval(e)
	c := Checklist{Place: e.Place, Title: a.Title, Detail: a.Detail, Asked: a.Asked, Of: a.Of, Outcome: a.Outcome, Waited: a.Waited, Items: []Item{}}
	items, _ := effect.Items(args)
	for i, item := range items {
		one := Item{Text: view.Clean(item.Text)}
		for _, w := range m.Words {
			if w.Place != e.Place || w.About != history.WordAnswer || w.Item != strconv.Itoa(i+1) {
				continue
			}
			d := decision(w)
			one.Outcome, one.At, one.By, one.User, one.Note = strings.ReplaceAll(d.What, "_", " "), d.At, d.By, d.User, d.Reason
			file, _ := w.Shown["file"].(string)
			one.Evidence = view.Line(file)
			one.SHA256, _ = w.Shown["sha256"].(string)
			break
		}
		c.Items = append(c.Items, one)
	}
	return c
}

// end is up to when the run is told: its end, or the moment of the report, up to
// which it has waited.
func (m *maker) end() time.Time {
	if m.r.Ended {
		return m.r.Last
	}
	return m.r.Made
}

// recovery measures how long it took until all was well again: of a rollback,
// from the failure or the word that caused it; of an incident, from the start.
func (m *maker) recovery() {
	target := m.Target.Seconds()
	done := m.r.Status == effect.StatusSucceeded || m.r.Status == effect.StatusRolledBack
	set := func(what string, from, to time.Time) {
		m.r.Recovery = &Recovery{What: what, From: from.UTC(), To: to.UTC(), Seconds: to.Sub(from).Seconds(), Target: target, Done: done}
		m.r.Recovery.verdict(m.r.Ended)
	}
	switch {
	case m.r.Kind == Incident:
		set("from the start of the run to its end", m.r.Started, m.end())
	case m.Rolling():
		from, what := m.RollbackAt, "from the start of the rollback to its end"
		for _, w := range m.Words {
			if w.About == history.WordRollback && w.At.Before(from) {
				from, what = w.At, "from the word that asked for it to the end of the rollback"
			}
		}
		if bad := m.firstBad(from); bad.Before(from) {
			from, what = bad, "from the first bad measurement to the end of the rollback"
		}
		set(what, from, m.end())
	case target > 0:
		set("from the start of the run to its end", m.r.Started, m.end())
	}
}

// firstBad returns when the row of bad measurements began that led to the
// rollback; the moment itself if none did.
func (m *maker) firstBad(until time.Time) time.Time {
	found := until
	for i := len(m.r.Gates) - 1; i >= 0; i-- {
		list := m.r.Gates[i].Measurements
		if n := len(list); n == 0 || len(list[n-1].Broken) == 0 || list[n-1].At.After(until) {
			continue
		}
		for n := len(list) - 1; n >= 0 && len(list[n].Broken) > 0; n-- {
			found = earlier(found, list[n].At)
		}
		break
	}
	return found
}
