package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Assign says which ops of a module each of its backends is given: an op goes to
// the first entry whose backend carries it and whose "ops", if it has any, name
// it. carried are the ops that the backends declare, by backend. A nil list is
// that of a module's only backend, which is given all that it carries.
//
// What a run has recorded stays so, whatever backends have come to carry since.
// The error is a joined list of *Error.
func (e *Environment) Assign(module effect.Module, carried map[string][]effect.Op) (map[string][]string, error) {
	m, env := e.find(module.Name)
	if m == nil {
		return nil, e.missing(module.Name)
	}
	if len(m.backends) == 1 && m.backends[0].ops == nil {
		return map[string][]string{m.backends[0].name: nil}, nil
	}
	taken := map[string]string{} // by op
	for _, b := range m.backends {
		for _, op := range b.given {
			taken[op] = b.name
		}
	}
	var p problems
	assigned := map[string][]string{}
	for _, b := range m.backends {
		names := namesOf(carried[b.name])
		if !e.pinned && !b.check(&p, env, module, names) {
			continue
		}
		given := []string{}
		for _, op := range names {
			if other, is := taken[op]; is && other != b.name || b.ops != nil && !slices.Contains(b.opNames(), op) {
				continue
			}
			taken[op] = b.name
			given = append(given, op)
		}
		if len(given) == 0 && !e.pinned {
			what, by := b.opNames(), []string{}
			if what == nil {
				what = names
			}
			for _, op := range what {
				by = append(by, taken[op])
			}
			slices.Sort(by)
			p.add(env.at(b.line), "take it out, put it first, or limit what stands before it by ops",
				"%s: the backend %s would never be asked: %s before it in the list %s %s", m.name, b.name,
				list(slices.Compact(by)), plural(len(slices.Compact(by)), "carries", "carry"), list(what))
		}
		assigned[b.name] = given
	}
	return assigned, p.err()
}

// check reports the names in "ops" that are no ops of the backend.
func (b *backendEntry) check(p *problems, env *Environment, module effect.Module, carried []string) bool {
	before := len(p.list)
	for _, op := range b.ops {
		if slices.Contains(carried, op.name) {
			continue
		}
		known, where := namesOf(module.Ops), env.at(op.line)
		at := fmt.Sprintf("%s (%s): ops", module.Name, b.name)
		short, full := strings.CutPrefix(op.name, module.Name+".")
		comp := slices.IndexFunc(module.Composites, func(c effect.Composite) bool { return c.Name == op.name })
		switch {
		case full && slices.Contains(known, short):
			p.add(where, "write "+short, "%s: %s is written without the module there", at, op.name)
		case comp >= 0:
			p.add(where, "name the ops that it calls: "+list(module.Composites[comp].Uses), "%s: %s is a loop of ops, which no backend carries", at, op.name)
		case slices.Contains(known, op.name):
			p.add(where, "it carries "+list(carried), "%s: the backend does not carry %s", at, op.name)
		default:
			p.add(where, suggest(op.name, carried), "%s: the module %s has no op %q", at, module.Name, op.name)
		}
	}
	return len(p.list) == before
}

func namesOf(ops []effect.Op) []string {
	names := make([]string, len(ops))
	for i := range ops {
		names[i] = ops[i].Name
	}
	return names
}

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
