package rehearsal

import (
	"fmt"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// acceptedLine is a finding that a runbook accepts.
type acceptedLine struct {
	Invariant string `json:"invariant"`
	About     string `json:"about,omitempty" doc:"what its message has to say"`
	Why       string `json:"why" doc:"as the runbook says"`
	Found     int    `json:"found" doc:"schedules, or orders, with such a finding"`
}

// acceptedLines pairs acceptances with how often they were needed.
func acceptedLines(list []effect.Acceptance, found []int) []acceptedLine {
	var lines []acceptedLine
	for i, a := range list {
		lines = append(lines, acceptedLine{a.Invariant, a.About, a.Why, found[i]})
	}
	return lines
}

// accepted prints them, and returns how what holds beside them is called. Where all
// was explored, one that was not needed may go.
func (a commands) accepted(lines []acceptedLine, word string, whole bool) string {
	all := "all invariants"
	for _, l := range lines {
		name := view.Clean(l.Invariant)
		if l.About != "" {
			name += view.Clean(fmt.Sprintf(" (about %q)", l.About))
		}
		switch {
		case l.Found > 0:
			all = "all other invariants"
			a.Result("accepted in %s: %s\n  %s\n", app.Counted(l.Found, word), name, a.OutStyle.Dim(view.Clean(l.Why)))
		case whole:
			a.Result("%s\n", a.OutStyle.Yellow("accepted, and not found any more: "+name))
		}
	}
	return all
}

// verdict prints what one rehearsed schedule or order broke.
func (a commands) verdict(broken, accepted []simulate.Violation) {
	list := func(mark string, violations []simulate.Violation) {
		for _, v := range violations {
			a.Result("%s %s: %s\n", mark, view.Clean(v.Invariant), app.Indented(view.Clean(v.Message)))
		}
	}
	list(a.OutStyle.Red("✗"), broken)
	list(a.OutStyle.Yellow("accepted:"), accepted)
	switch {
	case len(broken) > 0:
	case len(accepted) > 0:
		a.Result("%s\n", a.OutStyle.Green("all other invariants held"))
	default:
		a.Result("%s\n", a.OutStyle.Green("all invariants held"))
	}
}
