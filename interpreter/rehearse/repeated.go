package rehearse

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// repeated is the performer of a composite that does what it did in the film.
type repeated struct {
	scene   *scene
	world   *simulate.World
	at      int // the next step
	events  []effect.Event
	strayed bool
}

var errStrayed = &effect.Stop{Cause: strayed}

// Perform implements effect.Performer.
func (r *repeated) Perform(ctx context.Context, op string, args map[string]any) (any, error) {
	st, ok := r.step(op)
	if !ok {
		return nil, errStrayed
	}
	if op != effect.OpGate && !sameTable(st.args, args) {
		r.strayed = true
		return nil, errStrayed
	}
	value := st.value
	for _, a := range r.scene.acts[st.from:st.to] {
		switch {
		case a.call.Class == effect.Value:
			value = r.now(a)
		case a.call.Class == effect.Mark && op == effect.OpGate:
			r.gate(a, args)
		default:
			r.act(ctx, a)
		}
	}
	if r.strayed {
		return nil, errStrayed
	}
	return value, nil
}

// Deviations implements effect.Performer.
func (r *repeated) Deviations(ctx context.Context) ([]effect.Deviation, error) {
	st, ok := r.step("")
	if !ok {
		return nil, errStrayed
	}
	for _, a := range r.scene.acts[st.from:st.to] {
		r.act(ctx, a)
	}
	if r.strayed {
		return nil, errStrayed
	}
	return st.deviations, nil
}

// step returns the next one, if it is of that op.
func (r *repeated) step(op string) (step, bool) {
	if r.strayed || r.at == len(r.scene.steps) || r.scene.steps[r.at].op != op {
		r.strayed = true
		return step{}, false
	}
	r.at++
	return r.scene.steps[r.at-1], true
}

// act makes a read, or a mark that is the same.
func (r *repeated) act(ctx context.Context, a act) {
	if r.strayed {
		return
	}
	if a.call.Class != effect.Mark {
		e, ok := r.world.Read(ctx, a.call)
		if !ok || e.Err != nil || !effect.Same(e.Value, a.value) {
			r.strayed = true
			return
		}
	}
	r.record(a.event)
}

// now reads the clock, as the engine does.
func (r *repeated) now(a act) any {
	if r.world.Passed(a.call) != nil {
		r.strayed = true
		return nil
	}
	at := interpreter.Seconds(r.world.Timeline().Now())
	r.record(a.event)
	r.value(at)
	return at
}

// gate notes a measurement of a gate.
func (r *repeated) gate(a act, args map[string]any) {
	r.record(a.event)
	r.value(args["values"])
}

// record notes an event at the time that it is now.
func (r *repeated) record(ev effect.Event) {
	ev.At = r.world.Timeline().Now().UTC()
	r.events = append(r.events, ev)
}

// value is that of the event that was recorded last.
func (r *repeated) value(v any) {
	data, err := effect.Encode(v, nil)
	if err != nil {
		r.strayed = true
	}
	r.events[len(r.events)-1].Body.Value = data
}
