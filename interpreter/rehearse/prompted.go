package rehearse

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// prompted is the performer of a composite whose first effects have the outcomes
// that they had in the film.
type prompted struct {
	effect.Performer // for the rest
	composed         script.Composed
	scene            *scene
	knows            func(act) bool
	at               int  // the next step
	ended            bool // the rest has begun
}

// Perform implements effect.Performer.
func (p *prompted) Perform(ctx context.Context, op string, args map[string]any) (any, error) {
	if st, ok := p.step(op, args); ok {
		return st.value, st.err
	}
	return p.Performer.Perform(ctx, op, args)
}

// Deviations implements effect.Performer.
func (p *prompted) Deviations(ctx context.Context) ([]effect.Deviation, error) {
	if st, ok := p.step("", nil); ok {
		return st.deviations, st.err
	}
	return p.Performer.Deviations(ctx)
}

// step returns the next one, if it is the same and its outcome is known.
func (p *prompted) step(op string, args map[string]any) (step, bool) {
	if p.ended || p.at == len(p.scene.steps) {
		return step{}, false
	}
	st, places, marks := p.scene.steps[p.at], 0, 0
	p.ended = st.op != op || !sameTable(st.args, args)
	for _, a := range p.scene.acts[st.from:st.to] {
		p.ended = p.ended || !p.knows(a)
		if a.call.Class == effect.Mark {
			marks++
		} else {
			places++
		}
	}
	p.ended = p.ended || !p.composed.Spend(st.spent, places, marks)
	p.at++
	return st, !p.ended
}
