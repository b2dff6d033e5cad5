package rehearse

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// recorder is what stands below the script in a run that goes on from a film.
type recorder interface {
	effect.Handler
	Claim(p replay.Passage) bool
	Unmade(p replay.Passage) bool
	Adopt(ctx context.Context, p replay.Passage, events []effect.Event) error
}

// outcomeOf is what a composite returned.
type outcomeOf struct {
	value any
	err   error
}

// passing runs the composites of a run that goes on from a film. Between two faults
// most of them do what they did in the film, and a composite is a function of its
// arguments, of what the run has set and of the outcomes of its effects. What is the
// same is not done anew; it is never assumed to be:
//
//   - before the moment from which the run goes on, and in a resume where the run
//     itself has passed it, a composite returns what it returned;
//   - up to the effect that a fault strikes, its effects have the outcomes that they
//     had, as long as it asks for the same;
//   - behind that, it runs by the clock of the run, and its reads are made on the
//     world of the run, without all that stands between the script and the world.
//     Where it asks for something else than it did, or is told something else, it
//     begins again in the ordinary way.
type passing struct {
	memory *memory
	next   recorder
	first  bool // the walk that goes on from the moment
}

// around runs a composite.
func (p *passing) around(ctx context.Context, c script.Composed) (any, error) {
	m := p.memory
	s := m.film.scenes[c.Place]
	if !s.same(c) {
		return c.Run(ctx)
	}
	if out, known := p.known(ctx, s, c); known {
		m.passed[c.Place] = out
		return out.value, out.err
	}
	if s.plain && !m.ended() && m.faults.Straight(c.Place) && p.next.Unmade(s.passage) {
		if out, done, err := p.again(ctx, s, c); done {
			if err != nil {
				return nil, err
			}
			m.passed[c.Place] = out
			return out.value, out.err
		}
	}
	if p.first && !s.writes {
		return c.RunBy(ctx, &prompted{Performer: c.Performer(), composed: c, scene: s, knows: func(a act) bool { return m.from.holds(a.n) }})
	}
	return c.Run(ctx)
}

// holds reports whether the script has an answer from the film.
func (m *moment) holds(n int) bool { return m.from <= n && n < m.to }

// known returns what a composite came to that this run, or the film up to the moment
// from which it goes on, has behind it.
func (p *passing) known(ctx context.Context, s *scene, c script.Composed) (outcomeOf, bool) {
	m := p.memory
	out, has := m.passed[c.Place], false
	tail := 0 // marks from there on are perhaps not recorded yet
	filmed := p.first
	for i, a := range s.acts {
		if a.call.Class != effect.Mark {
			tail = i + 1
			filmed = filmed && m.from.holds(a.n)
		}
	}
	if p.first {
		out, has = outcomeOf{s.value, s.err}, filmed || len(s.acts) > 0 && s.acts[tail-1].n < m.from.from
	} else {
		_, has = m.passed[c.Place]
	}
	if !has || !filmed && (s.secrets || tail == 0) || !c.Spend(s.spent, 0, 0) {
		return out, false
	}
	if !filmed && !p.next.Claim(s.passage) {
		return out, false
	}
	for _, a := range s.acts[tail:] {
		if filmed && m.from.holds(a.n) {
			continue
		}
		if _, err := p.next.Do(ctx, a.call); err != nil {
			return outcomeOf{nil, err}, true
		}
	}
	return out, true
}

// again runs a composite by its steps. done is false if it comes to something else
// than it did in the film; then nothing has happened.
func (p *passing) again(ctx context.Context, s *scene, c script.Composed) (out outcomeOf, done bool, err error) {
	w := p.memory.world
	restore := w.Save(s.modules)
	r := &repeated{scene: s, world: w, events: make([]effect.Event, 0, len(s.acts))}
	out.value, out.err = c.RunBy(ctx, r)
	if r.strayed || r.at != len(s.steps) || effect.AsStop(out.err) != nil || !c.Spend(s.spent, 0, 0) {
		restore()
		return outcomeOf{}, false, nil
	}
	return out, true, p.next.Adopt(ctx, s.passage, r.events)
}
