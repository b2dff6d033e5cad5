package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// answers are the commands that answer what a run asks and what is not decided
// yet.
func (a *App) answers(ctx context.Context, db *journal.DB, id string, h *history.History) view.Advice {
	questions, err := interpreter.Questions(h)
	if err != nil { // `show` says it
		return view.Advice{}.With("see what it asks with:", a.OnRun("show", id))
	}
	run, err := db.Find(ctx, id)
	if err != nil {
		run.ID = id
	}
	starters := append(h.Resumers, run.By)
	var advice view.Advice
	for i := range questions {
		q := &questions[i]
		if q.Answered(h) {
			continue
		}
		if len(questions) > 1 {
			advice = append(advice, view.Tell("\""+view.Line(q.Title)+"\"")...)
		}
		advice = append(advice, a.Answering(ctx, db, run, q, starters, h.Answers, len(questions) > 1)...)
	}
	return advice
}

// Answering are the commands that answer one question. starters have started and
// resumed the run, answers are those of the run so far; among says that the run
// asks other things as well.
func (a *App) Answering(ctx context.Context, db *journal.DB, run journal.Run, q *interpreter.Question, starters []string, answers []effect.Event, among bool) view.Advice {
	pin, err := PinnedBy(ctx, db, run)
	var people effect.People
	if pin != nil {
		people = pin.People
	}
	takes := func(who effect.Identity, account string) bool {
		said := len(q.Items) == 0 && slices.ContainsFunc(answers, func(a effect.Event) bool { return a.Place == q.Place && a.Body.By == who.Name })
		return !said && q.Takes(who, account, people, starters)
	}
	from := func(account string) func(string) bool {
		return func(name string) bool {
			return len(people.Meant(name)) == 0 && takes(effect.Identity{Name: name}, account) ||
				slices.ContainsFunc(people.Meant(name), func(n string) bool { return takes(effect.Identity{Name: n, Roles: people[n].Roles}, account) })
		}
	}
	counted := answers
	if len(q.Items) > 0 { // whoever has answered one answers the next
		counted = nil
	}
	have, left := q.Wanted(counted, people, starters)
	here := from(User())
	say, more, input := "answer with:", []string(nil), ""
	if among {
		more = append(more, "--question", string(q.Place))
	}
	if !takes(whoIsHere(people), User()) {
		other := slices.IndexFunc(q.By, from(""))
		var own string
		if err == nil {
			own, err = a.ownName(pin)
		}
		switch {
		case other < 0: // there is no list of names: whoever is not one of the starters
			say = "somebody else answers with:"
		case people != nil:
			say = whose(people, q.By[other], left) + " with:"
			if slices.ContainsFunc(people.Meant(q.By[other]), func(n string) bool { return len(people[n].Tokens) > 0 }) {
				more, input = fromFile(more, "--token-file", input)
			}
		case err != nil || own != "" || !here(q.By[other]):
			say = view.Line(q.By[other]) + " answers with:"
		default:
			more = append(more, "--as", q.By[other])
		}
	}
	switch {
	case len(q.Items) > 0:
		open := 1
		for given := q.Given(answers); open < len(q.Items); open++ {
			if _, ok := given[open]; !ok {
				break
			}
		}
		more = append([]string{fmt.Sprint(open)}, more...)
		if q.Items[open-1].Evidence {
			more, input = fromFile(more, "--evidence", input)
		}
		return view.Advice{}.With(say, a.OnRun("check-off", run.ID, more...)+input)
	case len(q.Choices) > 0:
		var advice view.Advice
		for i, c := range q.Choices {
			advice = advice.With([]string{say, "or:"}[min(i, 1)], a.OnRun("decide", run.ID, append([]string{c, "--reason", "…"}, more...)...)+input)
		}
		return advice
	}
	var advice view.Advice
	if have > 0 && have < q.Count {
		advice = view.Tell(stillNeeded(have, q.Count, left))
	}
	return advice.With(say, a.OnRun("approve", run.ID, more...)+input).With("or:", a.OnRun("deny", run.ID, more...)+input)
}

// fromFile adds a flag that names a file of whoever answers. Where sudo gives them an
// account that may not see what they may, the shell hands it over, if it does not
// hand over another already; input is what stands behind the command for that.
func fromFile(flags []string, flag, input string) ([]string, string) {
	if lentTo() == "" || input != "" {
		return append(flags, flag, "FILE"), input
	}
	return append(flags, flag, StandardInput), " <FILE"
}

// stillNeeded says how many have agreed, and who else has to.
func stillNeeded(have, count int, left []string) string {
	text, more := fmt.Sprintf("%d of %d approvals; still needed: ", have, count), count-have
	switch names := view.Line(strings.Join(left, ", ")); {
	case len(left) == 0 && more == 1:
		return text + "one of somebody else"
	case len(left) == 0:
		return text + fmt.Sprintf("%d of others", more)
	case len(left) == more:
		return text + names
	case more == 1:
		return text + "one of " + names
	default:
		return text + fmt.Sprintf("%d of %s", more, names)
	}
}

// AnswersFor returns what a tree prints below the questions of a run that goes
// on while it waits.
func (a *App) AnswersFor(ctx context.Context, db *journal.DB, run journal.Run, resumers []string) func(q interpreter.Question) view.Advice {
	return func(q interpreter.Question) view.Advice {
		return a.Answering(ctx, db, run, &q, append(resumers, run.By), nil, q.Place.BranchName() != "")
	}
}

// whose says who answers in the place of a name: one person, or who has a role. Of
// those, whoever is not left has answered.
func whose(people effect.People, name string, left []string) string {
	meant := slices.DeleteFunc(slices.Clone(people.Meant(name)), func(person string) bool { return !slices.Contains(left, person) })
	if len(meant) == 1 && meant[0] == name {
		return view.Line(name) + " answers"
	}
	return view.Line(name) + " (" + view.Line(strings.Join(meant, ", ")) + ") answers"
}
