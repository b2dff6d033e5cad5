package rehearse

import (
	"context"
	"reflect"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// scene is a composite of the filmed run: what it did, step by step.
type scene struct {
	composed script.Composed
	desired  []script.Desired
	spent    script.Spent
	value    any
	err      error

	passage replay.Passage
	acts    []act
	steps   []step
	// plain says that nothing but the clock and modeled reads, which all succeeded,
	// decided on it, and that no secret came with them: it can be carried out again
	// by its steps. modules are those that are read.
	plain   bool
	modules []string
	secrets bool // some effect returns one
	writes  bool // some effect is a change
}

// act is one effect or mark of a scene, as the Recorder was asked for it.
type act struct {
	n     int // in the order of the film's answers
	call  effect.Call
	err   error
	event effect.Event // that records it
	value any          // what the world told, of a read
}

// step is one call of the composite's on its performer.
type step struct {
	op         string // empty for a look at Deviations
	args       map[string]any
	value      any
	err        error
	deviations []effect.Deviation
	from, to   int // the acts that it comes to
	spent      script.Spent
}

// same reports whether a composite is called as it was filmed, where what the run
// has set is the same, too.
func (s *scene) same(c script.Composed) bool {
	return s != nil && s.composed.Composite == c.Composite && s.composed.Where == c.Where &&
		sameTable(s.composed.Args, c.Args) && reflect.DeepEqual(s.desired, c.Desired())
}

// roll films a composite.
func (c *camera) roll(ctx context.Context, comp script.Composed) (any, error) {
	s := &scene{composed: comp, desired: comp.Desired(), passage: replay.Passage{Inside: comp.Place}}
	before := comp.Spent()
	c.mu.Lock()
	c.scene = s
	c.mu.Unlock()
	value, err := comp.RunBy(ctx, &filmed{comp.Performer(), comp, s})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scene = nil
	if effect.AsStop(err) != nil || !reflect.DeepEqual(s.desired, comp.Desired()) {
		return value, err
	}
	s.value, s.err, s.spent = value, err, since(comp, before)
	c.film.scenes[comp.Place] = s
	return value, err
}

func since(c script.Composed, before script.Spent) script.Spent {
	now := c.Spent()
	return script.Spent{Effects: now.Effects - before.Effects, Bytes: now.Bytes - before.Bytes, Wrote: now.Wrote - before.Wrote}
}

// filmed is the performer of a composite that is filmed.
type filmed struct {
	effect.Performer
	composed script.Composed
	scene    *scene
}

// Perform implements effect.Performer.
func (f *filmed) Perform(ctx context.Context, op string, args map[string]any) (any, error) {
	st, before := step{op: op, args: args, from: len(f.scene.acts)}, f.composed.Spent()
	st.value, st.err = f.Performer.Perform(ctx, op, args)
	f.add(st, before)
	return st.value, st.err
}

// Deviations implements effect.Performer.
func (f *filmed) Deviations(ctx context.Context) ([]effect.Deviation, error) {
	st, before := step{from: len(f.scene.acts)}, f.composed.Spent()
	st.deviations, st.err = f.Performer.Deviations(ctx)
	f.add(st, before)
	return st.deviations, st.err
}

func (f *filmed) add(st step, before script.Spent) {
	st.to, st.spent = len(f.scene.acts), since(f.composed, before)
	f.scene.steps = append(f.scene.steps, st)
}

// cutScenes completes the scenes of a film with what was recorded of them and what
// the world told.
func (f *film) cutScenes(events []effect.Event, w *simulate.World, run string) {
	recorded, told := map[effect.Place]effect.Event{}, map[effect.Place]any{}
	for _, ev := range events {
		if ev.Kind == effect.EffectDone || ev.Kind == effect.Gated || ev.Kind == effect.Logged {
			recorded[ev.Place] = ev
		}
	}
	for _, e := range w.Entries() {
		told[e.Place] = e.Value
	}
	for place, s := range f.scenes {
		s.plain = s.err == nil
		for i := range s.acts {
			a := &s.acts[i]
			call := &a.call
			if call.Place.Parent() != place { // a composite within it
				delete(f.scenes, place)
				break
			}
			op, known := call.Op.String(), false
			a.event, known = recorded[call.Place]
			a.value = told[call.Place]
			s.secrets, s.writes = s.secrets || call.Op.ReturnsSecrets(), s.writes || call.Class.Writes()
			switch {
			case a.err != nil || !known:
				s.plain = false
			case call.Class == effect.Mark:
				s.plain = s.plain && (op == effect.OpGate || op == effect.OpLog)
			case call.Class == effect.Value:
				s.plain = s.plain && op == effect.OpNow
			case call.Op.Module == effect.ControlModule || call.Class != effect.Read:
				s.plain = false
			default:
				if !slices.Contains(s.modules, call.Op.Module) {
					s.modules = append(s.modules, call.Op.Module)
				}
			}
			call.Run, call.Key, call.Attempt, call.Settled = run, replay.Key(run, call.Place), 1, nil
			if call.Class == effect.Mark {
				continue
			}
			s.passage.Effects = append(s.passage.Effects, call.Place)
			if call.Class != effect.Value {
				s.passage.Outcomes++
			}
		}
		s.plain = s.plain && !s.secrets
	}
}

// sameTable is effect.Same for tables: one without entries is as good as none.
func sameTable(a, b map[string]any) bool {
	return len(a) == 0 && len(b) == 0 || effect.Same(a, b)
}
