package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Carrier is a backend as one of those that carry a module. An environment names
// a backend once for a module at most.
type Carrier struct{ Module, Backend string }

// String returns "notify by pagerduty".
func (c Carrier) String() string { return c.Module + " by " + c.Backend }

// moduleEntry is one module's entry in an environment.
type moduleEntry struct {
	name     string
	line     int
	backends []*backendEntry // at least one, in the order in which they are asked
}

// backendEntry is one backend of a module.
type backendEntry struct {
	name   string
	line   int
	ops    []opName // the only ones that it is to carry; nil for all that it can
	config *node    // without "backend" and "ops"
	given  []string // the ops that a run has recorded for it
}

// opName is an op's name where it stands.
type opName struct {
	name string
	line int
}

func (m *moduleEntry) names() []string {
	names := make([]string, len(m.backends))
	for i, b := range m.backends {
		names[i] = b.name
	}
	return names
}

func (m *moduleEntry) backend(name string) *backendEntry {
	for _, b := range m.backends {
		if b.name == name {
			return b
		}
	}
	return nil
}

// path is what the paths of a backend's configuration begin with: the module, and
// the backend where the module has several.
func (m *moduleEntry) path(b *backendEntry) string {
	return pathOf(m.name, b.name, len(m.backends) > 1)
}

func pathOf(module, backend string, several bool) string {
	if several {
		return module + "[" + backend + "]"
	}
	return module
}

// opNames returns the names of the ops that an entry is limited to.
func (b *backendEntry) opNames() []string {
	if b.ops == nil {
		return nil
	}
	names := make([]string, len(b.ops))
	for i, op := range b.ops {
		names[i] = op.name
	}
	return names
}

// module reads a module's entry: a table for one backend, a list of such for
// several.
func (r *configReader) module(env *Environment, where string, e entry) {
	m := &moduleEntry{name: e.key, line: e.line}
	switch {
	case e.value.kind == "text":
		r.add(r.at(e.line), fmt.Sprintf("write %s: { backend: %s }", e.key, e.value.value), "%s: wants a table, got %s", where, e.value.describe())
		return
	case e.value.kind != "list":
		if b := r.backend(where, e.line, e.value); b != nil {
			m.backends = append(m.backends, b)
		}
	case len(e.value.items) == 0:
		r.add(r.at(e.line), fmt.Sprintf("write %s: { backend: … }, or take it out", e.key), "%s: the list of its backends is empty", where)
		return
	}
	for i, item := range e.value.items {
		if b := r.item(where, m, i, item); b != nil {
			m.backends = append(m.backends, b)
		}
	}
	if len(m.backends) > 0 {
		env.own = append(env.own, m)
	}
}

// item reads one of several backends.
func (r *configReader) item(where string, m *moduleEntry, i int, n *node) *backendEntry {
	nth := where + ": entry " + strconv.Itoa(i+1)
	if n.kind == "text" {
		r.add(r.at(n.line), fmt.Sprintf("write - backend: %s", n.value), "%s: wants a table, got %s", nth, n.describe())
		return nil
	}
	b := r.backend(nth, n.line, n)
	if b == nil {
		return nil
	}
	if other := m.backend(b.name); other != nil {
		r.add(r.at(b.line), "keep one of them, and give it all that the two say", "%s: the backend %s stands there twice, first in line %d", where, b.name, other.line)
		return nil
	}
	return b
}

// backend reads the table of one backend; nil if it is of no use.
func (r *configReader) backend(where string, line int, n *node) *backendEntry {
	if !r.table(where, n) {
		return nil
	}
	b := &backendEntry{line: line, config: &node{line: line, kind: "table"}}
	var keys []string
	for _, e := range n.keys {
		keys = append(keys, e.key)
		switch e.key {
		case "backend":
			name, _ := e.value.value.(string)
			if !regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`).MatchString(name) {
				r.add(r.at(e.line), "", "%s: backend: wants the name of a backend, got %s", where, e.value.describe())
				return nil
			}
			b.name = name
		case "ops":
			b.ops = r.ops(where+": ops", e)
		default:
			b.config.keys = append(b.config.keys, e)
		}
	}
	if b.name == "" {
		hint := "write backend: NAME there; `runbook plugins list` shows what there is"
		if near, ok := effect.Nearest("backend", keys); ok {
			hint = fmt.Sprintf("you wrote %q, is it \"backend\"?", near)
		}
		r.add(r.at(line), hint, "%s: names no backend", where)
		return nil
	}
	return b
}

// ops reads the names of the only ops that a backend is to carry.
func (r *configReader) ops(where string, e entry) []opName {
	const hint = "write the names of ops, such as ops: [page, update], or leave ops out for all that the backend carries"
	if e.value.kind != "list" || len(e.value.items) == 0 {
		got := e.value.describe()
		if e.value.kind == "list" {
			got = "an empty one"
		}
		r.add(r.at(e.line), hint, "%s: wants a list of ops, got %s", where, got)
		return nil
	}
	var ops []opName
	for _, item := range e.value.items {
		name, _ := item.value.(string)
		switch {
		case name == "":
			r.add(r.at(item.line), hint, "%s: wants the name of an op, got %s", where, item.describe())
		case slices.ContainsFunc(ops, func(op opName) bool { return op.name == name }):
			r.add(r.at(item.line), "keep one of them", "%s: %s stands there twice", where, name)
		default:
			ops = append(ops, opName{name, item.line})
		}
	}
	return ops
}
