package simulate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// stretch is one kind of fault at effects that are alike: the same call at the
// same line with the same answer where nothing fails, and nothing changed in
// between, as in the windows of a gate; for the death of a runner, any reads of
// one line. What a fault leads to at both ends of a
// stretch, it is taken to lead to in between; where the ends differ, the middle
// is tried, and so on.
type stretch struct {
	before Schedule // the faults before this one
	kind   Kind
	places []effect.Place
	led    []string // to what it led at each place; empty where it was not tried
}

// stretches divides the faults that can follow a trial.
func (e *Explorer) stretches(t *Trial) []*stretch {
	answers := map[effect.Place]string{}
	for _, entry := range t.Entries {
		if entry.Fault == "" {
			answers[entry.Place] = fmt.Sprint(entry.Value, entry.Err != nil)
		}
	}
	known := map[string]*stretch{}
	var list []*stretch
	epoch := 0
	for _, call := range e.after(t) {
		if call.Class.Writes() && call.Op.Module != effect.ControlModule {
			epoch++
		}
		// A runner that dies leaves the same, whichever read of a line it was at.
		line := fmt.Sprint(epoch, call.Place.Parent(), call.Where)
		read := fmt.Sprint(line, call.Op, call.Args, answers[call.Place])
		for _, kind := range e.kinds(call) {
			key := string(kind) + read
			if kind == KilledBefore && !call.Class.Writes() {
				key = string(kind) + line
			}
			s := known[key]
			if s == nil {
				s = &stretch{before: t.Schedule[:len(t.Schedule):len(t.Schedule)], kind: kind}
				known[key], list = s, append(list, s)
			}
			s.places, s.led = append(s.places, call.Place), append(s.led, "")
		}
	}
	return list
}

// next returns which places are to be tried now: the ends, then the middles
// between neighbours that led to different things.
func (s *stretch) next() []int {
	last := len(s.places) - 1
	var list []int
	for _, end := range slices.Compact([]int{0, last}) {
		if s.led[end] == "" {
			list = append(list, end)
		}
	}
	if len(list) > 0 {
		return list
	}
	for i := 0; i < last; {
		j := i + 1
		for s.led[j] == "" {
			j++
		}
		if j-i > 1 && s.led[i] != s.led[j] {
			list = append(list, (i+j)/2)
		}
		i = j
	}
	return list
}

func (s *stretch) schedule(i int) Schedule { return append(s.before, Fault{s.places[i], s.kind}) }

// untried counts the places that others stand for.
func (s *stretch) untried() int {
	n := 0
	for _, led := range s.led {
		if led == "" {
			n++
		}
	}
	return n
}

// pick is one schedule of a round.
type pick struct {
	of *stretch
	at int
}

// sampled is levels with one schedule for many that are alike.
func (e *Explorer) sampled(ctx context.Context, t *tally, base *Trial, back rollbacks) error {
	deepest := max(e.Depth, 1)
	parents := []*Trial{base}
	usual := course(base.Entries, false)
	for depth := 1; depth <= deepest; depth++ {
		var list []*stretch
		for _, p := range parents {
			list = append(list, e.stretches(p)...)
		}
		parents = nil
		followed := map[string]bool{}
		for round, full := picksOf(list), false; len(round) > 0 && !full; round = picksOf(list) {
			schedules := make([]Schedule, len(round))
			for i, p := range round {
				schedules[i] = p.of.schedule(p.at)
			}
			admitted := t.admit(schedules)
			full = len(admitted) < len(schedules)
			round = admittedOf(round, schedules, admitted)
			grown := make([]*Trial, len(round))
			done, err := e.all(ctx, admitted, t.out.Schedules, func(i int, trial Trial) {
				p := round[i]
				p.of.led[p.at] = trial.Outcome() + "\n" + writesOf(trial.Entries)
				if depth < deepest {
					kept := trial
					grown[i] = &kept
				} else if depth == 1 {
					back.add(t.base+i, &trial, e.back(trial))
				}
				trial.effects = nil
				t.count(trial, t.base+i)
			})
			if err != nil {
				return err
			}
			t.base += len(admitted)
			if ctx.Err() != nil {
				t.cut(ctx, admitted, done, depth < deepest)
				return nil
			}
			for _, g := range grown {
				if g == nil {
					continue
				}
				if key := future(g, usual); !followed[key] {
					followed[key] = true
					parents = append(parents, &Trial{Schedule: g.Schedule, Entries: g.Entries, effects: g.effects})
				}
			}
			if full {
				return nil // said by admit
			}
		}
		for _, s := range list {
			t.out.Alike += s.untried()
		}
		if depth == 1 && deepest == 1 {
			return e.rollbacks(ctx, t, back.all())
		}
	}
	return nil
}

func picksOf(list []*stretch) []pick {
	var out []pick
	for _, s := range list {
		for _, i := range s.next() {
			out = append(out, pick{s, i})
		}
	}
	return out
}

// admittedOf returns the picks whose schedules were admitted, which keep their
// order.
func admittedOf(round []pick, schedules, admitted []Schedule) []pick {
	if len(admitted) == len(schedules) {
		return round
	}
	out := make([]pick, 0, len(admitted))
	for i, s := range schedules {
		if len(out) < len(admitted) && &admitted[len(out)][0] == &s[0] {
			out = append(out, round[i])
		}
	}
	return out
}

// writesOf is the history of what a trial changed, time left out.
func writesOf(entries []Entry) string {
	var b strings.Builder
	for _, e := range entries {
		if e.Class.Writes() && e.Op != effect.OpSleep {
			writeEntry(&b, e)
		}
	}
	return b.String()
}

func writeEntry(b *strings.Builder, e Entry) {
	fmt.Fprint(b, e.Op, e.Args, e.Place.InRollback())
	if e.Err != nil {
		b.WriteString(string(e.Err.Code))
	}
	for _, c := range e.Changes {
		b.WriteString(c.String())
	}
	b.WriteByte('\n')
}

// course is what a trial did, time and repetitions left out: each change, and
// between two changes each different call once. With struck it begins after the
// last effect that a fault struck.
func course(entries []Entry, struck bool) string {
	from := 0
	for i, e := range entries {
		if struck && e.Fault != "" {
			from = i + 1
		}
	}
	var b strings.Builder
	seen := map[string]bool{}
	for _, e := range entries[from:] {
		if e.Class.Writes() && e.Op != effect.OpSleep {
			clear(seen)
			writeEntry(&b, e)
			continue
		}
		if e.Fault != "" {
			continue
		}
		key := fmt.Sprint(e.Op, e.Args, e.Where, e.Value, e.Err != nil)
		if !seen[key] {
			seen[key] = true
			fmt.Fprintln(&b, key)
		}
	}
	return b.String()
}

// future says what a trial can still come to: trials of one future meet further
// faults in the same way, and only the first of them is followed. A runner that
// dies and leaves everything as it was before has no future of its own.
func future(t *Trial, usual string) string {
	last := t.Schedule[len(t.Schedule)-1]
	if last.Kind.lasts() {
		return t.Schedule.String()
	}
	if (last.Kind == KilledBefore || last.Kind == KilledAfter) && course(t.Entries, false) == usual {
		return fmt.Sprint(last.Kind, last.Place.InRollback())
	}
	return fmt.Sprint(t.Outcome(), last.Place.InRollback(), t.bad, "\n", course(t.Entries, true))
}
