package interpreter

import (
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Wanted returns how many have agreed to what a question asks, of those who count
// in a run that these starters, as user@host, have started or resumed, and who else
// could: by name, none where anybody else may.
func (q *Question) Wanted(answers []effect.Event, people effect.People, starters []string) (have int, left []string) {
	asked := *q
	asked.among(people, startersOf(starters))
	agreed := map[string]bool{}
	for i := range answers {
		a := &answers[i]
		if a.Place == q.Place && !a.At.After(q.Deadline) && a.Body.Outcome != answerDenied && people.Vouch(&a.Body, a.At) && asked.refuses(&a.Body) == "" {
			agreed[effect.Person(a.Body.By)] = true
		}
	}
	for _, name := range q.By {
		meant := people.Meant(name)
		if people == nil {
			meant = []string{name}
		}
		for _, person := range meant {
			may := asked.refuses(&effect.Body{By: person, Roles: people[person].Roles}) == ""
			if may && !agreed[effect.Person(person)] && !slices.Contains(left, person) {
				left = append(left, person)
			}
		}
	}
	return len(agreed), left
}
