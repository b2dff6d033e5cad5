package simulate

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Guard is the Handler that holds a real run to its plan. It stands above the
// Recorder: before a write that the plan does not show it asks people, and
// that question is an effect of the run like any other, so that a resume does
// not ask again. A rollback is never held up, nor is what the engine does
// itself.
type Guard struct {
	shown   map[effect.Place]*Planned // by place
	approve *effect.Op
	terms   func() map[string]any
	next    effect.Handler
}

// NewGuard returns a Guard above next. approve is the op run.approve; terms returns
// the arguments of it that say who is asked, and for how long, once that is known.
func NewGuard(p *Plan, approve *effect.Op, terms func() map[string]any, next effect.Handler) *Guard {
	g := &Guard{shown: make(map[effect.Place]*Planned, len(p.Effects)), approve: approve, terms: terms, next: next}
	for i := range p.Effects {
		g.shown[p.Effects[i].Place] = &p.Effects[i]
	}
	return g
}

// Do lets pass what the plan shows, and asks about the rest.
func (g *Guard) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if !call.Class.Writes() || call.Op.Module == effect.ControlModule || call.Place.InRollback() {
		return g.next.Do(ctx, call)
	}
	args, err := EncodeByName(call.Args)
	if err != nil {
		return g.next.Do(ctx, call) // the Recorder refuses it in better words
	}
	shown := g.shown[call.Place]
	if shown != nil && shown.Op == call.Op.String() && bytes.Equal(shown.Args, args) {
		return g.next.Do(ctx, call)
	}
	question := map[string]any{"title": fmt.Sprintf("do what the plan does not show: %s?", call.Op), "detail": deviation(call, args, shown)}
	maps.Copy(question, g.terms())
	asked, err := g.approve.Check(question)
	if err != nil {
		return effect.Result{}, effect.Errorf(effect.CodeInternal, "ask about what the plan does not show: %v", err)
	}
	_, err = g.next.Do(ctx, effect.Call{Place: call.Place.Guard(), Op: g.approve, Args: asked,
		Class: g.approve.Class, Recovery: g.approve.Recovery, Where: call.Where})
	switch {
	case effect.AsStop(err) != nil:
		return effect.Result{}, err
	case err != nil:
		e := *effect.AsError(err)
		e.Op, e.Where = call.Op.String(), call.Where
		e.Message = "the plan does not show it, and it was not agreed to: " + e.Message
		e.Hint = "make a new plan with --dry-run --out PLAN"
		return effect.Result{}, &e
	}
	return g.next.Do(ctx, call)
}

// deviation says how what is asked for differs from what the plan shows.
func deviation(call effect.Call, args []byte, shown *Planned) string {
	text := fmt.Sprintf("now: %s %s at %s; the plan: ", call.Op, args, call.Where)
	if shown == nil {
		return text + "nothing at this place"
	}
	return text + fmt.Sprintf("%s %s at %s", shown.Op, shown.Args, shown.Where)
}
