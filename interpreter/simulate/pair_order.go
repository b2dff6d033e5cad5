package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// touch is what an effect of one of two runs had to do with the world.
type touch struct {
	place   effect.Place
	at      time.Duration   // since its run began
	changes map[string]bool // what it changed: by module, and value by value
	reads   []string        // modules that decided what came of it
}

// touches returns what the effects of a run touched. Of equal reads between two
// of its changes the first and the last stand for all.
func touches(entries []Entry, began time.Time) []touch {
	var list []touch
	type look struct{ first, last int }
	seen := map[string]look{}
	drop := map[int]bool{}
	for _, e := range entries {
		if effect.Asks(e.Op) {
			continue
		}
		module, _, _ := strings.Cut(e.Op, ".")
		t := touch{place: e.Place, at: e.At.Sub(began), reads: e.Looked, changes: map[string]bool{}}
		for _, c := range e.Changes {
			t.changes[c.Module] = true
			t.changes[effect.Change{Module: c.Module, Path: c.Whole()}.Target()] = true
		}
		if len(t.changes) > 0 {
			clear(seen)
		} else {
			t.reads = append(slices.Clone(t.reads), module)
			key := fmt.Sprint(e.Op, e.Args, e.Where, e.Value, e.Err != nil)
			at, again := seen[key]
			if again && at.last != at.first {
				drop[at.last] = true
			}
			if !again {
				at.first = len(list)
			}
			at.last = len(list)
			seen[key] = at
		}
		list = append(list, t)
	}
	kept := list[:0]
	for i, t := range list {
		if !drop[i] {
			kept = append(kept, t)
		}
	}
	return kept
}

// meets reports whether the order of two effects can make a difference: both
// changed one value, or one changed what decided on the other.
func (t *touch) meets(o *touch) bool {
	for name := range t.changes {
		if o.changes[name] && !isModule(name) {
			return true
		}
	}
	decided := func(a, b *touch) bool {
		return slices.ContainsFunc(a.reads, func(module string) bool { return b.changes[module] })
	}
	return decided(t, o) || decided(o, t)
}

// isModule tells the name of a module from that of a value in it.
func isModule(name string) bool {
	for _, r := range name {
		if r == '.' || r == '[' {
			return false
		}
	}
	return true
}

// crossings are the distances between two runs at which effects that touch the
// same change their order, and the distances that were tried.
type crossings struct {
	pairs map[[2]effect.Place]bool
	at    []time.Duration // sorted
	tried []time.Duration // sorted
}

func newCrossings(ref *reference) *crossings {
	c := &crossings{pairs: map[[2]effect.Place]bool{}}
	c.meet(touches(ref.alone[0].Entries[0], ref.start), touches(ref.alone[1].Entries[1], ref.start))
	return c
}

// add takes what a trial shows that was not known: effects that a run has only
// beside the other.
func (c *crossings) add(t *PairTrial) {
	c.tried = sorted(c.tried, t.After)
	start := t.world.setup.Start
	c.meet(touches(t.Entries[0], start.Add(t.begin[0])), touches(t.Entries[1], start.Add(t.begin[1])))
}

func (c *crossings) meet(first, second []touch) {
	for i := range first {
		for j := range second {
			a, b := &first[i], &second[j]
			pair := [2]effect.Place{a.place, b.place}
			if c.pairs[pair] || !a.meets(b) {
				continue
			}
			c.pairs[pair] = true
			c.at = sorted(c.at, a.at-b.at)
		}
	}
}

// places returns the effects of each run that touch what some effect of the other
// one does.
func (c *crossings) places() [2]map[effect.Place]bool {
	all := [2]map[effect.Place]bool{{}, {}}
	for pair := range c.pairs {
		for i, p := range pair {
			all[i][p] = true
		}
	}
	return all
}

func sorted(list []time.Duration, d time.Duration) []time.Duration {
	i, found := slices.BinarySearchFunc(list, d, cmp.Compare[time.Duration])
	if found {
		return list
	}
	return slices.Insert(list, i, d)
}

// untried returns a distance between each two neighbouring crossings between
// which none was tried. Outside of all of them one run comes after the other.
func (c *crossings) untried() []time.Duration {
	var list []time.Duration
	for i := 1; i < len(c.at); i++ {
		if d, ok := c.between(c.at[i-1], c.at[i]); ok {
			list = append(list, d)
		}
	}
	return list
}

// between returns a distance between two others, if none there was tried.
func (c *crossings) between(from, to time.Duration) (time.Duration, bool) {
	i, _ := slices.BinarySearchFunc(c.tried, from+1, cmp.Compare[time.Duration])
	if i < len(c.tried) && c.tried[i] < to {
		return 0, false
	}
	return roundest(from, to)
}

// roundest returns a duration between two others that is told in few digits; ok
// is false where there is none.
func roundest(from, to time.Duration) (d time.Duration, ok bool) {
	middle := from + (to-from)/2 // furthest from both
	for _, unit := range []time.Duration{time.Hour, 10 * time.Minute, time.Minute, 10 * time.Second, time.Second, 100 * time.Millisecond, 10 * time.Millisecond, time.Millisecond, time.Microsecond, 1} {
		for _, d := range []time.Duration{middle.Round(unit), middle.Truncate(unit)} {
			if from < d && d < to {
				return d, true
			}
		}
	}
	return 0, false
}
