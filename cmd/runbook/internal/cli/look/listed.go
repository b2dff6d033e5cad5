package look

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// listed is a run, with what people have said since it stopped for them, and what it
// waits for now; one that is carried may wait as well.
type listed struct {
	journal.Run
	ready  string
	waits  []waitingLine
	sleeps []sleepingLine
}

// sleepingLine is a moment that a run waits for.
type sleepingLine struct {
	Why   string       `json:"why,omitempty" doc:"its reason, or what a loop waits for"`
	Place effect.Place `json:"place"`
	Since time.Time    `json:"since"`
	Until time.Time    `json:"until" doc:"of a loop, when it looks again"`

	looks bool // it is the pause of a loop
}

// waitingLine is what a run waits for people to say.
type waitingLine struct {
	What   string       `json:"what" doc:"the question; or the effect whose outcome is unknown"`
	Place  effect.Place `json:"place"`
	Of     []string     `json:"of,omitempty" doc:"who may still answer, by name or role; anyone if it is left out"`
	Count  int          `json:"count,omitempty" doc:"how many have to agree, where it is more than one"`
	Agreed int          `json:"agreed,omitempty" doc:"how many of them have"`
	Since  time.Time    `json:"since"`
	Until  *time.Time   `json:"until,omitempty" doc:"when the question expires"`

	people []string // those whom Of means
}

func (a commands) listed(ctx context.Context, db *journal.DB, r journal.Run) listed {
	one := listed{Run: r}
	if r.Status.Terminal() || r.Status == effect.StatusInterrupted {
		return one
	}
	events, err := db.Events(ctx, r.ID, 0)
	if err != nil { // `runbook show` says it
		return one
	}
	h := history.Of(events)
	if !app.Carried(r) {
		one.ready = app.Ready(r, h)
	}
	for _, e := range h.Sleeps() {
		until, why := view.SleepOf(e.Args, e.Began)
		if _, looks := e.Place.Composite(); until.After(time.Now()) && (why != "" || !looks) {
			one.sleeps = append(one.sleeps, sleepingLine{Why: why, Place: e.Place, Since: e.Began, Until: until, looks: looks})
		}
	}
	slices.SortStableFunc(one.sleeps, func(a, b sleepingLine) int { return a.Until.Compare(b.Until) })
	questions, err := interpreter.Questions(h)
	if err != nil {
		return one
	}
	for i := range questions {
		q := &questions[i]
		if !q.Answered(h) && time.Now().Before(q.Deadline) {
			one.waits = append(one.waits, waitingFor(ctx, db, r, h, q))
		}
	}
	if r.Status == effect.StatusUnknown {
		for _, e := range h.Open() {
			one.waits = append(one.waits, waitingLine{What: e.Op + ": outcome unknown", Place: e.Place, Since: e.Began})
		}
	}
	return one
}

// waitingFor is a question, without those who have said what they had to say.
func waitingFor(ctx context.Context, db *journal.DB, r journal.Run, h *history.History, q *interpreter.Question) waitingLine {
	line := waitingLine{What: q.Title, Place: q.Place, Of: q.By, Since: q.Asked, Until: &q.Deadline}
	var people effect.People
	if pin, err := app.PinnedBy(ctx, db, r); err == nil && pin != nil {
		people = pin.People
	}
	answers := h.Answers
	if len(q.Items) > 0 { // whoever has answered one answers the next
		answers = nil
	}
	have, left := q.Wanted(answers, people, append(slices.Clone(h.Resumers), r.By))
	if line.people = left; len(q.Items) > 0 || len(q.Choices) > 0 {
		return line
	}
	if q.Count > 1 {
		line.Count, line.Agreed = q.Count, have
	}
	line.Of = slices.DeleteFunc(slices.Clone(q.By), func(name string) bool {
		return !slices.ContainsFunc(left, func(person string) bool {
			return person == name || slices.Contains(people.Meant(name), person)
		})
	})
	return line
}

// inWords is what a run waits for, in a column.
func (l *listed) inWords() string {
	parts := make([]string, 0, len(l.waits)+len(l.sleeps))
	for _, w := range l.waits {
		who := "anyone"
		if len(w.Of) > 0 {
			who = strings.Join(w.Of, ", ")
		}
		if w.Count > 1 {
			who += fmt.Sprintf(" (%d of %d)", w.Agreed, w.Count)
		}
		parts = append(parts, fmt.Sprintf("%s, since %s: %s", view.Line(who), w.Since.Local().Format("01-02 15:04"), view.Line(w.What)))
	}
	for _, w := range l.sleeps {
		text := view.Line(w.Why)
		if !w.looks {
			text = strings.TrimSuffix("until "+view.Deadline(w.Since, w.Until)+": "+text, ": ")
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// wanted are the runs that a list is asked for beyond what the journal filters.
type wanted struct{ text, person string }

func (w wanted) some() bool { return w.text != "" || w.person != "" }

func (w wanted) wants(r *listed) bool {
	if w.person != "" && !slices.ContainsFunc(r.waits, func(line waitingLine) bool {
		return len(line.Of) == 0 || slices.ContainsFunc(append(slices.Clone(line.Of), line.people...), func(name string) bool {
			return effect.Person(name) == effect.Person(w.person)
		})
	}) {
		return false
	}
	parts := []string{r.ID, r.Name, r.Script, r.Env, r.By, string(r.Params)}
	for _, line := range r.waits {
		parts = append(parts, line.What, strings.Join(line.Of, " "))
	}
	for _, line := range r.sleeps {
		parts = append(parts, line.Why)
	}
	all := strings.ToLower(strings.Join(parts, "\n"))
	for _, word := range strings.Fields(strings.ToLower(w.text)) {
		if !strings.Contains(all, word) {
			return false
		}
	}
	return true
}
