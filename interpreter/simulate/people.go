package simulate

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// ask lets the people of the scenario answer a question.
func (w *World) ask(ctx context.Context, call effect.Call) (effect.Result, error) {
	title, _ := call.Args["title"].(string)
	if why := w.lacks(call.Args); why != "" {
		return effect.Result{}, effect.Errorf(effect.CodeInvalid, "nobody can agree to %q: %s", title, why)
	}
	answer, said := w.setup.Answers[title]
	if !said {
		answer = Answer{After: time.Minute}
	}
	basis := Basis{Fact: Modeled}
	if !said {
		basis = Basis{Assumed, fmt.Sprintf("an answer to %q", title)}
	}
	return w.answer(ctx, call, answer, basis)
}

// lacks says why nobody can answer a question with these arguments, or "".
func (w *World) lacks(args map[string]any) string {
	if w.setup.Lacks == nil {
		return ""
	}
	var by []string
	asked, _ := args["by"].([]any)
	for _, name := range asked {
		if text, ok := name.(string); ok {
			by = append(by, text)
		}
	}
	count, _ := args["count"].(float64)
	return w.setup.Lacks(by, int(count))
}

// stranger returns who of those that answer is none of those that are asked, or "".
func (w *World) stranger(args map[string]any, answering []string) string {
	asked, _ := args["by"].([]any)
	if w.setup.Meant == nil || len(asked) == 0 {
		return ""
	}
	may := map[string]bool{}
	for _, name := range asked {
		text, _ := name.(string)
		may[effect.Person(text)] = true // also a role, for whoever has it
		for _, person := range w.setup.Meant(text) {
			may[effect.Person(person)] = true
		}
	}
	for _, name := range answering {
		if !may[effect.Person(name)] {
			return name
		}
	}
	return ""
}

// unwilling lets people refuse, or be silent, by the schedule.
func (w *World) unwilling(ctx context.Context, call effect.Call, kind Kind) (effect.Result, error) {
	return w.answer(ctx, call, Answer{Deny: kind == Denied, Never: kind == Unanswered, After: time.Minute}, Basis{Fact: Modeled})
}

func (w *World) answer(ctx context.Context, call effect.Call, a Answer, basis Basis) (effect.Result, error) {
	title, _ := call.Args["title"].(string)
	timeout, _ := call.Args["timeout"].(float64)
	count, _ := call.Args["count"].(float64)
	until := call.Began.Add(effect.Seconds(timeout))
	late := a.Never || a.After > effect.Seconds(timeout)
	if !late {
		until = call.Began.Add(a.After)
	}
	if err := w.timeline.Wait(ctx, until); err != nil {
		if s := effect.AsStop(err); s != nil {
			return effect.Result{}, s
		}
		return effect.Result{}, &effect.Stop{Cause: effect.Interrupted}
	}
	value, said, failure := a.come(call, late, people(call.Args, a.By, int(count)))
	if who := w.stranger(call.Args, a.By); who != "" && !late {
		failure = effect.Errorf(effect.CodeInvalid, "the scenario answers %q as %s, and it asks %v", title, who, call.Args["by"])
		value, said = nil, string(failure.Code)
	}
	w.mu.Lock()
	whole := w.before(call)
	w.answers[title] = said
	w.entries = append(w.entries, Entry{At: w.timeline.Now(), Took: until.Sub(call.Began), Place: call.Place, Op: call.Op.String(),
		Class: call.Class, Args: call.Args, Where: call.Where, Err: failure, Basis: basis,
		Fault: w.faults[call.Place]})
	w.after(w.entries[len(w.entries)-1], whole)
	w.mu.Unlock()
	if failure != nil {
		return effect.Result{}, failure
	}
	return effect.Result{Value: value}, nil
}

// come is what the question comes to: what the script sees, and the answer in a
// word.
func (a Answer) come(call effect.Call, late bool, by []any) (value map[string]any, said string, failure *effect.Error) {
	title, _ := call.Args["title"].(string)
	if call.Op.String() == effect.OpChoose {
		return a.choose(call.Args, late, by)
	}
	switch {
	case late:
		failure = effect.Errorf(effect.CodeExpired, "nobody decided on %q in time", title)
		return nil, string(failure.Code), failure
	case call.Op.String() == effect.OpChecklist:
		return a.check(title, call.Args, by)
	case a.Deny:
		failure = effect.Errorf(effect.CodeDenied, "%v said no to %q", by[0], title)
		return nil, string(failure.Code), failure
	}
	return map[string]any{"by": by}, "approved", nil
}

// check answers a checklist: each item is done, or one has failed.
func (a Answer) check(title string, args map[string]any, by []any) (map[string]any, string, *effect.Error) {
	items, err := effect.Items(args)
	if err != nil {
		failure := effect.Errorf(effect.CodeInvalid, "checklist: %s", err)
		return nil, string(failure.Code), failure
	}
	list := make([]any, len(items))
	for i, item := range items {
		if a.Deny && (a.Item == "" || a.Item == item.Text) {
			failure := effect.Errorf(effect.CodeDenied, "%v says that item %d of %q failed, %q", by[0], i+1, title, item.Text)
			return nil, string(failure.Code), failure
		}
		one := map[string]any{"text": item.Text, "outcome": "done", "by": by[0]}
		if item.Evidence {
			one["evidence"] = map[string]any{"file": "evidence", "size": 0.0, "sha256": ""}
		}
		list[i] = one
	}
	return map[string]any{"items": list}, "approved", nil
}

// choose takes a choice, which has to be one of those that are offered.
func (a Answer) choose(args map[string]any, late bool, by []any) (map[string]any, string, *effect.Error) {
	choices, _ := args["choices"].([]any)
	chosen, _ := args["default"].(string)
	switch {
	case late && chosen != "":
		return map[string]any{"choice": chosen, "reason": "nobody decided in time"}, chosen, nil
	case late:
		failure := effect.Errorf(effect.CodeExpired, "nobody decided on %q in time", args["title"])
		return nil, string(failure.Code), failure
	case slices.Contains(choices, any(a.Choice)):
		chosen = a.Choice
	case a.Choice != "":
		failure := effect.Errorf(effect.CodeInvalid, "the scenario answers %q with %s; it can be %v", args["title"], a.Choice, choices)
		return nil, string(failure.Code), failure
	case chosen == "" && len(choices) > 0:
		chosen, _ = choices[0].(string)
	}
	return map[string]any{"choice": chosen, "by": by[0], "reason": "as the scenario says"}, chosen, nil
}

// people names as many as a question wants.
func people(args map[string]any, said []string, count int) []any {
	var by []any
	for _, name := range said {
		by = append(by, name)
	}
	asked, _ := args["by"].([]any)
	for _, name := range asked {
		if len(by) < max(count, 1) {
			by = append(by, name)
		}
	}
	for len(by) < max(count, 1) {
		by = append(by, "someone")
	}
	return by
}
