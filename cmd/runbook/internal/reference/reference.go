// Package reference holds, as data, everything that the author of a runbook or
// of a configuration can write: the language, the modules with their ops, and
// the backends with their keys. It prints that as text, as Markdown, as stubs
// for the Lua language server, and as a JSON schema, so that all of them say
// the same as the program does.
package reference

import (
	"slices"
	"sort"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/plugins"
)

// Reference is what there is to look up.
type Reference struct {
	Language []script.Function
	Modules  []effect.Module       // in the order of their names
	Backends []plugins.Description // in the order of their names
}

// Entry is one thing that can be looked up by name; exactly one pointer is set.
type Entry struct {
	Function  *script.Function
	Module    *effect.Module
	Op        *effect.Op
	Composite *effect.Composite
	Backend   *plugins.Description
	Member    *Member
	// Exploration is under the name explore.
	Exploration *Exploration
}

// Find returns what a name stands for: "step", "log.info", "traffic",
// "traffic.split", "haproxy". A name may stand for several: the module exec and
// its backend. One that stands for none of these may be that of a table of functions,
// "time", and of members: "tolerate", "health.watch.tolerate", "haproxy.pool", "ask".
func (r *Reference) Find(name string) []Entry {
	var found []Entry
	for i := range r.Language {
		if f := &r.Language[i]; slices.Contains(functionNames(f), name) {
			found = append(found, Entry{Function: f})
		}
	}
	for i := range r.Modules {
		m := &r.Modules[i]
		if m.Name == name {
			found = append(found, Entry{Module: m})
		}
		for j := range m.Ops {
			if m.Ops[j].String() == name {
				found = append(found, Entry{Op: &m.Ops[j]})
			}
		}
		for j := range m.Composites {
			if m.Composites[j].String() == name {
				found = append(found, Entry{Composite: &m.Composites[j]})
			}
		}
	}
	for i := range r.Backends {
		if r.Backends[i].Name == name {
			found = append(found, Entry{Backend: &r.Backends[i]})
		}
	}
	if name == "explore" {
		found = append(found, Entry{Exploration: exploration()})
	}
	if found != nil {
		return found
	}
	switch name {
	case "lock": // what a header has one of
		name = "locks"
	case "undo": // which stands among the arguments of every write
		return r.Find("on_rollback")
	case config.FileName:
		return r.top()
	}
	return append(r.within(name), r.named(name)...)
}

// top returns the keys that stand in a configuration without being below another.
func (r *Reference) top() []Entry {
	var found []Entry
	for _, m := range r.fileKeys() {
		if !strings.Contains(m.Path, ".") {
			found = append(found, Entry{Member: &m})
		}
	}
	return found
}

// within returns the functions of a table of the language: those of "json".
func (r *Reference) within(table string) []Entry {
	var found []Entry
	for i := range r.Language {
		if f := &r.Language[i]; slices.ContainsFunc(functionNames(f), func(n string) bool { return strings.HasPrefix(n, table+".") }) {
			found = append(found, Entry{Function: f})
		}
	}
	return found
}

// Names returns all names that Find knows, in order.
func (r *Reference) Names() []string {
	names := []string{"explore", config.FileName}
	for i := range r.Language {
		names = append(names, functionNames(&r.Language[i])...)
	}
	for _, m := range r.Modules {
		names = append(names, m.Name)
		for _, member := range m.Members() {
			names = append(names, m.Name+"."+member)
		}
	}
	for _, b := range r.Backends {
		names = append(names, b.Name)
	}
	sort.Strings(names)
	return slices.Compact(names)
}

// Carriers returns the backends that carry an op, in order; with an empty op
// those of the module.
func (r *Reference) Carriers(module, op string) []string {
	var names []string
	for _, b := range r.Backends {
		if b.Module != module {
			continue
		}
		if op == "" || slices.ContainsFunc(b.Ops, func(o effect.Op) bool { return o.Name == op }) {
			names = append(names, b.Name)
		}
	}
	return names
}

// functionNames splits the name of functions that are documented together.
func functionNames(f *script.Function) []string { return splitNames(f.Name) }
