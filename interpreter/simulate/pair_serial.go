package simulate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// reference is what two runs do alone, and one after the other.
type reference struct {
	start   time.Time
	ripe    time.Duration // after the start: when all is looked at
	alone   [2]PairTrial
	serial  [2]*PairTrial // the first run first, the second run first; nil where time alone makes one of them end otherwise
	later   [2]*PairTrial // the same, at another time
	timing  *timing
	held    map[string]bool // invariants that do not hold one after the other either
	written map[string]bool // names of what the runs changed
}

// reference carries out the runs alone, and in both orders: at two times each,
// for what tells of the time.
func (e *PairExplorer) reference(ctx context.Context) (*reference, error) {
	r := &reference{start: e.Setup.Start, timing: newTiming(), held: map[string]bool{}, written: map[string]bool{}}
	if _, err := e.all(ctx, 2, 0, func(i int) (err error) {
		r.alone[i], err = e.one(ctx, i, 0)
		return err
	}); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if _, err := e.all(ctx, 2, 0, func(i int) (err error) {
		r.serial[i], r.later[i], err = e.inTurn(ctx, i, r)
		return err
	}); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	r.ripe = 2*(r.alone[0].Took+r.alone[1].Took) + 3*time.Hour
	var pairs [][2]remains
	for i := range r.alone {
		for _, t := range []*PairTrial{&r.alone[i], r.serial[i], r.later[i]} {
			if t == nil {
				continue
			}
			r.settle(t)
			maps.Copy(r.written, t.written())
			for _, v := range t.Broken {
				r.held[v.Invariant] = true
			}
		}
		if r.serial[i] != nil && r.later[i] != nil {
			pairs = append(pairs, [2]remains{r.serial[i].left, r.later[i].left})
		}
	}
	r.timing.learn(pairs)
	for i := range r.alone {
		for _, t := range []*PairTrial{&r.alone[i], r.serial[i], r.later[i]} {
			if t != nil {
				t.left = t.left.called(r.timing.call)
			}
		}
	}
	written := map[string]bool{}
	for name := range r.written {
		written[r.timing.call(name)] = true
	}
	r.written = written
	return r, nil
}

// one carries out one of the runs alone, so long after the start.
func (e *PairExplorer) one(ctx context.Context, i int, at time.Duration) (PairTrial, error) {
	begin := [2]time.Duration{-1, -1}
	begin[i] = at
	return e.run(ctx, 0, 0, begin)
}

// apart are the distances between one run's end and the other's begin at which
// both orders are tried: the first one, and the first of the others that will do.
var apart = []time.Duration{time.Minute, time.Hour, 10 * time.Minute, 3 * time.Minute}

// inTurn carries out one of the runs and the other one after it, at two times.
// Either is nil where there is none at which both end as they do on their own.
func (e *PairExplorer) inTurn(ctx context.Context, first int, r *reference) (one, other *PairTrial, err error) {
	for i, gap := range apart {
		t, err := e.after(ctx, first, gap, r)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case t == nil:
		case i == 0:
			one = t
		default:
			return one, t, nil
		}
	}
	return one, nil, nil
}

// after carries out one of the runs, and the other one so long after its end.
// Where the later one then ends otherwise only because it is later (its window has
// closed, something that the scenario says of that time), the earlier one begins
// before the start instead; it is nil where that makes it end otherwise.
func (e *PairExplorer) after(ctx context.Context, first int, gap time.Duration, r *reference) (*PairTrial, error) {
	second := 1 - first
	begin := [2]time.Duration{}
	begin[second] = r.alone[first].Took + gap
	t, err := e.run(ctx, begin[1]-begin[0], 0, begin)
	if err != nil || t.Endings[second].Status == r.ending(second) {
		return &t, err
	}
	late, err := e.one(ctx, second, begin[second])
	if err != nil || late.Endings[second].Status == r.ending(second) {
		return &t, err // the other run makes it end so
	}
	t, err = e.run(ctx, begin[1]-begin[0], begin[second], begin)
	if err != nil || t.Endings[first].Status == r.ending(first) {
		return &t, err
	}
	return nil, nil
}

// ending is how a run ends alone.
func (r *reference) ending(i int) effect.Status { return r.alone[i].Endings[i].Status }

// timed reports whether there is no time at which the runs one after the other
// end as they do on their own.
func (r *reference) timed() bool { return r.serial[0] == nil || r.serial[1] == nil }

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
	t.left = t.left.called(r.timing.call)
	written := t.written()
	for name := range maps.Clone(written) {
		written[r.timing.call(name)] = true
	}
	var best []string
	for _, left := range r.allowed(t) {
		differs := slices.DeleteFunc(r.timing.differ(t.left, left), func(name string) bool {
			return !written[name] && !r.written[name] || isOpen(name, left)
		})
		if len(differs) == 0 {
			for name := range left {
				t.apart = t.apart || isOpen(name, left) && (written[name] || r.written[name])
			}
			return
		}
		if best == nil || len(differs) < len(best) {
			best = differs
		}
	}
	var said []string
	for _, name := range best[:min(len(best), 3)] {
		text := fmt.Sprintf("%s is %s", inPath(name), t.left.of(name))
		for i, order := range [2]string{"first, then second", "second, then first"} {
			if r.serial[i] != nil {
				text += fmt.Sprintf("; %s: %s", order, r.serial[i].left.of(name))
			}
		}
		if r.timed() {
			text += fmt.Sprintf("; the first alone: %s; the second alone: %s", r.alone[0].left.of(name), r.alone[1].left.of(name))
		}
		said = append(said, text)
	}
	v := Violation{Invariant: Serial, Message: strings.Join(said, "\n"), At: r.start.Add(t.Took)}
	t.Broken = append([]Violation{v}, t.Broken...)
}

// allowed returns what two runs at once may leave; where time alone makes a run end
// otherwise, what each leaves alone at its time, too.
func (r *reference) allowed(t *PairTrial) []remains {
	var list []remains
	apart := true // both end as they do alone
	otherwise := false
	then := [2]remains{}
	for i := range r.alone {
		for _, s := range []*PairTrial{r.serial[i], r.later[i]} {
			if s != nil {
				list = append(list, s.left)
			}
		}
		if t.Endings[1-i].Status != effect.StatusSucceeded {
			list = append(list, r.alone[i].left)
		}
		alone := &r.alone[i]
		if t.then[i] != nil {
			alone, otherwise = t.then[i], true
			r.settle(alone)
			alone.left = alone.left.called(r.timing.call)
		}
		then[i] = alone.left
		apart = apart && t.Endings[i].Status == alone.Endings[i].Status
	}
	if t.Endings[0].Status != effect.StatusSucceeded && t.Endings[1].Status != effect.StatusSucceeded {
		list = append(list, t.left.unsaid())
	}
	if apart && (otherwise || r.timed()) {
		list = append(list, then[0].merged(then[1]))
	}
	return list
}
