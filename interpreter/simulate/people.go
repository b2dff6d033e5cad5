package simulate

import (
	"context"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// ask lets the people of the scenario answer a question.
func (w *World) ask(ctx context.Context, call effect.Call) (effect.Result, error) {
	title, _ := call.Args["title"].(string)
	answer, said := w.setup.Answers[title]
	if !said {
		answer = Answer{After: time.Minute}
	}
	fact := Modeled
	if !said {
		fact = Assumed
	}
	return w.answer(ctx, call, answer, fact)
}

// unwilling lets people refuse, or be silent, by the schedule.
func (w *World) unwilling(ctx context.Context, call effect.Call, kind Kind) (effect.Result, error) {
	return w.answer(ctx, call, Answer{Deny: kind == Denied, Never: kind == Unanswered, After: time.Minute}, Modeled)
}

func (w *World) answer(ctx context.Context, call effect.Call, a Answer, fact Fact) (effect.Result, error) {
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
	by := people(call.Args, a.By, int(count))
	var failure *effect.Error
	switch {
	case late:
		failure = effect.Errorf(effect.CodeExpired, "nobody decided on %q in time", title)
	case a.Deny:
		failure = effect.Errorf(effect.CodeDenied, "%v said no to %q", by[0], title)
	}
	w.mu.Lock()
	w.answers[title] = "approved"
	if failure != nil {
		w.answers[title] = string(failure.Code)
	}
	w.entries = append(w.entries, Entry{At: w.timeline.Now(), Took: until.Sub(call.Began), Place: call.Place, Op: call.Op.String(),
		Class: call.Class, Args: call.Args, Where: call.Where, Err: failure, Fact: fact,
		Fault: w.faults[call.Place]})
	w.mu.Unlock()
	if failure != nil {
		return effect.Result{}, failure
	}
	return effect.Result{Value: map[string]any{"by": by}}, nil
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
