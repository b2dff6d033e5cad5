package script

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// What people may choose when something has failed and the header says
// on_failure = "ask".
const (
	ChoiceRetry    = "retry"    // carry the step out once more
	ChoiceSkip     = "skip"     // go on behind it
	ChoiceRollback = "rollback" // take back what was registered
	ChoiceAbort    = "abort"    // end as failed
)

// Ask says how people are asked about a failure.
type Ask struct {
	By      []string // anyone if empty
	Timeout float64  // seconds; 0 for that of the op
	Default string   // what is done once the time is up
}

// Args are the arguments of the question, for choices that the default has to be
// one of: it is abort if it is none of them.
func (a Ask) Args(title, detail string, choices ...string) map[string]any {
	args := map[string]any{"title": title, "detail": detail, "default": ChoiceAbort}
	list := make([]any, len(choices))
	for i, c := range choices {
		if list[i] = c; c == a.Default {
			args["default"] = c
		}
	}
	args["choices"] = list
	if a.Timeout > 0 {
		args["timeout"] = a.Timeout
	}
	if len(a.By) > 0 {
		by := make([]any, len(a.By))
		for i, name := range a.By {
			by[i] = name
		}
		args["by"] = by
	}
	return args
}

// Decision is what people chose that ends the run: rollback or abort; "" if they
// did not. It stands for the rest of the run: nobody is asked again.
func (s *Script) Decision() string { return s.decision }

// about asks what becomes of a step that failed, and returns the choice; "" if
// nobody is to be asked.
func (b *branch) about(L *lua.LState, step string, f *failure) string {
	s := b.execution.script
	if s.header == nil || s.header.OnFailure != "ask" || b.rollback || s.decision != "" {
		return ""
	}
	choices := []string{ChoiceRetry, ChoiceSkip}
	if len(s.rollbacks) > 0 {
		choices = append(choices, ChoiceRollback)
	}
	choice := b.choose(L, s.header.Ask, fmt.Sprintf("step %q failed", step), f, append(choices, ChoiceAbort)...)
	if choice == ChoiceRollback || choice == ChoiceAbort {
		s.decision = choice
	}
	return choice
}

// choose asks what becomes of a failure. It returns "" if nobody can be asked, which
// the failure says then: why it failed is not lost with the question.
func (b *branch) choose(L *lua.LState, ask Ask, title string, f *failure, choices ...string) string {
	// Without its place in the script: an edited one asks the same.
	detail := shortened(b.execution.script.failed(f).Message)
	value, err := b.perform(b.execution.ctx, site{b.position(L), &b.scope}, effect.OpChoose, ask.Args(title, detail, choices...))
	if err != nil {
		f.add("; what becomes of it could not be asked: " + err.Message)
		return ""
	}
	named, _ := value.(map[string]any)
	choice, _ := named["choice"].(string)
	return choice
}

// asking wraps a function of a rollback, so that people are asked what becomes of
// it when it fails. What nobody decides goes as it does where nobody is asked: the
// others are taken back, and this one has failed.
func (s *Script) asking(r registered) *lua.LFunction {
	ask := s.header.Ask
	ask.Default = ChoiceSkip
	return s.base.NewFunction(func(L *lua.LState) int {
		b := s.enter(L)
		for {
			_, failure := b.try(L, r.fn)
			if failure == nil {
				return 0
			}
			choice := b.choose(L, ask, fmt.Sprintf("rollback %q failed", r.Name), failure, ChoiceRetry, ChoiceSkip, ChoiceAbort)
			if choice != ChoiceRetry {
				s.abandoned = choice == ChoiceAbort
				b.again(L, failure)
			}
		}
	})
}

// Abandoned reports whether people chose, when the function that RunRollback ran
// last had failed, to take nothing else back.
func (s *Script) Abandoned() bool { return s.abandoned }
