package simulate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// remains are what runs left otherwise than it was in the beginning: values by
// their path. Members of lists are told without their order, for one after the
// other is a matter of when.
type remains map[string]*remain

type remain struct {
	values []string
	unsaid bool // nobody said what it was in the beginning, or it was nothing
	open   bool // nobody can tell what it ought to be
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

// merged returns what two runs left that know nothing of each other. What both
// changed is open: nobody can tell what comes of it.
func (r remains) merged(o remains) remains {
	m := maps.Clone(o)
	for name, value := range r {
		if o[name] != nil {
			value = &remain{values: value.values, open: true}
		}
		m[name] = value
	}
	return m
}

// isOpen reports whether nobody can tell what a value ought to be.
func isOpen(name string, r remains) bool { return r[name] != nil && r[name].open }

// called returns the same by other names: what gets one name is told together.
func (r remains) called(name func(string) string) remains {
	c := remains{}
	for was, value := range r {
		as := name(was)
		if c[as] == nil {
			c[as] = &remain{unsaid: true}
		}
		into := c[as]
		into.values = append(into.values, value.values...)
		into.unsaid, into.open = into.unsaid && value.unsaid, into.open || value.open
	}
	for _, value := range c {
		slices.Sort(value.values)
	}
	return c
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
