package rehearse

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// film is a filmed run. Runs that go on from one of its moments begin as a
// resume does, with the events up to it as their history; what the script asks
// for again is answered from the film.
type film struct {
	runner  *Runner
	answers map[effect.Place]answer
	order   map[effect.Place]int // of the effects that a fault can strike
	scenes  map[effect.Place]*scene
	list    []*moment // in their order
	events  int       // of the whole run
}

// answer is what the script got.
type answer struct {
	n      int // in the order in which it got them
	op     *effect.Op
	result effect.Result
	err    error
}

// moment is what a run is just before the main chunk has an effect.
type moment struct {
	place  effect.Place // of the effect
	effect int          // its number
	// The script has its answers from the Recorder up to from, for there several
	// branches run and the order of their outcomes counts, and from the film up to
	// to. What it asks for between the last commit and the effect happens anew.
	from, to int
	world    *simulate.Moment
	events   []effect.Event
	drawn    int64 // bytes of random numbers
}

// Film implements simulate.Filmer.
func (r *Runner) Film(ctx context.Context, w *simulate.World, at func(effect.Place) bool) (simulate.Film, error) {
	f := &film{runner: r, answers: map[effect.Place]answer{}, order: map[effect.Place]int{}, scenes: map[effect.Place]*scene{}}
	if r.Watch != nil { // it is to be told of everything
		return f, nil
	}
	m := &memory{world: w}
	c := &camera{film: f, memory: m, at: at}
	m.camera = c
	if _, err := r.carry(ctx, w, m, nil); err != nil {
		return nil, err
	}
	for i, call := range w.Effects() {
		f.order[call.Place] = i
	}
	for _, m := range c.moments {
		m.effect = f.order[m.place]
	}
	f.list, f.events = c.moments, len(m.events)
	f.cutScenes(m.events, w, m.id())
	return f, nil
}

// Rehearse implements simulate.Film.
func (f *film) Rehearse(ctx context.Context, setup simulate.Setup, s simulate.Schedule) (*simulate.World, simulate.Ending, bool, error) {
	from := f.before(s)
	if from == nil {
		return nil, simulate.Ending{}, false, nil
	}
	w := from.world.World(setup, len(f.order)-from.effect)
	m := &memory{world: w, from: from, film: f, passed: map[effect.Place]outcomeOf{}, status: effect.StatusRunning, events: slices.Grow(from.events, f.events-len(from.events))}
	end, err := f.runner.rehearse(ctx, w, m, s)
	if s := effect.AsStop(end.Err); s != nil && s.Cause == strayed {
		return nil, simulate.Ending{}, false, nil
	}
	return w, end, true, err
}

// before returns the latest moment before all faults of a schedule; nil if there
// is none.
func (f *film) before(s simulate.Schedule) *moment {
	first := -1
	for _, fault := range s {
		if fault.Kind == simulate.Stale { // which looks back to before the moment
			return nil
		}
		if n, met := f.order[fault.Place]; met && (first < 0 || n < first) {
			first = n
		}
	}
	var latest *moment
	for _, m := range f.list {
		if m.effect <= first {
			latest = m
		}
	}
	return latest
}

// strayed is the cause of the Stop of a script that asks for something else
// than it did when it was filmed.
const strayed effect.Cause = "strayed"

// camera stands above the Recorder of the run that is filmed.
type camera struct {
	film   *film
	memory *memory
	at     func(effect.Place) bool

	mu        sync.Mutex
	forked    int   // answers up to the end of the last parallel{}
	committed int   // answers up to the last commit
	drawn     int64 // until then
	moments   []*moment
	scene     *scene // under way
	next      effect.Handler
	random    *counted
}

// Do films the call and its answer.
func (c *camera) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	straight := call.Place.Line() == "" && call.Op.String() != effect.OpParallel && call.Op.String() != effect.OpBranchLeft
	if straight && call.Class != effect.Mark && call.Class != effect.Value && !call.Place.Asked() && c.at(call.Place) {
		c.shoot(call.Place)
	}
	res, err := c.next.Do(ctx, call)
	if effect.AsStop(err) != nil {
		return res, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.film.answers)
	c.film.answers[call.Place] = answer{n, call.Op, res, err}
	if c.scene != nil {
		c.scene.acts = append(c.scene.acts, act{n: n, call: call, err: err})
	}
	if !straight {
		c.forked = n + 1
	}
	if call.Class != effect.Mark && call.Class != effect.Value { // all until here is committed
		c.committed, c.drawn = n+1, c.random.n
	}
	return res, err
}

// shoot keeps the moment before an effect of the main chunk.
func (c *camera) shoot(p effect.Place) {
	world, ok := c.memory.world.Freeze()
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.memory.mu.Lock()
	defer c.memory.mu.Unlock()
	c.moments = append(c.moments, &moment{place: p, from: c.forked, to: c.committed, world: world, drawn: c.drawn,
		events: c.memory.events[:len(c.memory.events):len(c.memory.events)]})
}

// screen answers from the film.
type screen struct {
	*film
	moment *moment
	next   effect.Handler
}

// knows reports whether the film answers the effect at a place.
func (s screen) knows(p effect.Place) bool {
	a, filmed := s.answers[p]
	return filmed && s.moment.holds(a.n)
}

// Do answers the call from the film, or passes it on.
func (s screen) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if !s.knows(call.Place) {
		return s.next.Do(ctx, call)
	}
	a := s.answers[call.Place]
	if a.op != call.Op {
		return effect.Result{}, &effect.Stop{Cause: strayed, Err: fmt.Errorf("%s was asked for at %s, and %s when it was filmed", call.Op, call.Place, a.op)}
	}
	if call.Settled != nil {
		call.Settled()
	}
	return a.result, a.err
}

// counted counts what is read.
type counted struct {
	io.Reader
	n int64
}

// Read reads.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}
