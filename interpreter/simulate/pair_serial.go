package simulate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// reference is what two runs do alone, and one after the other.
type reference struct {
	start   time.Time
	ripe    time.Duration // after the start: when all is looked at
	alone   [2]PairTrial
	serial  [2]PairTrial    // the first run first, the second run first
	moves   map[string]bool // values that tell when a run began, and tables whose members are called by it: not compared
	held    map[string]bool // invariants that do not hold one after the other either
	written map[string]bool // names of what the runs changed
}

// reference carries out the runs alone, and in both orders: once close to each
// other, once with an hour in between, for what tells of the time.
func (e *PairExplorer) reference(ctx context.Context) (*reference, error) {
	r := &reference{start: e.Setup.Start, moves: map[string]bool{}, held: map[string]bool{}, written: map[string]bool{}}
	var later [2]PairTrial
	if _, err := e.all(ctx, 2, 0, func(i int) (err error) {
		begin := [2]time.Duration{-1, -1}
		begin[i] = 0
		r.alone[i], err = e.run(ctx, 0, begin)
		return err
	}); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	gap := func(i int, d time.Duration) time.Duration {
		if i == 0 {
			return r.alone[0].Took + d
		}
		return -(r.alone[1].Took + d)
	}
	if _, err := e.all(ctx, 4, 0, func(i int) (err error) {
		into, d := &r.serial[i%2], time.Minute
		if i >= 2 {
			into, d = &later[i%2], time.Hour
		}
		*into, err = e.try(ctx, gap(i%2, d))
		return err
	}); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.ripe = 2*(r.alone[0].Took+r.alone[1].Took) + 3*time.Hour
	for _, t := range []*PairTrial{&r.alone[0], &r.alone[1], &r.serial[0], &r.serial[1], &later[0], &later[1]} {
		r.settle(t)
		maps.Copy(r.written, t.written())
		for _, v := range t.Broken {
			r.held[v.Invariant] = true
		}
	}
	for i := range r.serial {
		for _, name := range r.serial[i].left.differ(later[i].left) {
			_, one := r.serial[i].left[name]
			_, both := later[i].left[name]
			if one && both {
				r.moves[name] = true
			} else {
				r.moves[above(name)] = true
			}
		}
	}
	return r, nil
}

// blocked returns why nothing can be learned from the runs together; nil if it
// can.
func (r *reference) blocked() *AloneError {
	for i := range r.alone {
		t := Trial{Ending: r.alone[i].Endings[i], Entries: r.alone[i].Entries[i]}
		if err := dead(&t); err != nil {
			return &AloneError{i, err}
		}
	}
	return nil
}

// oneOfEach returns a distance at which the first run keeps the other from
// beginning, and one the other way round: with a lock that both take, all others
// are like one of these.
func (r *reference) oneOfEach(c *crossings) []time.Duration {
	var list []time.Duration
	for _, in := range [][2]time.Duration{{-r.alone[1].Took, 0}, {0, r.alone[0].Took}} {
		if d, ok := c.between(in[0], in[1]); ok {
			list = append(list, d)
		}
	}
	return list
}

// settle looks at what two runs have left, at the time when all are looked at.
func (r *reference) settle(t *PairTrial) {
	w := t.world
	if wait := r.start.Add(r.ripe).Sub(w.timeline.Now()); wait > 0 {
		w.timeline.Skip(wait)
	}
	t.left = w.remains()
}

// judge holds what two runs at once left against what they leave one after the
// other. One that did not succeed need not have left anything.
func (r *reference) judge(t *PairTrial) {
	t.Broken = slices.DeleteFunc(t.Broken, func(v Violation) bool { return r.held[v.Invariant] })
	r.settle(t)
	allowed := []remains{r.serial[0].left, r.serial[1].left}
	for i := range r.alone {
		if t.Endings[1-i].Status != effect.StatusSucceeded {
			allowed = append(allowed, r.alone[i].left)
		}
	}
	if t.Endings[0].Status != effect.StatusSucceeded && t.Endings[1].Status != effect.StatusSucceeded {
		allowed = append(allowed, t.left.unsaid())
	}
	written := t.written()
	counts := func(name string) bool {
		return (written[name] || r.written[name]) && !r.moves[name] && !r.moves[above(name)]
	}
	var best []string
	for _, left := range allowed {
		differs := slices.DeleteFunc(t.left.differ(left), func(name string) bool { return !counts(name) })
		if len(differs) == 0 {
			return
		}
		if best == nil || len(differs) < len(best) {
			best = differs
		}
	}
	var said []string
	for _, name := range best[:min(len(best), 3)] {
		said = append(said, fmt.Sprintf("%s is %s; first, then second: %s; second, then first: %s", inPath(name), t.left.of(name),
			r.serial[0].left.of(name), r.serial[1].left.of(name)))
	}
	v := Violation{Invariant: Serial, Message: strings.Join(said, "\n"), At: r.start.Add(t.Took)}
	t.Broken = append([]Violation{v}, t.Broken...)
}

// above is the table in which something stands.
func above(name string) string { return name[:max(strings.LastIndexByte(name, '\x00'), 0)] }

// remains are what runs left otherwise than it was in the beginning: values by
// their path. Members of lists are told without their order, for one after the
// other is a matter of when.
type remains map[string]*remain

type remain struct {
	values []string
	unsaid bool // nobody said what it was in the beginning, or it was nothing
}

// remains returns what the world is now otherwise than in the beginning.
func (w *World) remains() remains {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := remains{}
	for name := range w.models {
		was, _ := w.start[name].(map[string]any)
		for _, c := range w.changes(name, was, w.stateOf(name)) {
			key := nameOf(c)
			if r[key] == nil {
				r[key] = &remain{unsaid: true}
			}
			r[key].values = append(r[key].values, c.Prediction().To)
			r[key].unsaid = r[key].unsaid && c.From == nil
		}
	}
	for _, value := range r {
		slices.Sort(value.values)
	}
	return r
}

// nameOf is the name of what changed among remains.
func nameOf(c effect.Change) string {
	path := []string{c.Module}
	for _, part := range c.Path {
		if _, err := strconv.Atoi(part); err == nil {
			part = "*"
		}
		path = append(path, part)
	}
	return strings.Join(path, "\x00")
}

// written returns the names of what both runs changed: what else is otherwise was
// assumed when somebody looked at it.
func (t *PairTrial) written() map[string]bool {
	names := map[string]bool{}
	for _, entries := range t.Entries {
		for _, e := range entries {
			for _, c := range e.Changes {
				names[nameOf(c)] = true
			}
		}
	}
	return names
}

// unsaid returns what two runs that left nothing may have left: what nobody said
// in the beginning, and a run has put back to what it took it to be.
func (r remains) unsaid() remains {
	u := remains{}
	for name, value := range r {
		if value.unsaid {
			u[name] = value
		}
	}
	return u
}

// differ returns what two have left otherwise, in order.
func (r remains) differ(o remains) []string {
	var list []string
	for name, value := range r {
		if other := o[name]; other == nil || !slices.Equal(value.values, other.values) {
			list = append(list, name)
		}
	}
	for name := range o {
		if r[name] == nil {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// inPath writes a name as people read it.
func inPath(name string) string {
	path := strings.Split(name, "\x00")
	return effect.Change{Module: path[0], Path: path[1:]}.Target()
}

// of tells a value in words.
func (r remains) of(name string) string {
	value := r[name]
	switch {
	case value == nil:
		return "as it was"
	case len(value.values) == 1 && value.values[0] == "":
		return "nothing"
	}
	return strings.Join(value.values, ", ")
}
