package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

// Undeclared says of the names that a script uses which of them nothing in the
// configuration declares. A module without any backend, and one whose backends
// cannot be found, are passed over: others say so.
func (a *App) Undeclared(ctx context.Context, on *Surroundings, names []check.Name, catalog *effect.Catalog) []check.Finding {
	var findings []check.Finding
	for _, name := range names {
		if !slices.Contains(on.Env.Modules(), name.Op.Module) {
			continue
		}
		list, err := a.carriersOf(ctx, on, name.Op.Module)
		if err != nil {
			continue
		}
		known := map[string]bool{}
		var backends []string
		for _, c := range list {
			if !carriesAny(c, name.Op, catalog) {
				continue
			}
			backends = append(backends, c.spec.Name)
			said := on.Env.Said(config.Carrier{Module: name.Op.Module, Backend: c.spec.Name})
			for i := range c.desc.Config {
				declared(&c.desc.Config[i], said[c.desc.Config[i].Name], name.Kind, known)
			}
		}
		if known[name.Word] || len(backends) == 0 {
			continue
		}
		words := slices.Sorted(maps.Keys(known))
		hint := "known beside the usual ones: " + strings.Join(words, ", ")
		if len(words) == 0 {
			hint = "it declares none beside the usual ones"
		}
		if near := effect.DidYouMean(name.Word, words); near != "" {
			hint = near + " " + hint
		}
		findings = append(findings, check.Finding{Where: name.Where, Severity: check.SeverityWarning, Hint: hint, Message: fmt.Sprintf(
			"environment %s: %s: %s.%s: the configuration of %s declares no %s of that name", on.Env.Name, name.Op, name.Field, name.Word, strings.Join(backends, ", "), name.Kind)})
	}
	return findings
}

// carriesAny reports whether a backend is asked for an op, or for one that it
// performs as a composite.
func carriesAny(c carrier, op *effect.Op, catalog *effect.Catalog) bool {
	uses := []string{op.String()}
	if comp, ok := catalog.Composite(op.String()); ok {
		uses = comp.Uses
	}
	return slices.ContainsFunc(c.desc.Ops, func(o effect.Op) bool {
		return slices.Contains(uses, o.String()) && (c.spec.Ops == nil || slices.Contains(c.spec.Ops, o.Name))
	})
}

// declared collects the names of a kind that a configuration declares.
func declared(f *effect.Field, v any, kind string, known map[string]bool) {
	switch v := v.(type) {
	case map[string]any:
		for key, e := range v {
			if f.Type == effect.Map && f.Names == kind {
				known[key] = true
			}
			if f.Type == effect.Map && f.Elem != nil {
				declared(f.Elem, e, kind, known)
			}
			for i := range f.Fields {
				if f.Fields[i].Name == key {
					declared(&f.Fields[i], e, kind, known)
				}
			}
		}
	case []any:
		for _, e := range v {
			if f.Elem != nil {
				declared(f.Elem, e, kind, known)
			}
		}
	}
}
