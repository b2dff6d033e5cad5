package interpreter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Question is what approve, checklist or a choice asks.
type Question struct {
	Place    effect.Place
	Title    string
	Detail   string
	By       []string // who may answer; anyone if empty
	Count    int      // how many have to agree
	Asked    time.Time
	Deadline time.Time
	Separate bool // whoever started or resumed the run may not answer
	// Items are those of a checklist, each answered by itself.
	Items []effect.Item
	// Choices are what can be chosen, and Default what is done once the time is up;
	// neither has a yes or no.
	Choices []string
	Default string

	starters map[string]bool // who that is, if Separate
	people   effect.People   // who the names in By are
}

// Error lets a Question be the reason of a Stop.
func (q *Question) Error() string { return "waiting for an answer: " + q.Title }

func questionOf(place effect.Place, args map[string]any, asked time.Time) Question {
	q := Question{Place: place, Count: 1, Asked: asked}
	q.Title, _ = args["title"].(string)
	q.Detail, _ = args["detail"].(string)
	if n, ok := args["count"].(float64); ok {
		q.Count = int(n)
	}
	if list, ok := args["by"].([]any); ok {
		for _, name := range list {
			if s, ok := name.(string); ok {
				q.By = append(q.By, s)
			}
		}
	}
	q.Separate, _ = args["separate"].(bool)
	if _, checklist := args["items"]; checklist {
		q.Items, _ = effect.Items(args) // checked before it was asked
	}
	choices, _ := args["choices"].([]any)
	for _, c := range choices {
		if s, ok := c.(string); ok {
			q.Choices = append(q.Choices, s)
		}
	}
	q.Default, _ = args["default"].(string)
	timeout, _ := args["timeout"].(float64)
	q.Deadline = asked.Add(effect.Seconds(timeout))
	return q
}

// among says who the names in By are, and forbids a question that has to be
// answered by others than the starters of the run their word. It returns why too
// few are left, or "".
func (q *Question) among(people effect.People, starters map[string]bool) string {
	q.people = people
	if why := people.Lacks(q.By, q.Count); why != "" || !q.Separate {
		return why
	}
	q.starters = starters
	left := map[string]bool{}
	for _, name := range q.By {
		for _, person := range append(people.Meant(name), name) {
			if _, known := people[person]; (known || people == nil) && !q.started(person) {
				left[person] = true
			}
		}
	}
	if len(q.By) > 0 && len(left) < q.Count {
		return fmt.Sprintf("it asks %s, who must be others than %s, who started or resumed the run",
			q.asked(), strings.Join(slices.Sorted(maps.Keys(starters)), ", "))
	}
	return ""
}

// started reports whether a person is, by name or by an account of theirs, one of
// those who may not answer.
func (q *Question) started(person string) bool {
	return q.starters[account(person)] || slices.ContainsFunc(q.people[person].Users, func(user string) bool { return q.starters[account(user)] })
}

// asked names those who may answer; behind a role stands who has it.
func (q *Question) asked() string {
	names := make([]string, len(q.By))
	for i, name := range q.By {
		names[i] = name
		if meant := q.people.Meant(name); len(meant) > 0 && meant[0] != name {
			names[i] += " (" + strings.Join(meant, ", ") + ")"
		}
	}
	return strings.Join(names, ", ")
}

// refuses says why a person's answer does not count, or "". The account of the
// operating system that gave it counts as much as the name: nobody agrees to a run
// of their own in the name of others.
func (q *Question) refuses(answer *effect.Body) string {
	named := func(name string) bool { return name == answer.By || slices.Contains(answer.Roles, name) }
	switch {
	case len(q.By) > 0 && !slices.ContainsFunc(q.By, named):
		return "it asks " + q.asked()
	case q.started(answer.By):
		return "it asks others than those who started or resumed the run"
	case answer.User != "" && q.starters[account(answer.User)]:
		return "it asks others than those who started or resumed the run, as " + answer.User + " did, whose account this is"
	}
	return ""
}

// startersOf returns the accounts of people.
func startersOf(people []string) map[string]bool {
	accounts := map[string]bool{}
	for _, by := range people {
		if by != "" {
			accounts[account(by)] = true
		}
	}
	return accounts
}

// account is the name in user@host, as names are compared.
func account(by string) string {
	name, _, _ := strings.Cut(effect.Person(by), "@")
	return name
}

// decide looks at the answers given in time, by whoever may answer.
func (q *Question) decide(answers []effect.Event, now time.Time) (bool, effect.Result, error) {
	switch {
	case len(q.Items) > 0:
		return q.decideItems(answers, now)
	case len(q.Choices) > 0:
		return q.decideChoice(answers, now)
	}
	agreed := map[string]bool{}
	names := []any{}
	for _, a := range answers {
		if a.Place != q.Place || a.At.After(q.Deadline) || agreed[effect.Person(a.Body.By)] || q.refuses(&a.Body) != "" {
			continue
		}
		if a.Body.Outcome == answerDenied {
			return true, effect.Result{}, effect.Errorf(effect.CodeDenied, "%s said no to %q%s", a.Body.By, q.Title, because(a.Body.Reason))
		}
		agreed[effect.Person(a.Body.By)] = true
		names = append(names, a.Body.By)
		if len(agreed) >= q.Count {
			return true, effect.Result{Value: map[string]any{"by": names}}, nil
		}
	}
	if !now.Before(q.Deadline) {
		return true, effect.Result{}, effect.Errorf(effect.CodeExpired, "nobody decided on %q in time: %d of %d agreed within %s",
			q.Title, len(agreed), q.Count, effect.FormatDuration(q.Deadline.Sub(q.Asked)))
	}
	return false, effect.Result{}, nil
}

// need says what is still missing: "2 of 3 approvals of a, b, c".
func (q *Question) need(answers []effect.Event) string {
	switch {
	case len(q.Items) > 0:
		return fmt.Sprintf("%d of %s", len(q.Items)-len(q.Given(answers)), counted(len(q.Items), "item"))
	case len(q.Choices) > 0:
		return "a choice: " + strings.Join(q.Choices, ", ")
	}
	have := 0
	for _, a := range answers {
		if a.Place == q.Place && q.refuses(&a.Body) == "" {
			have++
		}
	}
	text := fmt.Sprintf("%d of %d approvals", have, q.Count)
	for i, name := range q.By {
		if i == 0 {
			text += " of "
		} else {
			text += ", "
		}
		text += name
	}
	return text
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}
